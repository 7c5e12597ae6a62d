"""Traffic with nothing wrong in it, beside each scenario and over the same wire."""

import random
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import pairs
import websockets
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


def near_says_goodbye(stage, pair):
    """As RFC 6455 wants it; the server closes TCP first."""
    say_goodbye(stage, pair, pair.near, pair.far)


def far_says_goodbye(stage, pair):
    say_goodbye(stage, pair, pair.far, pair.near)


def say_goodbye(stage, pair, first, second):
    websockets.say_close(stage, pair, first)
    websockets.say_close(stage, pair, second)
    client, server = websockets.client_and_server(stage, pair)
    server.close()
    pairs.receive_end(client)
    client.close()


LOCAL = {"verdict": "local_close", "initiator": "local"}
REMOTE = {"verdict": "remote_close", "initiator": "remote"}

CLEAN_LOCAL = {"verdict": "clean", "initiator": "local"}
CLEAN_REMOTE = {"verdict": "clean", "initiator": "remote"}


@dataclass(frozen=True)
class Kind:
    end: Callable
    said: dict
    is_long: bool  # lives from first to last
    talks: bool = False  # meanwhile
    is_websocket: bool = False


KINDS = (
    Kind(near_closes, LOCAL, True, True),
    Kind(far_closes, REMOTE, False),
    Kind(near_says_goodbye, CLEAN_LOCAL, True, True, True),
    Kind(near_closes, LOCAL, False),
    Kind(far_says_goodbye, CLEAN_REMOTE, False, False, True),
    Kind(far_closes, REMOTE, True, True),
    Kind(close_after_bulk, LOCAL, False),
    Kind(far_closes, REMOTE, True),
    Kind(near_closes, LOCAL, True),
    Kind(far_closes_one_way, REMOTE, True),
    Kind(near_says_goodbye, CLEAN_LOCAL, False, False, True),
    Kind(near_closes_one_way, LOCAL, False),
    Kind(far_says_goodbye, CLEAN_REMOTE, True, False, True),
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
        self.short = [kind for kind in kinds if not kind.is_long]
        self.long = [(self.open(kind), kind) for kind in kinds if kind.is_long]

    def open(self, kind):
        family = random.choice(pairs.FAMILIES)
        pair = self.stage.open_one(family, HEALTHY)
        self.stage.report.expect("healthy", pair.key, healthy=True, race=None, mechanism="fin",
                                 beside=self.stage.name, **kind.said)
        if random.random() < 0.5:
            keep_alive(pair)
        if kind.is_websocket:
            websockets.ask(self.stage, pair)
        self.talk(pair, kind)
        return pair

    def talk(self, pair, kind):
        if kind.is_websocket:
            websockets.talk(self.stage, pair)
        else:
            pairs.talk(pair)

    def end(self, pair, kind):
        if kind.is_websocket:
            kind.end(self.stage, pair)
        else:
            kind.end(pair)

    def play_short(self):
        if self.short:
            kind = self.short.pop()
            self.end(self.open(kind), kind)

    def chat(self):
        for pair, kind in self.long:
            if kind.talks:
                self.talk(pair, kind)

    def finish(self):
        while self.short:
            self.play_short()
        for pair, kind in self.long:
            self.talk(pair, kind)
            self.end(pair, kind)


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
