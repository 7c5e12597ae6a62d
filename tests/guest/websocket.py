"""What makes a WebSocket of a pair of sockets: the handshake (RFC 6455 section 4) and frames."""

import socket
import struct

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FINAL, MASKED = 0x80, 0x80
MASK = bytes((1, 2, 3, 4))

REQUEST = b"\r\n".join((
    b"GET /chat HTTP/1.1", b"Host: guest", b"Upgrade: websocket", b"Connection: Upgrade",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13", b"", b""))
SWITCH = b"\r\n".join((
    b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade",
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", b"", b""))
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


def frame(opcode, payload=b"", masked=False):
    """Of up to 125 bytes."""
    head = bytes((FINAL | opcode, (MASKED if masked else 0) | len(payload)))
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))


def send(sender, receiver, data):
    """All of it is read at the other end."""
    sender.sendall(data)
    if len(receiver.recv(len(data), socket.MSG_WAITALL)) != len(data):
        raise ConnectionError("the stream ended early")


def ask(pair, answer=SWITCH):
    """The handshake, or one that is refused."""
    send(pair.client, pair.server, REQUEST)
    send(pair.server, pair.client, answer)


def from_client(pair, opcode, payload=b""):
    send(pair.client, pair.server, frame(opcode, payload, masked=True))


def from_server(pair, opcode, payload=b""):
    send(pair.server, pair.client, frame(opcode, payload))


def close_code(code):
    return struct.pack("!H", code)
