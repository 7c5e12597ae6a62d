"""ends.py: both ends of connections over loopback, and listeners which do as they are told.

Reads a call a line, {"do": NAME, …}, and prints a line when it is done: what it returned, as JSON.
"""

import json
import socket
import struct
import sys

HOST = "127.0.0.1"

listeners = {}  # by port
accepted = {}  # by port, the server's ends
clients = {}  # by port


def listen(port, backlog=1024):
    listeners[port] = socket.create_server((HOST, port), backlog=backlog)
    accepted[port], clients[port] = [], []


def open(port, count, keepalive=None):
    """`keepalive`: the server's TCP_KEEPIDLE and TCP_KEEPINTVL in seconds, and TCP_KEEPCNT."""
    for _ in range(count):
        clients[port].append(socket.create_connection((HOST, port)))
        connection, _ = listeners[port].accept()
        if keepalive:
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            for option, value in zip(options, keepalive):
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        accepted[port].append(connection)


def knock(port, count):
    """Begins to connect, and does not wait."""
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex((HOST, port))
        clients[port].append(client)


def accept(port):
    """Accepts what waits."""
    listeners[port].setblocking(False)
    try:
        while True:
            accepted[port].append(listeners[port].accept()[0])
    except BlockingIOError:
        pass


def serve(port):
    """The server sends a byte on each connection."""
    for connection in accepted[port]:
        connection.send(b"!")


def speak(port):
    """The clients do."""
    for client in clients[port]:
        client.send(b"!")


def leave(port):
    """The clients go without a word: what is left of them is the kernel's."""
    for client in clients[port]:
        client.close()
    clients[port].clear()


def abort(port):
    """The clients send a reset."""
    for client in clients[port]:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    leave(port)


def hang_up(port):
    """The server closes, whatever it has not read."""
    for connection in accepted[port]:
        connection.close()
    accepted[port].clear()


for line in sys.stdin:
    call = json.loads(line)
    result = globals()[call.pop("do")](**call)
    print(json.dumps(result), flush=True)
