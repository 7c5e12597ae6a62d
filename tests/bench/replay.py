"""What replaying a recording takes: events a second of one core, and memory."""

import os
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from host import HostError, say
from report import verdict

KIB, MIB = 1 << 10, 1 << 20
RATE_LIMIT = 500_000  # events a second, at least
PEAK_LIMIT = 400  # MiB with a million connections, at most


@dataclass(frozen=True)
class Replay:
    events: int
    cpu_seconds: float  # user and system
    peak_bytes: int


def write_recording(options, folder, *flags):
    path = Path(folder) / "recording"
    with open(path, "wb") as file:
        subprocess.run([options.programs / "recording", *map(str, flags)], stdout=file, check=True)
    return path


def replay_once(options, path):
    with open(os.devnull, "wb") as nowhere:
        child = subprocess.Popen([options.wsbpf, "replay", path, "--speed", "max"],
                                 stdout=nowhere, stderr=subprocess.PIPE, text=True)
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise HostError(f"wsbpf replay: {said.strip()}")
    # "wsbpf: 2520002 events of FILE replayed in 3.75 s"
    return Replay(int(said.split()[1]), usage.ru_utime + usage.ru_stime, usage.ru_maxrss * KIB)


def sample(options, name, times, *flags):
    with tempfile.TemporaryDirectory(prefix="wsbpf-bench-") as folder:
        say(f"writing a recording: {name}")
        path = write_recording(options, folder, *flags)
        replays = []
        for number in range(1, times + 1):
            replays.append(replay_once(options, path))
            say(f"{name}, round {number} of {times}: {replays[-1].cpu_seconds:.2f} s")
        return replays, path.stat().st_size


def at_least(name, value, unit, limit):
    return {"name": name, "value": value, "unit": unit, "limit": limit, "ok": value >= limit}


def at_most(name, value, unit, limit):
    return {"name": name, "value": value, "unit": unit, "limit": limit, "ok": value <= limit}


def shown(name, value, unit):
    return {"name": name, "value": value, "unit": unit, "limit": None, "ok": None}


def replay(options):
    churns, churn_bytes = sample(options, "short connections", options.rounds,
                                 "--churn", options.connections)
    lives, live_bytes = sample(options, "connections at once", 1, "--live", options.at_once)
    rates = [each.events / each.cpu_seconds for each in churns]
    live = lives[0]
    results = [
        shown("recording of short connections", round(churn_bytes / MIB, 1), "MiB"),
        shown("events in it", churns[0].events, ""),
        at_least("replayed a second of CPU time, median", round(statistics.median(rates)), "/s",
                 RATE_LIMIT),
        shown("the slowest", round(min(rates)), "/s"),
        shown("peak RSS", round(max(each.peak_bytes for each in churns) / MIB, 1), "MiB"),
        shown(f"recording of {options.at_once} at once", round(live_bytes / MIB, 1), "MiB"),
        shown("events in it", live.events, ""),
        shown("replayed a second of CPU time", round(live.events / live.cpu_seconds), "/s"),
        at_most("peak RSS", round(live.peak_bytes / MIB, 1), "MiB", PEAK_LIMIT),
    ]
    report = {"benchmark": "replay", "connections": options.connections,
              "at_once": options.at_once, "rounds": options.rounds, "results": results}
    rows = [("measured", "value", "limit", "")]
    rows += [
        (r["name"], f"{r['value']} {r['unit']}", "" if r["limit"] is None else f"{r['limit']:g}",
         verdict(r["ok"]))
        for r in results
    ]
    return report, [rows]
