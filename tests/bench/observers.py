"""What watches the load: wsbpf, or a tool of others."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from host import GONE_SECONDS, HostError, process, wait_until
from machine import all_programs, cpu_ns_of, free_port, programs_of, with_tracefs

READY_SECONDS = 120


@dataclass(frozen=True)
class Variant:
    name: str
    limit: float | None = None
    watched_port: int | str | None = None  # runs wsbpf
    flags: tuple[str, ...] = ()  # of wsbpf run
    command: tuple[str, ...] | None = None  # runs another observer
    websocket: bool = False  # the load's connections begin as WebSockets

    @property
    def observes(self):
        return self.watched_port is not None or self.command is not None


class Daemon:
    """A running `wsbpf run`, asked over HTTP."""

    def __init__(self, child, binary, address, socket_path):
        self.child, self.binary = child, binary
        self.address, self.socket_path = address, socket_path

    @property
    def pid(self):
        return self.child.pid

    def get(self, path, seconds=READY_SECONDS):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=seconds) as reply:
            return reply.read().decode()

    def ready(self):
        if self.child.poll() is not None:
            raise HostError(f"wsbpf run ended with status {self.child.returncode}")
        try:
            return bool(self.get("/readyz", 2))
        except OSError:  # not yet, or not in time: the kernel verifies programs for seconds
            return False

    def metric(self, name):
        """The sum of a metric over its labels."""
        values = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", self.get("/metrics"), re.M)
        return int(sum(map(float, values)))

    def program_runs(self):
        """{program: (runs, seconds in all)} since it was loaded; needs --bpf-stats."""
        metrics = self.get("/metrics")

        def by_program(name):
            found = re.findall(rf'^{name}{{program="([^"]+)"}} (\S+)$', metrics, re.M)
            return {program: float(value) for program, value in found}

        seconds = by_program("wsbpf_bpf_program_run_seconds_total")
        runs = by_program("wsbpf_bpf_program_runs_total")
        return {program: (runs[program], seconds[program]) for program in runs}

    def connections(self):
        return json.loads(self.get("/api/connections?limit=1"))["total"]

    def list(self, *flags):
        return subprocess.run([self.binary, "list", "--socket", self.socket_path, *flags],
                              stdout=subprocess.PIPE, check=True).stdout

    def memory_bytes(self, field):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M)[1]) * 1024


@dataclass(frozen=True)
class Observer:
    """What watches at present; nothing at all in a bare sample."""

    pid: int | None = None
    daemon: Daemon | None = None

    def programs(self):
        return programs_of(self.pid) if self.pid else set()

    def cpu_ns(self):
        return cpu_ns_of(self.pid) if self.pid else 0


@contextlib.contextmanager
def observing_process(command, end_signal=signal.SIGTERM, **streams):
    """Its BPF programs outlive it by up to 0.1 s: the next sample must not pay for them."""
    programs = set()
    with process(command, end_signal, **streams) as child:
        try:
            yield child
        finally:
            programs |= programs_of(child.pid)
    wait_until(lambda: not programs & all_programs(), GONE_SECONDS,
               f"BPF programs {sorted(programs)} are still there after {command[0]} ended")


@contextlib.contextmanager
def wsbpf_daemon(options, port, *flags):
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wsbpf-bench-")))
        address = f"127.0.0.1:{free_port()}"
        command = [options.wsbpf, "run", "--port", str(port), "--listen", address,
                   "--socket", folder / "socket", "--state-file", folder / "state",
                   "--log-level", "warning", *options.wsbpf_flag, *flags]
        child = stack.enter_context(observing_process(command, stdout=sys.stderr))
        daemon = Daemon(child, options.wsbpf, address, folder / "socket")
        wait_until(daemon.ready, READY_SECONDS, "wsbpf run does not become ready")
        yield Observer(child.pid, daemon)


@contextlib.contextmanager
def other_observer(command):
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile("w+"))
        child = stack.enter_context(
            observing_process(with_tracefs(*command), signal.SIGINT,
                              stdout=subprocess.DEVNULL, stderr=errors)
        )

        def attached():
            if child.poll() is not None:
                errors.seek(0)
                raise HostError(f"{command[0]} failed: {errors.read().strip()}")
            return programs_of(child.pid)

        wait_until(attached, READY_SECONDS, f"{command[0]} does not attach")
        yield Observer(child.pid)


def observer(options, variant):
    if variant.watched_port is not None:
        return wsbpf_daemon(options, variant.watched_port, *variant.flags)
    if variant.command is not None:
        return other_observer(variant.command)
    return contextlib.nullcontext(Observer())
