"""`wsbpf run` on a port of its own, and what its event log says."""

import contextlib
import json
import re
import socket
import sys
import tempfile
from collections import Counter
from pathlib import Path

from host import HostError, process, wait_until

READY_SECONDS = 90  # its programs take the kernel seconds to verify, on a busy machine many


def get(path, socket_path):
    """The body of an answer on the Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(READY_SECONDS)
        client.connect(str(socket_path))
        client.sendall(f"GET {path} HTTP/1.0\r\nHost: wsbpf\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise HostError(f"{path}: {head.decode(errors='replace')}")
    return body.decode()


def connection_key(connection):
    local, remote = connection["local"], connection["remote"]
    return (connection["netns"], local["address"], local["port"], remote["address"], remote["port"])


class Observer:
    def __init__(self, child, folder):
        self.child, self.socket_path = child, folder / "socket"
        self.log = (folder / "events").open("rb") if (folder / "events").exists() else None
        self.folder = folder
        self.closed = {}  # key -> its closed events, in order
        self.races = {}  # (netns, id) -> names
        self.rest = b""

    def is_ready(self):
        if self.child.poll() is not None:
            raise HostError(f"wsbpf run ended with status {self.child.returncode}")
        with contextlib.suppress(OSError, HostError):
            return bool(get("/readyz", self.socket_path))
        return False

    def losses(self):
        """Events lost, by reason, and what sweeps had to put right, by kind."""
        found = re.findall(r'^wsbpf_(?:events_lost|reconcile_corrections)_total'
                           r'{(?:reason|kind)="(\w+)".*} (\S+)$',
                           get("/metrics", self.socket_path), re.M)
        losses = Counter()
        for name, value in found:
            losses[name] += int(float(value))
        return dict(+losses)

    def read(self):
        """Takes in what has been written since."""
        if self.log is None:
            self.log = (self.folder / "events").open("rb")
        *lines, self.rest = (self.rest + self.log.read()).split(b"\n")
        for line in lines:
            self.take(json.loads(line))

    def take(self, event):
        if event["type"] == "closed":
            self.closed.setdefault(connection_key(event["connection"]), []).append(event)
        elif event["type"] == "race":
            connection = event.get("connection") or {"id": event.get("connection_id")}
            self.races.setdefault(connection["id"], []).append(event["race"])

    def races_of(self, event):
        """The race of the closed event, and those that came after it."""
        first = [event["race"]] if event.get("race") else []
        return sorted(set(first + self.races.get(event["connection"]["id"], [])))


@contextlib.contextmanager
def observer(binary, port, role):
    with tempfile.TemporaryDirectory(prefix="wsbpf-lab-") as name:
        folder = Path(name)
        command = [binary, "run", "--port", str(port), "--role", role, "--listen", "",
                   "--socket", folder / "socket", "--state-file", "",
                   "--event-log", folder / "events", "--log-level", "warning"]
        with process(command, stdout=sys.stderr) as child:
            watcher = Observer(child, folder)
            wait_until(watcher.is_ready, READY_SECONDS, "wsbpf run does not become ready")
            yield watcher
