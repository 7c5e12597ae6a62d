"""The daemon's memory and CPU time with many connections held open."""

import itertools
import json
import resource
import statistics
import time
from pathlib import Path

from holders import holders, wait_for_connections
from host import HostError, say
from machine import count_network_namespaces, cpu_ns_of, map_bytes_of, network_namespace
from observers import wsbpf_daemon
from report import verdict
from screen import top_costs

WATCHED_PORT = 18082
MIB = 1 << 20
PAGE_SORTS = ["id", "-state_age", "comm", "peer"]
PAGE_FILTERS = [[], ["state established and ( comm hold or pid 1 ) and not age gt 1h"]]


def timed_lists(daemon, expected, times=5):
    """Seconds that `list -o json` takes, each time; its answer has to be complete."""
    seconds = []
    for _ in range(times):
        start = time.monotonic()
        answer = daemon.list("-o", "json")
        seconds.append(time.monotonic() - start)
        listed = len(json.loads(answer)["connections"])
        if listed != expected:
            raise HostError(f"wsbpf list shows {listed} connections, {expected} are open")
    return seconds


def page_costs(daemon, times=20):
    """Milliseconds of CPU time that one page of `wsbpf list` takes: the daemon's loop, the command."""
    loop = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/schedstat")
    worst = (0, 0)
    for sort, words in itertools.product(PAGE_SORTS, PAGE_FILTERS):
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        before = int(loop.read_text().split()[0])
        for _ in range(times):
            if not daemon.list("--sort", sort, "--limit", "50", *words):
                raise HostError("wsbpf list shows nothing")
        took = (int(loop.read_text().split()[0]) - before) / times / 1e6
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = (now.ru_utime - children.ru_utime + now.ru_stime - children.ru_stime) / times * 1e3
        say(f"a page by {sort} {' '.join(words)}: daemon {took:.1f} ms, command {command:.1f} ms")
        worst = max(worst, (took, command), key=sum)
    return worst


def idle_share(pid, seconds):
    """The share of one core that the daemon takes while nothing happens, sweeps included."""
    say(f"measuring {seconds} s of idling")
    start, cpu_start = time.monotonic_ns(), cpu_ns_of(pid)
    time.sleep(seconds)
    return (cpu_ns_of(pid) - cpu_start) / (time.monotonic_ns() - start)


def scale_result(name, value, unit, limit=None):
    ok = None if limit is None else value <= limit
    return {"name": name, "value": value, "unit": unit, "limit": limit, "ok": ok}


def scale(options):
    with network_namespace() as namespace, wsbpf_daemon(options, WATCHED_PORT) as observer:
        daemon = observer.daemon
        say(f"opening {options.connections} connections, {options.other_fds} other descriptors")
        start = time.monotonic()
        with holders(options, namespace, WATCHED_PORT, options.connections, options.other_fds,
                     options.websocket) as count:
            opening = time.monotonic() - start
            wait_for_connections(daemon, options.connections)
            lists = timed_lists(daemon, options.connections)
            page, command = page_costs(daemon)
            share = idle_share(daemon.pid, options.idle_seconds)
            say(f"measuring {options.idle_seconds} s of top")
            top_share, top_refresh = top_costs(daemon, 1, options.idle_seconds)
            wait_for_connections(daemon, options.connections)
            resident, peak = (daemon.memory_bytes(field) / MIB for field in ("VmRSS", "VmHWM"))
            results = [
                scale_result("holders", count, ""),
                scale_result("network namespaces", count_network_namespaces(), ""),
                scale_result("opening", round(opening, 1), "s"),
                scale_result("lost events", daemon.metric("wsbpf_events_lost_total"), ""),
                scale_result("list -o json, median", round(statistics.median(lists), 3), "s", 1.0),
                scale_result("list -o json, slowest", round(max(lists), 3), "s"),
                scale_result("a page of 50, the daemon's CPU", round(page, 1), "ms", 50),
                scale_result("a page of 50, the command's CPU", round(command, 1), "ms", 50),
                scale_result("idle CPU", round(100 * share, 2), "%", 6.0),
                scale_result("top at rest", round(100 * top_share, 2), "%", 1.0),
                scale_result("a refresh of top", round(top_refresh, 1), "ms", 50),
                scale_result("RSS", round(resident, 1), "MiB", 64.0),
                scale_result("RSS, peak", round(peak, 1), "MiB", 64.0),
                scale_result("BPF maps", round(map_bytes_of(daemon.pid) / MIB, 1), "MiB"),
            ]
    report = {"benchmark": "scale", "connections": options.connections,
              "other_fds": options.other_fds, "websocket": options.websocket,
              "idle_seconds": options.idle_seconds,
              "results": results}
    rows = [("measured", "value", "limit", "")]
    rows += [
        (r["name"], f"{r['value']} {r['unit']}", "" if r["limit"] is None else f"{r['limit']:g}",
         verdict(r["ok"]))
        for r in results
    ]
    return report, [rows]
