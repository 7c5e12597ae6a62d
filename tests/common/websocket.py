"""The bytes of a WebSocket: the handshake (RFC 6455 section 4) and frames."""

import struct

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FINAL, MASKED = 0x80, 0x80
LENGTH_16 = 126
MASK = bytes((1, 2, 3, 4))

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
VERSION = "Sec-WebSocket-Version: 13"
UPGRADE, CONNECTION = "Upgrade: websocket", "Connection: Upgrade"


def head(*lines):
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


REQUEST = head("GET /chat HTTP/1.1", "Host: here", UPGRADE, CONNECTION, KEY, VERSION)
# As a proxy passes it on that knows nothing of upgrades.
STRIPPED_REQUEST = head("GET /chat HTTP/1.0", "Host: here", "Connection: close", KEY, VERSION)
SWITCH = head("HTTP/1.1 101 Switching Protocols", UPGRADE, CONNECTION,
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


def refusal(status):
    return head(f"HTTP/1.1 {status} No", "Content-Length: 0")


def masked(payload):
    return bytes(byte ^ MASK[i % len(MASK)] for i, byte in enumerate(payload))


def frame(opcode, payload=b"", from_client=False):
    """Of less than 64 KB."""
    mask_bit = MASKED if from_client else 0
    if len(payload) < LENGTH_16:
        header = struct.pack("!BB", FINAL | opcode, mask_bit | len(payload))
    else:
        header = struct.pack("!BBH", FINAL | opcode, mask_bit | LENGTH_16, len(payload))
    return header + (MASK + masked(payload) if from_client else payload)


def close(code, from_client=False):
    return frame(CLOSE, struct.pack("!H", code), from_client)
