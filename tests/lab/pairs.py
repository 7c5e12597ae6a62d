"""Connections with both ends in our hands: near is watched, far is its peer."""

import contextlib
import ctypes
import os
import select
import socket
import struct
from dataclasses import dataclass

MESSAGE = 100  # bytes
IO_SECONDS = 20  # far more than any read or write of ours has to wait
TCP_REPAIR = 19
ESTABLISHED, FIN_WAIT2, CLOSE, CLOSE_WAIT = 1, 5, 7, 8
FAMILIES = (socket.AF_INET, socket.AF_INET6)
NO_LINGER = struct.pack("ii", 1, 0)


@dataclass
class Pair:
    near: socket.socket | None  # None where another process has it
    far: socket.socket | None
    key: tuple  # of the watched end: netns, local address and port, remote address and port


def endpoint(address):
    return tuple(address[:2])  # without IPv6's flow and scope


def key_of_far(wire, far):
    """How the event log names the end that faces `far`."""
    return (wire.near.inode, *endpoint(far.getpeername()), *endpoint(far.getsockname()))


def listen(side, address, family, port, options=()):
    server = side.socket(family)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for option in options:
        server.setsockopt(*option)
    server.bind((address, port))
    server.listen(1024)
    return server


def connect(side, source, target, family, port, options=()):
    client = side.socket(family)
    client.settimeout(IO_SECONDS)
    for option in options:
        client.setsockopt(*option)
    client.bind((source, 0))
    client.connect((target, port))
    return client


@dataclass(frozen=True)
class TcpInfo:
    """The first fields of the kernel's struct tcp_info; times in seconds."""

    state: int
    retransmits: int
    probes: int
    backoff: int
    unacked: int
    idle: float
    unsent: int


def tcp_info(sock):
    raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    state, _, retransmits, probes, backoff = struct.unpack_from("5B", raw)
    (unacked,) = struct.unpack_from("I", raw, 24)
    sent, _, received, _ = struct.unpack_from("4I", raw, 44)
    (unsent,) = struct.unpack_from("I", raw, 144)
    return TcpInfo(state, retransmits, probes, backoff, unacked, min(sent, received) / 1000, unsent)


def is_readable(sock):
    return bool(select.select([sock], [], [], 0)[0])


def state_of(sock):
    return tcp_info(sock).state


def receive(sock, size):
    """Reads `size` bytes, all of which are on their way."""
    while size > 0:
        data = sock.recv(min(size, 65536))
        if not data:
            raise ConnectionError("the stream ended early")
        size -= len(data)


def receive_end(sock):
    if sock.recv(1):
        raise ConnectionError("more data where the end of the stream was due")


def talk(pair, size=MESSAGE):
    """A message each way, each read."""
    pair.far.sendall(bytes(size))
    receive(pair.near, size)
    pair.near.sendall(bytes(size))
    receive(pair.far, size)


def fill(sock):
    """Sends until no more goes in."""
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.send(bytes(65536))
    sock.settimeout(IO_SECONDS)


def drain(sock):
    """Reads what has come."""
    while is_readable(sock) and sock.recv(65536):
        pass


def abort(sock):
    """Closes by a reset: SO_LINGER with no time."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    sock.close()


def forget(sock):
    """Closes without a word to the peer, as a host does that lost power."""
    if sock.fileno() < 0:
        return
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    sock.close()


def disconnect(sock):
    """connect() to nowhere: the socket gives its connection up by a reset, and may connect
    again."""
    unspecified = ctypes.create_string_buffer(16)  # sa_family 0
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.connect(sock.fileno(), unspecified, len(unspecified)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
