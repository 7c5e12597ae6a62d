"""raw.py: both ends of TCP connections over loopback which send the bytes that they are given.

Reads a call a line, {"do": NAME, …}, and prints a line when it is done: what it returned, as JSON.
An end is "client" or "server", bytes are in hexadecimal.
"""

import json
import socket
import struct
import sys
import time

HOST = "127.0.0.1"
PATIENCE = 30  # seconds for what should come at once

listeners = {}  # by port
ends = {}  # by the client's port and "client" or "server"


def prepare(end):
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end.settimeout(PATIENCE)
    return end


def listen(port):
    listeners[port] = socket.create_server((HOST, port), backlog=1024)


def dial(port):
    """Connects to whoever listens there; returns the client's port."""
    client = prepare(socket.create_connection((HOST, port)))
    name = client.getsockname()[1]
    ends[name, "client"] = client
    return name


def connect(port):
    """The same, and the listener, which is ours, accepts."""
    name = dial(port)
    ends[name, "server"] = prepare(listeners[port].accept()[0])
    return name


def send(name, end, hex):
    ends[name, end].sendall(bytes.fromhex(hex))


def send_pieces(name, end, hex, bytes_each=1):
    """In segments of so many bytes, each of which has arrived before the next is sent."""
    data = bytes.fromhex(hex)
    for at in range(0, len(data), bytes_each):
        ends[name, end].sendall(data[at : at + bytes_each])
        wait_acknowledged(ends[name, end])


def wait_acknowledged(end):
    unacked = 24  # tcpi_unacked in struct tcp_info
    deadline = time.monotonic() + PATIENCE
    while struct.unpack_from("I", end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64), unacked)[0]:
        if time.monotonic() > deadline:
            raise TimeoutError("never acknowledged")


def receive(name, end, count):
    """So many bytes; fewer where the stream ends before."""
    data = b""
    while len(data) < count:
        more = ends[name, end].recv(count - len(data))
        if not more:
            break
        data += more
    return data.hex()


def receive_head(name, end):
    """Up to the empty line of HTTP."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = ends[name, end].recv(1)
        if not more:
            break
        data += more
    return data.decode("latin-1")


def drain(name, end):
    """All that comes before the stream ends, or is reset; returns how much that was."""
    count = 0
    try:
        while more := ends[name, end].recv(1 << 20):
            count += len(more)
    except ConnectionResetError:
        pass
    return count


def user_timeout(name, end, ms):
    ends[name, end].setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, ms)


def fin(name, end):
    ends[name, end].shutdown(socket.SHUT_WR)


def close(name, end):
    ends.pop((name, end)).close()


def abort(name, end):
    """By a reset."""
    ends[name, end].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close(name, end)


for line in sys.stdin:
    call = json.loads(line)
    result = globals()[call.pop("do")](**call)
    print(json.dumps(result), flush=True)
