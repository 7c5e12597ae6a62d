"""What each of the daemon's BPF programs takes a run, by the kernel's own clock.

A phase of its own, after the ratios: the clock taxes every BPF program on the machine. The daemon
turns it on by a descriptor (BPF_ENABLE_STATS), so that the kernel turns it off again when the
daemon ends, however it ends; the sysctl is never touched.

Being called and timed has its price, which an empty program shows. The limits are for machines
where that is 35 ns; what it is more here is added to them.
"""

import statistics
import subprocess
import time
from dataclasses import dataclass

from host import HostError, run, say
from machine import SETTLE_SECONDS, in_namespace, network_namespace
from observers import wsbpf_daemon
from report import verdict

EMPTY_NS = 35  # a run of the empty program, where the limits were set
WORTH_A_ROW = 0.1  # runs a connection; the rest, such as the sweeps' iterators, is in the JSON


@dataclass(frozen=True)
class Runs:
    ns: float  # a run
    per_connection: float


@dataclass(frozen=True)
class Watch:
    """What a variant's daemon watches, and what the programs' runs may take there."""

    name: str
    port: int
    flags: tuple[str, ...]
    limits: dict[str, float]


def program_sample(options, watch, load_port):
    """{program: Runs} over one churn, in a network namespace of its own."""
    connections = options.count + options.warmup
    with (network_namespace() as namespace,
          wsbpf_daemon(options, watch.port, "--bpf-stats", *watch.flags) as observer):
        time.sleep(SETTLE_SECONDS)
        before = observer.daemon.program_runs()
        run(*in_namespace(namespace, options.programs / "churn", "--port", load_port,
                          "--count", options.count, "--warmup", options.warmup))
        after = observer.daemon.program_runs()
    sample = {}
    for program, (count, seconds) in after.items():
        count_before, seconds_before = before[program]
        if count > count_before:
            sample[program] = Runs(ns=1e9 * (seconds - seconds_before) / (count - count_before),
                                   per_connection=(count - count_before) / connections)
    return sample


def empty_sample(options, load_port):
    """The Runs of a program that does nothing, over one churn."""
    connections = options.count + options.warmup
    with network_namespace() as namespace, subprocess.Popen(
            [options.programs / "empty_program"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True) as program:
        if program.stdout.readline() != "ready\n":
            raise HostError("the empty BPF program does not load here")
        run(*in_namespace(namespace, options.programs / "churn", "--port", load_port,
                          "--count", options.count, "--warmup", options.warmup))
        count, ns = map(int, program.communicate()[0].split())
    return Runs(ns=ns / count, per_connection=count / connections)


def empty_result(samples):
    ns = [each.ns for each in samples]
    return {
        "name": "an empty program",
        "ns": round(statistics.median(ns), 1),
        "min": round(min(ns), 1),
        "max": round(max(ns), 1),
        "runs_per_connection": round(statistics.median(r.per_connection for r in samples), 3),
        "limit": None,
        "ok": None,
    }


def program_result(watch, program, samples, surcharge_ns):
    runs = [sample[program] for sample in samples if program in sample]
    ns = [each.ns for each in runs]
    limit = watch.limits.get(program)
    if limit is not None:
        limit = round(limit + surcharge_ns, 1)
    return {
        "name": f"{watch.name} {program}",
        "ns": round(statistics.median(ns), 1),
        "min": round(min(ns), 1),
        "max": round(max(ns), 1),
        "runs_per_connection": round(statistics.median(r.per_connection for r in runs), 3),
        "limit": limit,
        "ok": None if limit is None else statistics.median(ns) <= limit,
    }


def measure_programs(options, watches, load_port):
    """One result for each program and each of `watches`, by the median of the samples."""
    samples = {watch.name: [] for watch in watches}
    empty_samples = []
    for number in range(1, options.program_rounds + 1):
        empty_samples.append(empty_sample(options, load_port))
        for watch in watches:
            samples[watch.name].append(program_sample(options, watch, load_port))
        say(f"programs, round {number} of {options.program_rounds}")
    if not empty_samples:
        return []
    empty = empty_result(empty_samples)
    surcharge_ns = max(0, empty["ns"] - EMPTY_NS)
    results = [empty]
    for watch in watches:
        taken = samples[watch.name]
        names = sorted({program for sample in taken for program in sample})
        if missing := watch.limits.keys() - names:
            raise HostError(f"{watch.name}: wsbpf says nothing of {', '.join(sorted(missing))}")
        results += [program_result(watch, program, taken, surcharge_ns) for program in names]
    return results


def program_rows(results):
    rows = [("program", "ns a run", "min..max", "runs a connection", "limit", "")]
    rows += [
        (r["name"], f"{r['ns']:.0f}", f"{r['min']:.0f}..{r['max']:.0f}",
         f"{r['runs_per_connection']:.2f}", "" if r["limit"] is None else f"{r['limit']:.0f}",
         verdict(r["ok"]))
        for r in results if r["runs_per_connection"] >= WORTH_A_ROW or r["limit"] is not None
    ]
    return rows
