"""What the kernel keeps of a watched WebSocket: the memory of many of them, with wsbpf and without.

The kernel's storage of a socket comes out of the kmalloc caches: one object for the list of what
programs have stored there, and one for each thing stored. What these caches hold more with wsbpf
than without is divided by the connections. An object a connection is a whole number; what is not,
is of the rest of the machine, and so the number is rounded.
"""

import collections
import re
import time
from pathlib import Path

from holders import holders, wait_for_connections
from host import HostError, NotInTime, wait_until
from machine import network_namespace
from observers import READY_SECONDS, Variant, observer
from report import verdict

WATCHED_PORT = 18084
LIMIT_BYTES = 448
STEADY_SECONDS = 1  # in which freed objects come back: RCU's grace periods

VARIANTS = [
    Variant("bare"),
    Variant("watched", watched_port=WATCHED_PORT),
    Variant("watched-no-websocket", None, WATCHED_PORT, ("--no-websocket",)),
]


def kmalloc_objects():
    """{bytes an object: objects in use}, of the caches that are no file system's."""
    slabs = Path("/proc/slabinfo").read_text()
    objects = collections.Counter()
    for name, active, size in re.findall(r"^(kmalloc-\S+)\s+(\d+)\s+\d+\s+(\d+)", slabs, re.M):
        if not name.startswith("kmalloc-rcl-"):
            objects[int(size)] += int(active)
    return objects


def wait_for_websockets(daemon, expected):
    def counted():
        return daemon.metric(r'wsbpf_websocket_connections\{.*phase="open".*\}')

    try:
        wait_until(lambda: counted() == expected, READY_SECONDS, "", interval=0.5)
    except NotInTime:
        raise HostError(f"wsbpf has {counted()} WebSockets, {expected} are open") from None


def storage_sample(options, variant):
    """{bytes an object: objects a connection} that connections take under one observer."""
    count = options.connections
    with network_namespace() as namespace, observer(options, variant) as watching:
        time.sleep(STEADY_SECONDS)
        before = kmalloc_objects()
        with holders(options, namespace, WATCHED_PORT, count, websocket=True):
            if watching.daemon:
                wait_for_connections(watching.daemon, count)
                if not variant.flags:
                    wait_for_websockets(watching.daemon, count)
            time.sleep(STEADY_SECONDS)
            after = kmalloc_objects()
    return {size: (after[size] - before[size]) / count for size in after}


def storage_result(variant, sample, bare):
    more = {size: objects - bare.get(size, 0) for size, objects in sample.items()}
    kept = {size: round(objects) for size, objects in more.items() if round(objects) != 0}
    value = sum(size * objects for size, objects in kept.items())
    limit = None if variant.flags else LIMIT_BYTES
    return {
        "name": f"kernel memory {variant.name}",
        "value": value,
        "unit": "bytes a connection",
        "objects": {str(size): objects for size, objects in sorted(kept.items())},
        "unrounded": round(sum(size * objects for size, objects in more.items()), 1),
        "limit": limit,
        "ok": None if limit is None else value <= limit,
    }


def measure_storage(options):
    samples = {variant.name: storage_sample(options, variant) for variant in VARIANTS}
    results = [storage_result(variant, samples[variant.name], samples["bare"])
               for variant in VARIANTS if variant.name != "bare"]
    rows = [("kernel memory a connection", "bytes", "objects", "unrounded", "limit", "")]
    rows += [
        (r["name"].removeprefix("kernel memory "), str(r["value"]),
         " + ".join(f"{n} × {size}" for size, n in r["objects"].items()) or "none",
         f"{r['unrounded']}", "" if r["limit"] is None else str(r["limit"]), verdict(r["ok"]))
        for r in results
    ]
    return results, rows
