"""Network namespaces and BPF programs of this machine, each gone after its use."""

import contextlib
import itertools
import json
import os
import re
import socket
import time
from pathlib import Path

from host import HostError, run

SETTLE_SECONDS = 0.3  # after attaching, and for a deleted namespace to be torn down

namespace_numbers = itertools.count(1)


@contextlib.contextmanager
def network_namespace():
    name = f"wsbpf-bench-{os.getpid()}-{next(namespace_numbers)}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        run("ip", "netns", "del", name)
        time.sleep(SETTLE_SECONDS)


def delete_leftover_namespaces():
    """Ours whose deletion was interrupted, and those of benchmarks that were killed."""
    for line in run("ip", "netns", "list").splitlines():
        match = re.match(r"wsbpf-bench-(\d+)-\d+", line)
        if match and (int(match[1]) == os.getpid() or not Path(f"/proc/{match[1]}").exists()):
            run("ip", "netns", "del", match[0])


def count_network_namespaces():
    """Those with a process in them; a sweep visits each."""
    namespaces = set()
    for link in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):  # ended in the meantime
            namespaces.add(link.readlink())
    return len(namespaces)


def in_namespace(name, *command):
    return ["ip", "netns", "exec", name, *map(str, command)]


def with_tracefs(*command):
    """Tools of others want tracefs; where it is not mounted they get it in a mount namespace."""
    mount = (
        "[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing || exit;"
        ' exec "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", mount, "sh", *command]


def list_programs():
    return json.loads(run("bpftool", "-j", "prog", "show"))


def all_programs():
    return {program["id"] for program in list_programs()}


def tracing_programs():
    """Those that can sit on the tracepoints of TCP, and so tax what is measured."""
    types = {"tracing", "tracepoint", "raw_tracepoint", "kprobe"}
    return {program["id"] for program in list_programs() if program["type"] in types}


def programs_of(pid):
    """The ids of the BPF programs that a process holds by descriptor."""
    ids = set()
    for info in Path(f"/proc/{pid}/fdinfo").glob("*"):
        with contextlib.suppress(OSError):  # closed in the meantime
            ids.update(map(int, re.findall(r"^prog_id:\s+(\d+)", info.read_text(), re.M)))
    return ids


def cpu_ns_of(pid):
    """The CPU time of a process's threads, to the nanosecond."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(schedstat.read_text().split()[0]) for schedstat in threads)


def map_bytes_of(pid):
    """The kernel memory that a process's BPF maps are charged for."""
    sizes = {}
    for info in Path(f"/proc/{pid}/fdinfo").glob("*"):
        with contextlib.suppress(OSError):
            fields = dict(re.findall(r"^(map_id|memlock):\s+(\d+)", info.read_text(), re.M))
            if "map_id" in fields:
                sizes[fields["map_id"]] = int(fields.get("memlock", 0))
    return sum(sizes.values())


def cgroup_root():
    """Of cgroup v2, beside which version 1 may be mounted, too."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, *_ = line.split()
        if kind == "cgroup2":
            return folder
    raise HostError("no cgroup v2 is mounted here: programs that see packets need one")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
