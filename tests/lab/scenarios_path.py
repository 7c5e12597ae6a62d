"""The path or the peer's host fails: the connection ends by a timeout, or by what it met."""

import socket

import faults
import pairs
from ends import REMOTE_RST, TIMEOUT, near_answers_the_end, nears

FEW_RETRIES = 3  # tcp_retries2: 3 s
LARGE = 8000  # bytes, several segments
SHORT_SILENCE_SECONDS = 5


def send_until_closed(stage, opened, size=pairs.MESSAGE):
    """The application sends, the kernel gives up, the application hears of it and closes."""
    for pair in opened:
        pair.near.sendall(bytes(size))
    close_when_ended(stage, opened)


def close_when_ended(stage, opened):
    near_answers_the_end(stage, opened)
    for pair in opened:
        pairs.forget(pair.far)  # what has vanished does not come back


def peer_vanished(stage):
    stage.near_sysctl("tcp_retries2", FEW_RETRIES)
    opened = stage.open()
    stage.expect(opened, "peer_vanished", **TIMEOUT)
    with stage.during("lost"):
        send_until_closed(stage, opened)


def vanished_sending_much(stage):
    """Only large segments are lost, but nothing small has come through either."""
    stage.near_sysctl("tcp_retries2", FEW_RETRIES)
    opened = stage.open()
    stage.expect(opened, "peer_vanished", **TIMEOUT)
    with stage.during("lost"):
        send_until_closed(stage, opened, LARGE)


def vanished_after_silence(stage):
    """The silence was before the last message that got through."""
    stage.near_sysctl("tcp_retries2", FEW_RETRIES)
    opened = stage.open()
    stage.expect(opened, "peer_vanished", **TIMEOUT)
    stage.until_silent(nears(opened))
    for pair in opened:
        pairs.talk(pair)
    with stage.during("lost"):
        send_until_closed(stage, opened)


def vanished_after_second_silence(stage):
    """The path has outlived such a silence before: it does not forget flows that soon."""
    stage.near_sysctl("tcp_retries2", FEW_RETRIES)
    opened = stage.open()
    stage.expect(opened, "peer_vanished", **TIMEOUT)
    stage.until_silent(nears(opened))
    for pair in opened:
        pairs.talk(pair)
    stage.until_silent(nears(opened))
    with stage.during("lost"):
        send_until_closed(stage, opened)


def vanished_after_short_silence(stage):
    stage.near_sysctl("tcp_retries2", FEW_RETRIES)
    opened = stage.open()
    stage.expect(opened, "peer_vanished", **TIMEOUT)
    stage.until_silent(nears(opened), SHORT_SILENCE_SECONDS)
    with stage.during("lost"):
        send_until_closed(stage, opened)


def vanished_during_close(stage):
    """Our FIN is what is not acknowledged."""
    stage.near_sysctl("tcp_orphan_retries", FEW_RETRIES)
    opened = stage.open()
    stage.expect(opened, "peer_vanished", mechanism="timeout")
    with stage.during("lost"):
        for pair in opened:
            pair.near.close()
        stage.until_near("all", "exclude", "listening", count=0)
        for pair in opened:
            pairs.forget(pair.far)


def unreachable(stage):
    stage.near_sysctl("tcp_retries2", FEW_RETRIES)
    faults.answer_every_packet_by_icmp(stage.wire)
    opened = stage.open()
    stage.expect(opened, "unreachable", **TIMEOUT)
    with stage.during("unreachable"):
        send_until_closed(stage, opened)


def mtu_blackhole(stage):
    """The peer lives and sends all the while; what is small reaches it."""
    stage.near_sysctl("tcp_retries2", FEW_RETRIES)
    stage.wire.near.run("ip", "link", "set", "near", "gso_max_segs", "1")
    opened = stage.open()
    stage.expect(opened, "mtu_blackhole", **TIMEOUT)

    def peers_send():
        for pair in opened:
            if pairs.state_of(pair.near) == pairs.ESTABLISHED:
                pair.far.sendall(bytes(pairs.MESSAGE))
                pairs.drain(pair.near)

    with stage.during("lost large"):
        for pair in opened:
            pairs.talk(pair)
            pair.near.sendall(bytes(LARGE))
        while any(pairs.state_of(pair.near) == pairs.ESTABLISHED for pair in opened):
            stage.hold(0.3, peers_send)
        close_when_ended(stage, opened)


def keepalive_timeout(stage):
    opened = stage.open()
    for pair in opened:
        pair.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        pair.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        pair.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
        pair.near.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    stage.expect(opened, "keepalive_timeout", **TIMEOUT)
    with stage.during("lost"):
        close_when_ended(stage, opened)


def user_timeout(stage):
    opened = stage.open()
    for pair in opened:
        pair.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1500)
    stage.expect(opened, "user_timeout", **TIMEOUT)
    with stage.during("lost"):
        send_until_closed(stage, opened)


def nat_drops(stage):
    """After a silence the box between has forgotten the flow, and says nothing."""
    stage.near_sysctl("tcp_retries2", FEW_RETRIES)
    opened = stage.open()
    stage.expect(opened, "nat_expired", **TIMEOUT)
    stage.until_silent(nears(opened))
    with stage.during("lost"):
        send_until_closed(stage, opened)


def nat_resets(stage):
    """After a silence the box between answers by a reset."""
    opened = stage.open()
    stage.expect(opened, "nat_expired", **REMOTE_RST)
    stage.until_silent(nears(opened))
    with stage.during("reset"):
        send_until_closed(stage, opened)


def peer_forgot(stage):
    """After a silence the peer itself knows nothing of the connection."""
    opened = stage.open()
    stage.expect(opened, "nat_expired", **REMOTE_RST)
    stage.until_silent(nears(opened))
    for pair in opened:
        pairs.forget(pair.far)
    send_until_closed(stage, opened)


def reset_after_silence(stage):
    """The peer resets by itself after a silence, with nothing in flight to it."""
    opened = stage.open()
    stage.expect(opened, "peer_reset", **REMOTE_RST)
    stage.until_silent(nears(opened))
    for pair in opened:
        pairs.abort(pair.far)
    close_when_ended(stage, opened)
