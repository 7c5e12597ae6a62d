"""Where one scenario is played: its wire, its connections, and what is to be said of each."""

import contextlib
import json
import os
import signal
import time

import faults
import pairs
from host import die_with_parent, wait_until
from pairs import Pair
from wire import VICTIMS

FAULT_SECONDS = 60  # within which the kernel has done what a scenario waits for
SILENCE_SECONDS = 21  # what wsbpf calls a long silence is 20 s
STUCK_SECONDS = 9  # what wsbpf calls a stall or a window closed for long is 5 s or less
LEAK_SECONDS = 63  # what wsbpf calls a leak is 60 s
TICK_SECONDS = 0.03


class Report:
    """Tells the process that leads the lab, a line of JSON at a time; a line is written whole."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def write(self, kind, **fields):
        os.write(self.descriptor, (json.dumps({"kind": kind, **fields}) + "\n").encode())

    def expect(self, scenario, key, **expected):
        self.write("expected", scenario=scenario, key=key, **expected)


class Stage:
    def __init__(self, name, wire, role, port, count, report):
        self.name, self.wire, self.role, self.port = name, wire, role, port
        self.count, self.report = count, report
        self.listeners = {}
        self.kept = []  # sockets that stay open until the lab is over

    # -- connections

    @property
    def accepting(self):
        return self.wire.near if self.role == "server" else self.wire.far

    @property
    def connecting(self):
        return self.wire.far if self.role == "server" else self.wire.near

    def source_and_target(self, family, addresses):
        """The addresses of the connecting and of the accepting side."""
        index = pairs.FAMILIES.index(family)
        near, far = addresses.near[index], addresses.far[index]
        return (far, near) if self.role == "server" else (near, far)

    def listener(self, family, addresses=VICTIMS, options=()):
        if family not in self.listeners:
            _, target = self.source_and_target(family, addresses)
            self.listeners[family] = pairs.listen(
                self.accepting, target, family, self.port, options)
        return self.listeners[family]

    def close_listeners(self):
        for listener in self.listeners.values():
            listener.close()
        self.listeners.clear()

    def connect(self, family, addresses=VICTIMS, options=()):
        source, target = self.source_and_target(family, addresses)
        return pairs.connect(self.connecting, source, target, family, self.port, options)

    def open_one(self, family, addresses=VICTIMS, options=()):
        listener = self.listener(family, addresses, options)
        client = self.connect(family, addresses, options)
        return self.pair_with(client, listener)

    def pair_with(self, client, listener):
        server, _ = listener.accept()
        server.settimeout(pairs.IO_SECONDS)
        near, far = (server, client) if self.role == "server" else (client, server)
        return Pair(near, far, pairs.key_of_far(self.wire, far))

    def open(self, options=()):
        """The scenario's connections, half of them IPv4, each of which has carried a message."""
        opened = [self.open_one(pairs.FAMILIES[i % 2], options=options) for i in range(self.count)]
        for pair in opened:
            pairs.talk(pair)
        return opened

    # -- faults

    def near_sysctl(self, name, value):
        self.wire.near.set_sysctl(f"ipv4.{name}", value)

    def begin(self, fault):
        faults.begin(self.wire, fault)

    def during(self, fault):
        return faults.during(self.wire, fault)

    # -- waiting

    def until(self, condition, what, seconds=FAULT_SECONDS):
        wait_until(condition, seconds, f"{what}: not within {seconds} s", TICK_SECONDS)

    def until_each(self, items, condition, what, seconds=FAULT_SECONDS):
        waiting = list(items)

        def all_done():
            waiting[:] = [item for item in waiting if not condition(item)]
            return not waiting

        self.until(all_done, what, seconds)

    def until_state(self, sockets, state):
        self.until_each(sockets, lambda sock: pairs.state_of(sock) == state, f"state {state}")

    def hold(self, seconds, every_tick=lambda: None, tick=0.3):
        """A time that is part of the fault."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            every_tick()
            time.sleep(min(tick, left))

    def until_silent(self, sockets, seconds=SILENCE_SECONDS):
        self.until_each(sockets, lambda sock: pairs.tcp_info(sock).idle > seconds, "a silence")

    def until_kernel_has(self, side, state, count):
        """For sockets that are closed already: what `ss` shows of the victims."""
        index = 0 if side is self.wire.near else 1
        addresses = (VICTIMS.near, VICTIMS.far)[index]

        def reached():
            shown = side.run("ss", "-Htan", *state)
            return sum(any(f"{a}:" in line or f"[{a}]:" in line for a in addresses)
                       for line in shown.splitlines()) == count

        self.until(reached, f"{count} {side.name} sockets in {' '.join(state) or 'any state'}")

    def until_near(self, *state, count=None):
        count = self.count if count is None else count
        self.until_kernel_has(self.wire.near, ("state", *state), count)

    # -- processes

    @contextlib.contextmanager
    def process(self, body):
        """Runs body(tell) in a child; the parent gets on when the child has told it is ready. It
        ends by a signal, if not by itself."""
        ready, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ready)
            run_child(lambda: body(lambda: os.write(tell, b"r")))
        os.close(tell)
        try:
            yield Child(child, ready)
        finally:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            os.close(ready)

    # -- what is to be said

    def expect(self, opened, verdict, **more):
        """more: race, initiator, mechanism, evidence; what is not given is not looked at, but no
        race is expected unless one is given."""
        for pair in opened:
            self.expect_key(pair.key, verdict, **more)

    def expect_key(self, key, verdict, **more):
        self.report.expect(self.name, key, verdict=verdict, **{"race": None, **more})


class Child:
    def __init__(self, pid, ready):
        self.pid, self.ready = pid, ready

    def wait_ready(self):
        if not os.read(self.ready, 1):
            raise ChildProcessError("the child ended too early")

    def end_by(self, number):
        os.kill(self.pid, number)
        os.waitpid(self.pid, 0)

    def wait_end(self):
        os.waitpid(self.pid, 0)


def run_child(body):
    """The end of a forked child: body() runs, and nothing of the parent's unwinding does."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    die_with_parent(signal.SIGKILL)
    status = 1
    try:
        body()
        status = 0
    finally:
        os._exit(status)
