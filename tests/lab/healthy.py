"""Traffic with nothing wrong in it, beside each scenario and over the same wire."""

import random
import select
import socket
import time

import pairs
from wire import HEALTHY

SHORT_EVERY_SECONDS = 0.15
CHAT_EVERY_SECONDS = 0.5
BULK = 300_000  # bytes


def near_closes(pair):
    pair.near.close()
    pairs.receive_end(pair.far)
    pair.far.close()


def far_closes(pair):
    pair.far.close()
    pairs.receive_end(pair.near)
    pair.near.close()


def near_closes_one_way(pair):
    """Half of it closed, the other goes on for a while."""
    pair.near.shutdown(socket.SHUT_WR)
    pairs.receive_end(pair.far)
    for _ in range(3):
        pair.far.sendall(bytes(pairs.MESSAGE))
        pairs.receive(pair.near, pairs.MESSAGE)
    far_closes(pair)


def far_closes_one_way(pair):
    pair.far.shutdown(socket.SHUT_WR)
    pairs.receive_end(pair.near)
    for _ in range(3):
        pair.near.sendall(bytes(pairs.MESSAGE))
        pairs.receive(pair.far, pairs.MESSAGE)
    near_closes(pair)


def close_after_bulk(pair):
    for sender, reader in ((pair.near, pair.far), (pair.far, pair.near)):
        for _ in range(BULK // 20_000):
            sender.sendall(bytes(20_000))
            pairs.receive(reader, 20_000)
    near_closes(pair)


LOCAL = {"verdict": "local_close", "initiator": "local"}
REMOTE = {"verdict": "remote_close", "initiator": "remote"}

# how it ends, what is to be said, whether it lives from first to last, whether it talks meanwhile
KINDS = (
    (near_closes, LOCAL, True, True),
    (far_closes, REMOTE, False, False),
    (near_closes, LOCAL, False, False),
    (far_closes, REMOTE, True, True),
    (close_after_bulk, LOCAL, False, False),
    (far_closes, REMOTE, True, False),
    (near_closes, LOCAL, True, False),
    (far_closes_one_way, REMOTE, True, False),
    (near_closes_one_way, LOCAL, False, False),
)


def keep_alive(pair):
    """Probes that are answered, as on most servers."""
    for sock in (pair.near, pair.far):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 2)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)


class Traffic:
    def __init__(self, stage):
        self.stage = stage
        kinds = [KINDS[i % len(KINDS)] for i in range(stage.count)]
        self.short = [kind for kind in kinds if not kind[2]]
        self.long = [(self.open(kind), kind) for kind in kinds if kind[2]]

    def open(self, kind):
        family = random.choice(pairs.FAMILIES)
        pair = self.stage.open_one(family, HEALTHY)
        self.stage.report.expect("healthy", pair.key, healthy=True, race=None, mechanism="fin",
                                 beside=self.stage.name, **kind[1])
        if random.random() < 0.5:
            keep_alive(pair)
        pairs.talk(pair)
        return pair

    def play_short(self):
        if self.short:
            kind = self.short.pop()
            kind[0](self.open(kind))

    def chat(self):
        for pair, kind in self.long:
            if kind[3]:
                pairs.talk(pair)

    def finish(self):
        while self.short:
            self.play_short()
        for pair, kind in self.long:
            pairs.talk(pair)
            kind[0](pair)


def run_beside(stage, until_readable):
    """Plays until the descriptor has something to read or its other end is closed."""
    traffic = Traffic(stage)
    next_chat = time.monotonic()
    while not select.select([until_readable], [], [], SHORT_EVERY_SECONDS)[0]:
        traffic.play_short()
        if time.monotonic() > next_chat:
            traffic.chat()
            next_chat += CHAT_EVERY_SECONDS
    traffic.finish()
