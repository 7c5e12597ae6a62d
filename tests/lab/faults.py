"""What is done to the packets of the victims, by nftables."""

import contextlib

from host import HostError
from wire import VICTIMS

BOTH_WAYS = ("near", "far")
TO_FAR = ("far",)

# name -> (rule for packets that come in, at which sides)
FAULTS = {
    "lost": ("meta l4proto tcp drop", BOTH_WAYS),
    "lost there": ("meta l4proto tcp drop", TO_FAR),
    "lost fin": ("tcp flags & fin == fin drop", TO_FAR),
    "lost large": ("meta l4proto tcp meta length > 1200 drop", TO_FAR),
    "unreachable": ("meta l4proto tcp reject with icmpx type host-unreachable", TO_FAR),
    "reset": ("meta l4proto tcp reject with tcp reset", TO_FAR),
}


def ruleset(rule, addresses):
    ipv4, ipv6 = addresses
    return f"""table inet lab {{
        chain input {{
            type filter hook input priority filter; policy accept;
            ip daddr {ipv4} {rule}
            ip6 daddr {ipv6} {rule}
        }}
    }}"""


def begin(wire, fault):
    rule, where = FAULTS[fault]
    for side in wire.sides():
        if side.name in where:
            addresses = VICTIMS.near if side is wire.near else VICTIMS.far
            side.run("nft", "-f", "-", stdin=ruleset(rule, addresses))


def end(wire):
    for side in wire.sides():
        with contextlib.suppress(HostError):  # this fault had nothing on this side
            side.run("nft", "delete", "table", "inet", "lab")


@contextlib.contextmanager
def during(wire, fault):
    begin(wire, fault)
    try:
        yield
    finally:
        end(wire)


def answer_every_packet_by_icmp(wire):
    """The kernel limits the ICMP errors it sends, which would make some of them a silence."""
    wire.far.set_sysctl("ipv4.icmp_ratelimit", 0)
    wire.far.set_sysctl("ipv6.icmp.ratelimit", 0)
