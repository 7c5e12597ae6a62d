"""`wsbpf top` on a terminal of its own."""

import contextlib
import fcntl
import os
import pty
import struct
import termios
import threading
import time

from host import process, wait_until
from machine import cpu_ns_of

LINES, COLUMNS = 50, 200
READY_SECONDS = 30


@contextlib.contextmanager
def top_on_terminal(daemon, *flags):
    """Yields its process; what it draws is read and dropped."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    drawn = [0]

    def drain():
        with contextlib.suppress(OSError):
            while data := os.read(ours, 65536):
                drawn[0] += len(data)

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    environment = {**os.environ, "TERM": "xterm-256color"}
    command = [daemon.binary, "top", "--socket", daemon.socket_path, *flags]
    with process(command, stdin=its, stdout=its, env=environment) as top:
        os.close(its)
        wait_until(lambda: drawn[0] > 1000, READY_SECONDS, "wsbpf top shows nothing")
        yield top
    reader.join()
    os.close(ours)


def top_costs(daemon, delay, seconds):
    """What top takes while it refreshes every `delay` seconds: the share of one core, and the
    milliseconds of CPU time a refresh."""
    with top_on_terminal(daemon, "-d", str(delay), "-s", "-state_age") as top:
        start, cpu_start = time.monotonic_ns(), cpu_ns_of(top.pid)
        time.sleep(seconds)
        cpu, passed = cpu_ns_of(top.pid) - cpu_start, time.monotonic_ns() - start
    return cpu / passed, cpu / (passed / (delay * 1e9)) / 1e6
