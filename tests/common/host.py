"""What the scripts in Python share: commands, child processes and waiting."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

GONE_SECONDS = 10


class HostError(Exception):
    """Something that is needed is missing or failed; the text says what to do."""


class NotInTime(HostError):
    """What was waited for did not come."""


def say(text):
    print(f"{Path(sys.argv[0]).name}: {text}", file=sys.stderr, flush=True)


def run(*command, stdin=None):
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise HostError(f"{' '.join(map(str, command))}: {result.stderr.strip()}")
    return result.stdout


def die_with_parent(end_signal=signal.SIGTERM):
    """In a child: its parent's death, even by kill -9, is its own."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, end_signal)


def end_with_parent():
    """Before exec: the child leaves the terminal's group and dies with us."""
    os.setsid()
    die_with_parent()


@contextlib.contextmanager
def process(command, end_signal=signal.SIGTERM, **streams):
    child = subprocess.Popen(command, preexec_fn=end_with_parent, **streams)
    try:
        yield child
    finally:
        if child.stdin:
            child.stdin.close()
        if child.poll() is None:
            child.send_signal(end_signal)
        try:
            child.wait(timeout=GONE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_until(condition, seconds, complaint, interval=0.02):
    """Returns the first true value of condition()."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise NotInTime(complaint)
        time.sleep(interval)
    return value
