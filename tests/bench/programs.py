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
WORTH_A_ROW = 0.1  # runs a unit; the rest, such as the sweeps' iterators, is in the JSON


@dataclass(frozen=True)
class Load:
    command: tuple  # a program's name and its arguments
    unit: str  # what it makes many of
    units: int

    def run(self, options, namespace):
        name, *arguments = self.command
        return run(*in_namespace(namespace, options.programs / name, *arguments))


@dataclass(frozen=True)
class Runs:
    ns: float  # a run
    per_unit: float


@dataclass(frozen=True)
class Watch:
    """What a variant's daemon watches, under which load, and what the programs' runs may take."""

    name: str
    port: int
    flags: tuple[str, ...]
    limits: dict[str, float]
    load: Load


def program_sample(options, watch):
    """{program: Runs} over one load, in a network namespace of its own."""
    with (network_namespace() as namespace,
          wsbpf_daemon(options, watch.port, "--bpf-stats", *watch.flags) as observer):
        time.sleep(SETTLE_SECONDS)
        before = observer.daemon.program_runs()
        watch.load.run(options, namespace)
        after = observer.daemon.program_runs()
    sample = {}
    for program, (count, seconds) in after.items():
        count_before, seconds_before = before[program]
        if count > count_before:
            sample[program] = Runs(ns=1e9 * (seconds - seconds_before) / (count - count_before),
                                   per_unit=(count - count_before) / watch.load.units)
    return sample


def empty_sample(options, load, arguments):
    """The Runs of a program that does nothing, over one load."""
    with network_namespace() as namespace, subprocess.Popen(
            [options.programs / "empty_program", *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True) as program:
        if program.stdout.readline() != "ready\n":
            raise HostError("the empty BPF program does not load here")
        load.run(options, namespace)
        count, ns = map(int, program.communicate()[0].split())
    return Runs(ns=ns / count, per_unit=count / load.units)


def program_result(name, unit, runs, limit=None):
    median = statistics.median(each.ns for each in runs)
    return {
        "name": name,
        "ns": round(median, 1),
        "min": round(min(each.ns for each in runs), 1),
        "max": round(max(each.ns for each in runs), 1),
        f"runs_per_{unit}": round(statistics.median(each.per_unit for each in runs), 3),
        "limit": limit,
        "ok": None if limit is None else median <= limit,
    }


def watch_results(watch, samples, surcharge_ns):
    names = sorted({program for sample in samples for program in sample})
    if missing := watch.limits.keys() - names:
        raise HostError(f"{watch.name}: wsbpf says nothing of {', '.join(sorted(missing))}")
    results = []
    for name in names:
        limit = watch.limits.get(name)
        if limit is not None:
            limit = round(limit + surcharge_ns, 1)
        runs = [sample[name] for sample in samples if name in sample]
        results.append(program_result(f"{watch.name} {name}", watch.load.unit, runs, limit))
    return results


def measure_programs(options, rounds, watches, empty_arguments=()):
    """One result for each program and each of `watches`, by the median of the samples. The empty
    program, which has the same unit of load, is under the first one's load."""
    if not rounds or not watches:
        return []
    load = watches[0].load
    samples = {watch.name: [] for watch in watches}
    empty_samples = []
    for number in range(1, rounds + 1):
        empty_samples.append(empty_sample(options, load, empty_arguments))
        for watch in watches:
            samples[watch.name].append(program_sample(options, watch))
        say(f"programs, round {number} of {rounds}")
    empty = program_result("an empty program", load.unit, empty_samples)
    surcharge_ns = max(0, empty["ns"] - EMPTY_NS)
    return [empty] + [result for watch in watches
                      for result in watch_results(watch, samples[watch.name], surcharge_ns)]


def program_rows(results, unit):
    rows = [("program", "ns a run", "min..max", f"runs a {unit}", "limit", "")]
    rows += [
        (r["name"], f"{r['ns']:.0f}", f"{r['min']:.0f}..{r['max']:.0f}",
         f"{r[f'runs_per_{unit}']:.2f}", "" if r["limit"] is None else f"{r['limit']:.0f}",
         verdict(r["ok"]))
        for r in results if r[f"runs_per_{unit}"] >= WORTH_A_ROW or r["limit"] is not None
    ]
    return rows
