"""One loopback connection opened, used and closed, under each observer, against bare; then what
wsbpf's BPF programs take a run."""

import contextlib
import shutil
import statistics
import time
from dataclasses import dataclass

from host import HostError, NotInTime, say, wait_until
from machine import SETTLE_SECONDS, all_programs, network_namespace, tracing_programs
from observers import Variant, observer
from programs import Load, Watch, measure_programs, program_rows
from report import median_error, verdict

WATCHED_PORT = 18080  # in a network namespace of its own: it collides with nobody's
OTHER_PORT = 18081

SAMPLE_ATTEMPTS = 3
QUIET_SECONDS = 20

BPFTRACE_PROGRAM = (
    "tracepoint:sock:inet_sock_set_state"
    ' { printf("%d %s %d %d\\n", pid, comm, args->oldstate, args->newstate); }'
)


@dataclass(frozen=True)
class Sample:
    ns: float  # a connection, as the load feels it
    observer_ns: float  # a connection, of the observer's own CPU time besides


class Disturbed(Exception):
    """BPF programs of others came or went during a sample."""


def churn_variants(options):
    # The second bare sample of a round shows how far the machine's noise alone moves a ratio.
    variants = [Variant("bare"), Variant("bare-again")]
    if options.wsbpf:
        without = ("--no-websocket",)
        variants += [
            Variant("watched", limit=1.20, watched_port=WATCHED_PORT),
            Variant("unwatched", limit=1.12, watched_port=OTHER_PORT),
            Variant("watched-no-websocket", 1.10, WATCHED_PORT, without),
            Variant("unwatched-no-websocket", 1.05, OTHER_PORT, without),
            # Of a bare connection that has the same handshake.
            Variant("bare-handshake", websocket=True),
            Variant("watched-handshake", 1.20, WATCHED_PORT, websocket=True),
            Variant("discovery", watched_port="auto"),
        ]
    tools = {
        "tcplife": ("tcplife",),
        "tcpstates": ("tcpstates",),
        "bpftrace": ("bpftrace", "-e", BPFTRACE_PROGRAM),
    }
    variants += [
        Variant(name, command=command)
        for name, command in tools.items()
        if shutil.which(command[0])
    ]
    if options.only:
        wanted = {"bare", *options.only.split(",")}
        if "watched-handshake" in wanted:
            wanted.add("bare-handshake")
        if unknown := wanted - {variant.name for variant in variants}:
            raise HostError(f"no such variant here: {', '.join(sorted(unknown))}")
        variants = [variant for variant in variants if variant.name in wanted]
    return variants


def load_of(options, variant):
    return Load(("churn", "--port", WATCHED_PORT, "--count", options.count,
                 "--warmup", options.warmup, "--websocket", int(variant.websocket)),
                "connection", options.count + options.warmup)


def program_watches(options, variants):
    """Those of wsbpf's variants that are measured, for the time of its BPF programs."""
    load = load_of(options, Variant("bare"))
    watches = {
        "watched": [
            Watch("watched", WATCHED_PORT, (), {"set_state": 120}, load),
            # On loopback half of the runs are the client's, of whom a server's daemon keeps
            # nothing. Here every run is on a watched socket.
            Watch("watched, both ends", WATCHED_PORT, ("--role=both",), {}, load),
        ],
        "unwatched": [Watch("unwatched", OTHER_PORT, (), {"set_state": 50}, load)],
        "watched-no-websocket": [Watch("without websocket", WATCHED_PORT, ("--no-websocket",),
                                       {"set_state": 120}, load)],
        "watched-handshake": [Watch("handshake", WATCHED_PORT, (), {},
                                    load_of(options, Variant("", websocket=True)))],
        "discovery": [Watch("discovery", "auto", (), {}, load)],
    }
    return [watch for variant in variants for watch in watches.get(variant.name, [])]


def check_observed(daemon, variant, options):
    """A cheap daemon that missed what it was to watch has proven nothing."""
    expected = options.count + options.warmup if variant.watched_port == WATCHED_PORT else 0
    deadline = time.monotonic() + 2
    while (opened := daemon.metric("wsbpf_connections_opened_total")) != expected:
        if time.monotonic() > deadline:
            lost = daemon.metric("wsbpf_events_lost_total")
            say(f"{variant.name}: wsbpf saw {opened} of {expected} opens, {lost} events lost")
            return
        time.sleep(0.1)


def churn_sample(options, variant, foreign_programs):
    """One sample under one observer, in a network namespace of its own."""
    with network_namespace() as namespace, observer(options, variant) as watching:
        if variant.observes:
            time.sleep(SETTLE_SECONDS)
        own_cpu_ns = watching.cpu_ns()
        output = load_of(options, variant).run(options, namespace)
        if all_programs() - watching.programs() != foreign_programs:
            raise Disturbed
        if watching.daemon:
            check_observed(watching.daemon, variant, options)
        own_cpu_ns = watching.cpu_ns() - own_cpu_ns
    wall_ns, cpu_ns = map(int, output.split())
    return Sample(ns=cpu_ns if options.clock == "cpu" else wall_ns,
                  observer_ns=own_cpu_ns / (options.count + options.warmup))


def undisturbed_sample(options, variant, foreign_programs):
    for _ in range(SAMPLE_ATTEMPTS):
        with contextlib.suppress(NotInTime):
            wait_until(lambda: all_programs() == foreign_programs, QUIET_SECONDS, "")
        with contextlib.suppress(Disturbed):
            return churn_sample(options, variant, foreign_programs)
        say(f"another BPF program came or went: sampling {variant.name} again")
    raise Disturbed


def churn_round(options, variants):
    with contextlib.suppress(NotInTime):  # then all variants pay alike for those that stay
        wait_until(lambda: not tracing_programs(), QUIET_SECONDS, "")
    foreign_programs = all_programs()
    return {v.name: undisturbed_sample(options, v, foreign_programs) for v in variants}


def churn_rounds(options, variants):
    rounds, attempts = [], 0
    while len(rounds) < options.rounds:
        attempts += 1
        if attempts > 3 * options.rounds:
            raise HostError("other BPF observers keep coming and going: stop them and try again")
        # Each variant takes each place in turn, so that a drift of the machine favours none.
        turn = attempts % len(variants)
        try:
            rounds.append(churn_round(options, variants[turn:] + variants[:turn]))
        except Disturbed:
            say("this round is repeated")
            continue
        figures = "  ".join(f"{v.name} {rounds[-1][v.name].ns}" for v in variants)
        say(f"round {len(rounds)} of {options.rounds}, ns a connection: {figures}")
    return rounds


def churn_result(variant, rounds):
    bare = "bare-handshake" if variant.websocket else "bare"
    samples = [each[variant.name] for each in rounds]
    ratios = [each[variant.name].ns / each[bare].ns for each in rounds]
    median = statistics.median(ratios)
    return {
        "name": variant.name,
        "ns": statistics.median(sample.ns for sample in samples),
        "observer_ns": round(statistics.median(sample.observer_ns for sample in samples)),
        "ratio": round(median, 4),
        "error": round(median_error(ratios), 4),
        "min": round(min(ratios), 4),
        "max": round(max(ratios), 4),
        "limit": variant.limit,
        "ok": None if variant.limit is None else median <= variant.limit,
    }


def row_of(result):
    limit = "" if result["limit"] is None else f"{result['limit']:.2f}"
    return (result["name"], f"{result['ns'] / 1000:.1f}", f"{result['observer_ns'] / 1000:.1f}",
            f"{result['ratio']:.3f}", f"±{result['error']:.3f}",
            f"{result['min']:.3f}..{result['max']:.3f}", limit, verdict(result["ok"]))


def churn(options):
    variants = churn_variants(options)
    rounds = churn_rounds(options, variants)
    results = [churn_result(variant, rounds) for variant in variants]
    programs = measure_programs(options, options.program_rounds,
                                program_watches(options, variants))
    report = {"benchmark": "churn", "rounds": options.rounds, "count": options.count,
              "clock": options.clock, "results": results,
              "program_rounds": options.program_rounds, "programs": programs}
    rows = [("variant", "µs", "observer's µs", "ratio", "error", "min..max", "limit", "")]
    rows += [row_of(result) for result in results]
    return report, [rows, program_rows(programs, "connection")] if programs else [rows]
