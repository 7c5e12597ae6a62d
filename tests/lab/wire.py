"""Two network namespaces with a veth pair between: near, whose sockets are watched, and far."""

import contextlib
import ctypes
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from host import HostError, run

CLONE_NEWNET = 0x40000000
OWN_NAMESPACE = "/proc/self/ns/net"
libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Addresses:
    """One address of each family, near and far."""

    near: tuple[str, str]
    far: tuple[str, str]


# Faults reach the victims only: what is healthy talks beside them over the same wire.
VICTIMS = Addresses(("10.77.0.1", "fd77::1"), ("10.77.0.2", "fd77::2"))
HEALTHY = Addresses(("10.77.0.3", "fd77::3"), ("10.77.0.4", "fd77::4"))


def checked(result, what):
    if result != 0:
        raise HostError(f"{what}: {os.strerror(ctypes.get_errno())}")


@dataclass(frozen=True)
class Side:
    name: str
    namespace: int  # a descriptor of the namespace

    @property
    def inode(self):
        return os.fstat(self.namespace).st_ino

    @contextlib.contextmanager
    def entered(self):
        """Sockets made inside stay in this namespace, and commands run in it."""
        before = os.open(OWN_NAMESPACE, os.O_RDONLY)
        try:
            checked(libc.setns(self.namespace, CLONE_NEWNET), "setns")
            try:
                yield
            finally:
                checked(libc.setns(before, CLONE_NEWNET), "setns")
        finally:
            os.close(before)

    def run(self, *command, stdin=None):
        with self.entered():
            return run(*command, stdin=stdin)

    def socket(self, family):
        with self.entered():
            return socket.socket(family, socket.SOCK_STREAM)

    def counters(self):
        """The kernel's own counts of what befell its TCP sockets, by nstat's names."""
        with self.entered():
            tables = [Path("/proc/self/net", name).read_text() for name in ("netstat", "snmp")]
        lines = [line.split() for table in tables for line in table.splitlines()]
        return {f"{names[0][:-1]}{name}": int(value)
                for names, values in zip(lines[::2], lines[1::2])
                for name, value in zip(names[1:], values[1:])}

    def set_sysctl(self, name, value):
        with self.entered():
            Path("/proc/sys/net", *name.split(".")).write_text(f"{value}\n")


def new_side(name):
    """Moves this process into a new namespace, which lives as long as a descriptor, socket or
    process of it."""
    checked(libc.unshare(CLONE_NEWNET), "unshare")
    return Side(name, os.open(OWN_NAMESPACE, os.O_RDONLY))


@dataclass(frozen=True)
class Wire:
    near: Side
    far: Side

    def sides(self):
        return (self.near, self.far)


def give_addresses(side, index):
    run("ip", "link", "set", "lo", "up")
    for addresses in (VICTIMS, HEALTHY):
        ipv4, ipv6 = (addresses.near, addresses.far)[index]
        run("ip", "address", "add", f"{ipv4}/24", "dev", side.name)
        run("ip", "address", "add", f"{ipv6}/64", "dev", side.name, "nodad")
    run("ip", "link", "set", side.name, "up")


def new_wire():
    """The process ends up in the near namespace, so that a sweep finds it there. Nothing has to be
    deleted: the namespaces go with the process, however it ends."""
    far = new_side("far")
    near = new_side("near")
    path = f"/proc/{os.getpid()}/fd/{far.namespace}"
    run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", path)
    for index, side in enumerate((near, far)):
        with side.entered():
            give_addresses(side, index)
    return Wire(near, far)
