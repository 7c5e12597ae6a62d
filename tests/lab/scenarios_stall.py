"""One end holds the other up for long, before the connection ends."""

import socket

import pairs
from ends import (
    LOCAL_FIN,
    LOCAL_RST,
    REMOTE_FIN,
    REMOTE_RST,
    SOON_SECONDS,
    near_answers_the_end,
    near_answers_the_fin,
    nears,
)
from stage import LEAK_SECONDS, STUCK_SECONDS

SMALL_BUFFER = 16384


def leak(stage, opened):
    """The application reads that there is no more, and closes far too late."""
    stage.until_state(nears(opened), pairs.CLOSE_WAIT)
    for pair in opened:
        pairs.receive_end(pair.near)
    stage.hold(LEAK_SECONDS)
    for pair in opened:
        pair.near.close()


def close_wait_leak(stage):
    """The peer still waits for our end."""
    opened = stage.open()
    stage.expect(opened, "close_wait_leak", **REMOTE_FIN)
    for pair in opened:
        pair.far.shutdown(socket.SHUT_WR)
    leak(stage, opened)
    for pair in opened:
        pairs.receive_end(pair.far)


def close_wait_leak_peer_gone(stage):
    """The peer's kernel has stopped to wait: our FIN is answered by a reset."""
    stage.wire.far.set_sysctl("ipv4.tcp_fin_timeout", 1)
    opened = stage.open()
    stage.expect(opened, "close_wait_leak", **REMOTE_RST)
    for pair in opened:
        pair.far.close()
    leak(stage, opened)


def filled(stage):
    """Pairs whose far end does not read, and whose near end has sent all that it may."""
    opened = stage.open(options=[
        (socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER),
        (socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER),
    ])
    for pair in opened:
        pairs.fill(pair.near)
    return opened


def is_probing(pair):
    """Near asks, again and again, whether the window has opened."""
    info = pairs.tcp_info(pair.near)
    return info.backoff > 0 and info.unacked == 0 and info.unsent > 0


def window_closed(stage):
    opened = filled(stage)
    stage.until_each(opened, is_probing, "a closed window")
    stage.hold(STUCK_SECONDS)
    return opened


def slow_consumer_closed(stage):
    """Our application closes; the peer, still not reading, gives up a little later."""
    opened = window_closed(stage)
    stage.expect(opened, "slow_consumer", initiator="local", race="reset_during_close")
    for pair in opened:
        pair.near.close()
    stage.until_near("fin-wait-1")
    for pair in opened:
        pair.far.close()
    stage.until_near("connected", count=0)


def slow_consumer_aborted(stage):
    opened = window_closed(stage)
    stage.expect(opened, "slow_consumer", **LOCAL_RST)
    for pair in opened:
        pairs.abort(pair.near)


def slow_consumer_resets(stage):
    opened = window_closed(stage)
    stage.expect(opened, "slow_consumer", **REMOTE_RST)
    for pair in opened:
        pair.far.close()
    near_answers_the_end(stage, opened)


def slow_consumer_recovers(stage):
    """The peer reads on after all, and the connection ends as it should."""
    opened = window_closed(stage)
    stage.expect(opened, "local_close", **LOCAL_FIN)

    def all_read():
        for pair in opened:
            pairs.drain(pair.far)
        left = [pairs.tcp_info(sock) for sock in nears(opened)]
        return all(info.unacked + info.unsent == 0 for info in left)

    stage.until(all_read, "the rest of the data")
    for pair in opened:
        pairs.drain(pair.far)
        pair.near.close()
    for pair in opened:
        pairs.receive_end(pair.far)
        pair.far.close()


def window_closed_shortly(stage):
    opened = filled(stage)
    stage.expect(opened, "peer_reset", **REMOTE_RST)

    def reset_when_probing(pair):
        if is_probing(pair):
            pair.far.close()
        return pair.far.fileno() < 0

    stage.until_each(opened, reset_when_probing, "a closed window")
    near_answers_the_end(stage, opened)


def left_unread(stage, seconds=STUCK_SECONDS):
    """Pairs whose near end has had something to read for that long."""
    opened = stage.open()
    for pair in opened:
        pair.far.sendall(bytes(pairs.MESSAGE))
    stage.until_each(nears(opened), pairs.is_readable, "something to read")
    stage.hold(seconds)
    return opened


def server_stall_fin(stage):
    opened = left_unread(stage)
    stage.expect(opened, "server_stall", **REMOTE_FIN)
    for pair in opened:
        pair.far.close()
    near_answers_the_fin(stage, opened)


def server_stall_fin_unread(stage):
    """The application does not read even then, and closes."""
    opened = left_unread(stage)
    stage.expect(opened, "server_stall", initiator="remote", race="unread_data_reset")
    for pair in opened:
        pair.far.close()
    stage.until_state(nears(opened), pairs.CLOSE_WAIT)
    for pair in opened:
        pair.near.close()


def server_stall_rst(stage):
    opened = left_unread(stage)
    stage.expect(opened, "server_stall", **REMOTE_RST)
    for pair in opened:
        pairs.abort(pair.far)
    near_answers_the_end(stage, opened)


def server_stall_recovers(stage):
    opened = left_unread(stage)
    stage.expect(opened, "remote_close", **REMOTE_FIN)
    for pair in opened:
        pairs.receive(pair.near, pairs.MESSAGE)
        pairs.talk(pair)
        pair.far.close()
    near_answers_the_fin(stage, opened)


def unread_shortly(stage):
    opened = left_unread(stage, SOON_SECONDS)
    stage.expect(opened, "peer_reset", **REMOTE_RST)
    for pair in opened:
        pairs.abort(pair.far)
    near_answers_the_end(stage, opened)
