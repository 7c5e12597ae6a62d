"""Many connections held open, by processes that each stay under their RLIMIT_NOFILE."""

import contextlib
import math
import resource
import subprocess
import time

from host import HostError, NotInTime, process, say, wait_until
from machine import in_namespace
from observers import READY_SECONDS

FDS_PER_HOLDER = 19_000
SPARE_FDS = 200  # of a holder: its standard streams and one listener for 1 000 connections


def shares(total, parts):
    """total in parts that differ by at most one."""
    return [total * (i + 1) // parts - total * i // parts for i in range(parts)]


@contextlib.contextmanager
def holders(options, namespace, port, connections, other_fds=0, websocket=False):
    """Yields how many processes they are."""
    fd_limit = min(FDS_PER_HOLDER, resource.getrlimit(resource.RLIMIT_NOFILE)[1]) - SPARE_FDS
    count = max(1, math.ceil((2 * connections + other_fds) / fd_limit))
    with contextlib.ExitStack() as stack:
        children = [
            stack.enter_context(process(
                in_namespace(namespace, options.programs / "hold", "--port", port,
                             "--group", group, "--connections", its_connections,
                             "--extra-fds", extra, "--websocket", int(websocket)),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            ))
            for group, (its_connections, extra) in enumerate(
                zip(shares(connections, count), shares(other_fds, count)))
        ]
        for child in children:
            if child.stdout.readline() != b"ready\n":
                raise HostError("a holder failed to open its connections")
        yield count


def wait_for_connections(daemon, expected):
    say(f"waiting until the daemon has {expected} connections")
    with contextlib.suppress(NotInTime):
        wait_until(lambda: daemon.connections() == expected, READY_SECONDS, "", interval=0.5)
    if (total := daemon.connections()) != expected:
        raise HostError(f"wsbpf has {total} connections, {expected} are open")
