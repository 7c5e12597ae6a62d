"""How many messages a real WebSocket server sends back, with wsbpf and without.

Server and client are ws on Node.js, each in a process of its own that lives as long as the
benchmark, so that no sample pays for their start; what comes and goes is wsbpf. Both share one CPU:
there is no other work than theirs to hide behind, so that what a message takes of it is what the
throughput is made of.

What disturbs a run only ever adds to it, and on a shared machine adds more than wsbpf does. So the
runs of a variant over all rounds are taken together, and of them not the middle but the first
tenth. How far that may be off is what it becomes without one of the rounds (the jackknife).
"""

import contextlib
import math
import os
import statistics
import subprocess
import time
from pathlib import Path

from host import HostError, process, say
from machine import SETTLE_SECONDS, cpu_ns_of, in_namespace, network_namespace
from observers import Variant, observer
from report import verdict

WATCHED_PORT = 18083
OTHER_PORT = 18084
CONNECTIONS = 32
MESSAGE_BYTES = 1024
LEAST_RATIO = 0.97
RUNS = 12  # a sample
WARMUP_RUNS = 40  # until Node.js has compiled what it runs
UNDISTURBED = 0.1  # of all runs of a variant

VARIANTS = [
    Variant("bare"),
    Variant("bare-again"),  # shows how far the machine's noise alone moves a ratio
    Variant("unwatched", watched_port=OTHER_PORT),  # shows what any program on packets takes
    Variant("watched", limit=LEAST_RATIO, watched_port=WATCHED_PORT),
    Variant("watched-no-websocket", None, WATCHED_PORT, ("--no-websocket",)),
]


class Echo:
    """A server and its client."""

    def __init__(self, server, client, messages):
        self.server, self.client = server, client
        self.messages = messages // CONNECTIONS * CONNECTIONS  # a run

    def order(self, *words):
        self.client.stdin.write(" ".join(map(str, words)) + "\n")
        self.client.stdin.flush()
        answer = self.client.stdout.readline()
        if not answer:
            raise HostError("the echo's client has failed")
        return answer

    @contextlib.contextmanager
    def connected(self):
        self.order("open", CONNECTIONS)
        yield
        self.order("close")

    def run(self):
        """Nanoseconds a message: of CPU time, of the wall clock."""
        pids = self.server.pid, self.client.pid
        before = sum(map(cpu_ns_of, pids))
        wall_ns = int(self.order("send", self.messages, MESSAGE_BYTES))
        cpu_ns = sum(map(cpu_ns_of, pids)) - before
        return {"cpu": cpu_ns / self.messages, "wall": wall_ns / self.messages}


@contextlib.contextmanager
def echo_in(namespace, options):
    script = Path(__file__).parent / "echo.mjs"
    cpu = min(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        children = []
        for role in ("server", "client"):
            child = stack.enter_context(process(
                in_namespace(namespace, "taskset", "--cpu-list", cpu, "node", script, role,
                             WATCHED_PORT),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            if child.stdout.readline() != "ready\n":
                raise HostError("the echo does not start: is `npm ci` done in tests/e2e?")
            children.append(child)
        yield Echo(*children, options.messages // RUNS)


def check_observed(daemon, variant, echo):
    """A cheap daemon that read no message has proven nothing."""
    reads = variant.watched_port == WATCHED_PORT and not variant.flags
    expected = 2 * RUNS * echo.messages if reads else 0
    counted = daemon.metric("wsbpf_websocket_messages_total")
    missed = daemon.metric("wsbpf_websocket_missed_bytes_total")
    if counted < expected and not missed:
        say(f"{variant.name}: wsbpf counts {counted} messages, {expected} were sent")
    if expected and not counted:
        raise HostError("wsbpf has read no message: what it costs to read them was not measured")


def echo_sample(options, variant, echo):
    with observer(options, variant) as watching:
        if variant.observes:
            time.sleep(SETTLE_SECONDS)
        with echo.connected():
            runs = [echo.run() for _ in range(RUNS)]
        if watching.daemon:
            time.sleep(SETTLE_SECONDS)  # the connections' last records are still on their way
            check_observed(watching.daemon, variant, echo)
    return runs


def echo_rounds(options):
    rounds = []
    with network_namespace() as namespace, echo_in(namespace, options) as echo:
        with echo.connected():
            for _ in range(WARMUP_RUNS):
                echo.run()
        for number in range(options.rounds):
            # Each variant takes each place in turn, so that a drift of the machine favours none.
            turn = number % len(VARIANTS)
            rounds.append({v.name: echo_sample(options, v, echo)
                           for v in VARIANTS[turn:] + VARIANTS[:turn]})
            figures = "  ".join(f"{v.name} {undisturbed(rounds[-1:], v.name, 'cpu'):.0f}"
                                for v in VARIANTS)
            say(f"echo, round {number + 1} of {options.rounds}, ns a message: {figures}")
    return rounds


def undisturbed(rounds, name, clock):
    """Nanoseconds a message in the slowest of the runs that little has disturbed."""
    runs = sorted(run[clock] for each in rounds for run in each[name])
    return runs[int(UNDISTURBED * len(runs))]


def throughput(rounds, name, clock):
    """Of a variant, against bare."""
    return undisturbed(rounds, "bare", clock) / undisturbed(rounds, name, clock)


def jackknife_error(rounds, name):
    count = len(rounds)
    if count < 2:
        return 0.0
    without_one = [throughput(rounds[:i] + rounds[i + 1:], name, "cpu") for i in range(count)]
    return math.sqrt((count - 1) * statistics.pvariance(without_one))


def echo_result(variant, rounds):
    ratio = throughput(rounds, variant.name, "cpu")
    return {
        "name": f"echo {variant.name}",
        "ns": round(undisturbed(rounds, variant.name, "cpu")),
        "wall_ns": round(undisturbed(rounds, variant.name, "wall")),
        "ratio": round(ratio, 4),
        "error": round(jackknife_error(rounds, variant.name), 4),
        "wall_ratio": round(throughput(rounds, variant.name, "wall"), 4),
        "limit": variant.limit,
        "ok": None if variant.limit is None else ratio >= variant.limit,
    }


def measure_echo(options):
    rounds = echo_rounds(options)
    results = [echo_result(variant, rounds) for variant in VARIANTS]
    rows = [("echo", "CPU µs a message", "throughput", "error", "by the wall clock", "at least", "")]
    rows += [
        (r["name"].removeprefix("echo "), f"{r['ns'] / 1000:.1f}", f"{r['ratio']:.3f}",
         f"±{r['error']:.3f}", f"{r['wall_ratio']:.3f}",
         "" if r["limit"] is None else f"{r['limit']:.2f}", verdict(r["ok"], "below"))
        for r in results
    ]
    return results, rows
