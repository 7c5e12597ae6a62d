"""What the smoke test stands on: TAP, the daemon, namespaces, and pairs of sockets."""

import contextlib
import ctypes
import http.client
import json
import os
import socket
import struct
import subprocess
import time
import traceback

PORT = 8080
API_SOCKET = "/run/wsbpf/wsbpf.sock"
EVENT_LOG = "/run/events.jsonl"
DAEMON_LOG = "/run/wsbpf.log"
PATIENCE_SECONDS = 30  # an emulated machine is ten times slower than a real one
START_SECONDS = 120  # until the kernel has verified the programs
SO_COOKIE = 57  # include/uapi/asm-generic/socket.h

libc = ctypes.CDLL(None, use_errno=True)


class Tap:
    """Prints a line for each check, and the plan at the end."""

    def __init__(self):
        self.count = 0

    def check(self, name, holds, detail=""):
        self.count += 1
        print(f"{'ok' if holds else 'not ok'} {self.count} - {name}", flush=True)
        if not holds and detail:
            self.note(detail)

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # skipped: {why}", flush=True)

    def note(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def run(self, case):
        """A case that raises has failed; the next one runs all the same."""
        started = time.monotonic()
        try:
            case()
        except Exception:
            self.check(case.__doc__, False, traceback.format_exc())
        self.note(f"{case.__name__} took {time.monotonic() - started:.1f} s")

    def plan(self):
        print(f"1..{self.count}", flush=True)


def until(condition, seconds=PATIENCE_SECONDS):
    """The first true value of `condition()`, or its last one when time is up."""
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return value


def output(*command):
    """(exit code, stdout, stderr)"""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS * 2)
    return done.returncode, done.stdout, done.stderr


def run(command):
    code, _, errors = output(*command.split())
    if code:
        raise RuntimeError(f"{command}: {errors.strip()}")


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


# The daemon


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(API_SOCKET)


def get(path):
    """(status, body)"""
    connection = UnixConnection("wsbpf", timeout=PATIENCE_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def start_daemon():
    command = ["wsbpf", "run", "--port", str(PORT), "--event-log", EVENT_LOG]
    with open(DAEMON_LOG, "w", encoding="utf-8") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def ready():
    try:
        return get("/readyz")
    except OSError:
        return None


def metric(name):
    """All series of a metric: {labels as text: value}"""
    series = {}
    for line in get("/metrics")[1].splitlines():
        if line.startswith(name + "{") or line.startswith(name + " "):
            labels, value = line[len(name):].rsplit(" ", 1)
            series[labels] = float(value)
    return series


def connections():
    code, text, errors = output("wsbpf", "list", "-o", "json")
    if code:
        raise RuntimeError(f"wsbpf list: {errors.strip()}")
    return json.loads(text)["connections"]


def events(kind):
    # The last line may be half written.
    with open(EVENT_LOG, encoding="utf-8") as log:
        lines = log.read().split("\n")[:-1]
    return [event for event in map(json.loads, lines) if event["type"] == kind]


def closed_events(ids):
    """The `closed` events of these connections, by id."""
    found = {event["connection"]["id"]: event for event in events("closed")}
    return {id: found[id] for id in ids if id in found}


def bpf_objects():
    """What BPF programs, maps and links exist, as the kernel counts them."""
    x86_64_bpf = 321
    found = set()
    for kind, next_id in (("program", 11), ("map", 12), ("link", 31)):
        last = 0
        while True:
            attributes = ctypes.create_string_buffer(struct.pack("III", last, 0, 0), 128)
            if libc.syscall(x86_64_bpf, next_id, attributes, 128) != 0:
                break
            last = struct.unpack_from("III", attributes)[1]
            found.add((kind, last))
    return found


# Sockets


@contextlib.contextmanager
def netns(name):
    """Sockets made within belong to this namespace. (os.setns is Python 3.12's.)"""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if libc.setns(there, 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}")
        yield
    finally:
        libc.setns(home, 0)
        os.close(there)
        os.close(home)


def listen(family, backlog=512):
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(("", PORT))
    listener.listen(backlog)
    listener.settimeout(PATIENCE_SECONDS)
    return listener


def pass_on(sender, receiver, data):
    """All of it is read."""
    sender.sendall(data)
    left = len(data)
    while left:
        read = len(receiver.recv(left))
        if not read:
            raise ConnectionError("the stream ended early")
        left -= read


class Pair:
    """A client, here or in a namespace, and the server's socket that was accepted for it, whose
    cookie is what wsbpf calls the connection."""

    def __init__(self, listener, address, client_netns=None):
        with netns(client_netns) if client_netns else contextlib.nullcontext():
            self.client = socket.socket(listener.family)
        self.client.settimeout(PATIENCE_SECONDS)
        self.client.connect((address, PORT))
        self.server, _ = listener.accept()
        self.server.settimeout(PATIENCE_SECONDS)
        cookie = self.server.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8)
        self.id = str(struct.unpack("Q", cookie)[0])

    def from_client(self, data):
        pass_on(self.client, self.server, data)

    def from_server(self, data):
        pass_on(self.server, self.client, data)

    def talk(self, size=50):
        """Something each way, all of it read."""
        self.from_client(b"x" * size)
        self.from_server(b"x" * size)

    def close(self, *order):
        """Closes one after the other; the second waits for the end of the first."""
        first, second = order
        first.close()
        with contextlib.suppress(ConnectionError):
            second.recv(1)
        second.close()


def close_hard(end):
    """Ends with a reset."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
