"""Plays the scenarios, each in a process of its own, all at once."""

import contextlib
import json
import os
import random
import select
import signal
import socket
import time
import traceback

from healthy import run_beside
from host import HostError, say
from scenarios import COUNTED
from stage import Report, Stage, run_child
from wire import new_wire

PLAY_SECONDS = 600
FIRST_PORT, LAST_PORT = 15_000, 30_000  # below those that the kernel hands out to clients


@contextlib.contextmanager
def own_port():
    """A port for this run alone: another run cannot bind it while we do."""
    while True:
        with socket.socket() as holder:
            with contextlib.suppress(OSError):
                holder.bind(("127.0.0.1", random.randint(FIRST_PORT, LAST_PORT)))
                yield holder.getsockname()[1]
                return


def play_beside_healthy(scenario, role, port, count, report):
    wire = new_wire()
    stop_read, stop = os.pipe()
    healthy = os.fork()
    if healthy == 0:
        os.close(stop)
        run_child(lambda: guarded(
            report, f"healthy traffic beside {scenario.name}",
            lambda: run_beside(Stage(scenario.name, wire, role, port, count, report), stop_read)))
    stage = Stage(scenario.name, wire, role, port, count, report)
    guarded(report, scenario.name, lambda: scenario.play(stage))
    os.close(stop)
    os.waitpid(healthy, 0)
    guarded(report, scenario.name, lambda: compare_counters(scenario, stage))
    return stage  # keeps the sockets that are meant to stay open


def compare_counters(scenario, stage):
    """The kernel's own counts bear the scenario out. What is healthy adds nothing to them."""
    counted = stage.wire.near.counters()
    seen = {name: counted[name] for name in COUNTED
            if counted[name] and name not in scenario.not_counted}
    wanted = {name: stage.count for name in scenario.counted}
    if seen != wanted:
        raise HostError(f"the kernel counted {seen}, not {wanted}")


def guarded(report, name, body):
    try:
        body()
    except Exception:
        report.write("problem", scenario=name, text=traceback.format_exc(limit=-3))


class Played:
    """What the scenarios have told."""

    def __init__(self):
        self.expected, self.problems = [], []
        self.pending = set()

    def take(self, line):
        told = json.loads(line)
        match told.pop("kind"):
            case "expected":
                told["key"] = tuple(told["key"])
                self.expected.append(told)
            case "problem":
                self.problems.append(told)
            case "done":
                self.pending.discard(told["scenario"])
                say(f"{told['scenario']}: played in {told['seconds']:.0f} s")


def run_one(scenario, role, port, count, report, release_read):
    start = time.monotonic()
    stage = play_beside_healthy(scenario, role, port, count, report)
    report.write("done", scenario=scenario.name, seconds=time.monotonic() - start)
    os.read(release_read, 1)  # until the events have been read, or the leader is gone
    del stage


@contextlib.contextmanager
def players(scenarios, role, port, count):
    """The processes by pid, and the descriptor they tell on. Those that are done keep their
    sockets and namespaces until the end."""
    told, tell = os.pipe()
    release_read, release = os.pipe()
    children = {}
    try:
        for scenario in scenarios:
            child = os.fork()
            if child == 0:
                os.close(told)
                os.close(release)
                run_child(
                    lambda s=scenario: run_one(s, role, port, count, Report(tell), release_read))
            children[child] = scenario.name
        os.close(tell)
        yield children, told
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for descriptor in (told, release_read, release):
            os.close(descriptor)


def has_died(child):
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def listen_until_done(children, told, played):
    end = time.monotonic() + PLAY_SECONDS
    rest = b""
    while played.pending:
        if select.select([told], [], [], 1)[0]:
            *lines, rest = (rest + os.read(told, 1 << 20)).split(b"\n")
            for line in lines:
                played.take(line)
            continue
        for child, name in children.items():
            if name in played.pending and has_died(child):
                raise HostError(f"{name}: its process died")
        if time.monotonic() > end:
            raise HostError(f"not played in time: {', '.join(sorted(played.pending))}")


@contextlib.contextmanager
def playing(scenarios, role, port, count):
    """All that was played; inside, what was left open still is."""
    played = Played()
    played.pending = {scenario.name for scenario in scenarios}
    with players(scenarios, role, port, count) as (children, told):
        listen_until_done(children, told, played)
        yield played
