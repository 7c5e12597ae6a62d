"""A terminal without job control: the program is the leader of its session, as in a container.

    leader.py SCENARIO PROGRAM [ARGUMENT…]

Prints one JSON object about how the program ended.
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 60  # seconds for what should come at once


def resize(fd, columns, lines):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', lines, columns, 0, 0))


def read_until(fd, text):
    seen = b''
    deadline = time.monotonic() + PATIENCE
    while text not in seen:
        if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
            raise SystemExit(f'no {text} in {seen}')
        seen += os.read(fd, 65536)


def ended(pid, fd=None):
    """The seconds until the program ends, and its exit code; None, None for never."""
    begin = time.monotonic()
    while time.monotonic() < begin + PATIENCE:
        if fd is not None and select.select([fd], [], [], 0)[0]:
            try:
                os.read(fd, 65536)
            except OSError:
                fd = None  # the other end is closed
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return time.monotonic() - begin, os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None, None


def is_stalled(pid):
    """In write(2) to the terminal."""
    with open(f'/proc/{pid}/syscall') as syscall:
        return syscall.read().startswith('1 ')


def unread(pid, fd):
    """Nobody reads, and the terminal is full in the middle of a screen."""
    deadline = time.monotonic() + PATIENCE
    step = 0
    while not is_stalled(pid) and time.monotonic() < deadline:
        step += 1
        resize(fd, 400 + step % 2, 150)
        time.sleep(0.02)
    if not is_stalled(pid):
        raise SystemExit('it never waited for the terminal')
    os.kill(pid, signal.SIGTERM)
    return ended(pid)


def suspended(pid, fd):
    """Ctrl-Z, where nobody could continue what it stops."""
    os.write(fd, b'\x1a')
    read_until(fd, b'[Connections')
    os.write(fd, b'q')
    return ended(pid, fd)


def main():
    scenario = {'unread': unread, 'suspended': suspended}[sys.argv[1]]
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    resize(fd, 100, 30)
    try:
        read_until(fd, b'[Connections')
        seconds, code = scenario(pid, fd)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    print(json.dumps({'seconds': seconds, 'code': code}))


main()
