"""How many messages a real WebSocket server sends back, with wsbpf and without.

Server and client are ws on Node.js, each in a process of its own that lives as long as the
benchmark, so that no sample pays for their start; what comes and goes is wsbpf.

The ratio that counts is of the CPU time that both processes take a message: on loopback a BPF
program runs in the sender's system call, so that all that wsbpf's programs take of a message is in
it, and as the server is bound by its CPU time, its throughput is that time's inverse. The wall
clock says the same where the machine does nothing else, and something else where it does. A sample
is the least of several runs, since what disturbs one only ever adds.
"""

import contextlib
import statistics
import subprocess
import time
from pathlib import Path

from host import HostError, process, say
from machine import SETTLE_SECONDS, cpu_ns_of, in_namespace, network_namespace
from observers import Variant, observer
from report import median_error, verdict

WATCHED_PORT = 18083
CONNECTIONS = 32
MESSAGE_BYTES = 1024
LEAST_RATIO = 0.97
RUNS = 8  # a sample; what disturbs one, garbage collection or a neighbour, does not meet them all
WARMUP_RUNS = 16  # until Node.js has compiled what it runs

VARIANTS = [
    Variant("bare"),
    Variant("bare-again"),  # shows how far the machine's noise alone moves a ratio
    Variant("watched", limit=LEAST_RATIO, watched_port=WATCHED_PORT),
    Variant("watched-no-websocket", None, WATCHED_PORT, ("--no-websocket",)),
]


class Echo:
    """A server and its client."""

    def __init__(self, server, client, messages):
        self.server, self.client = server, client
        self.messages = messages // CONNECTIONS * CONNECTIONS  # a run

    def run(self):
        """Nanoseconds a message: of CPU time, of the wall clock."""
        pids = self.server.pid, self.client.pid
        before = sum(map(cpu_ns_of, pids))
        self.client.stdin.write(f"{CONNECTIONS} {self.messages} {MESSAGE_BYTES}\n")
        self.client.stdin.flush()
        answer = self.client.stdout.readline()
        if not answer:
            raise HostError("the echo's client has failed")
        cpu_ns = sum(map(cpu_ns_of, pids)) - before
        return {"cpu": cpu_ns / self.messages, "wall": int(answer) / self.messages}


@contextlib.contextmanager
def echo_in(namespace, options):
    script = Path(__file__).parent / "echo.mjs"
    with contextlib.ExitStack() as stack:
        children = []
        for role in ("server", "client"):
            child = stack.enter_context(process(
                in_namespace(namespace, "node", script, role, WATCHED_PORT),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            if child.stdout.readline() != "ready\n":
                raise HostError("the echo does not start: is `npm ci` done in tests/e2e?")
            children.append(child)
        yield Echo(*children, options.messages // RUNS)


def check_observed(daemon, variant, echo):
    """A cheap daemon that read no message has proven nothing."""
    expected = 0 if variant.flags else 2 * RUNS * echo.messages
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
        runs = [echo.run() for _ in range(RUNS)]
        if watching.daemon:
            time.sleep(SETTLE_SECONDS)  # the connections' last records are still on their way
            check_observed(watching.daemon, variant, echo)
    return {clock: min(each[clock] for each in runs) for clock in ("cpu", "wall")}


def echo_rounds(options):
    rounds = []
    with network_namespace() as namespace, echo_in(namespace, options) as echo:
        for _ in range(WARMUP_RUNS):
            echo.run()
        for number in range(options.rounds):
            # Each variant takes each place in turn, so that a drift of the machine favours none.
            turn = number % len(VARIANTS)
            rounds.append({v.name: echo_sample(options, v, echo)
                           for v in VARIANTS[turn:] + VARIANTS[:turn]})
            figures = "  ".join(f"{v.name} {rounds[-1][v.name]['cpu']:.0f}" for v in VARIANTS)
            say(f"echo, round {number + 1} of {options.rounds}, ns a message: {figures}")
    return rounds


def echo_result(variant, rounds):
    def ratios(clock):
        return [each["bare"][clock] / each[variant.name][clock] for each in rounds]

    median = statistics.median(ratios("cpu"))
    return {
        "name": f"echo {variant.name}",
        "ns": round(statistics.median(each[variant.name]["cpu"] for each in rounds)),
        "wall_ns": round(statistics.median(each[variant.name]["wall"] for each in rounds)),
        "ratio": round(median, 4),
        "error": round(median_error(ratios("cpu")), 4),
        "wall_ratio": round(statistics.median(ratios("wall")), 4),
        "limit": variant.limit,
        "ok": None if variant.limit is None else median >= variant.limit,
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
