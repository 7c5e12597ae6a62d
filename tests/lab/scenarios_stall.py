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


def close_wait_leak(stage):
    opened = stage.open()
    stage.expect(opened, "close_wait_leak", **REMOTE_FIN)
    for pair in opened:
        pair.far.close()
    stage.until_state(nears(opened), pairs.CLOSE_WAIT)
    for pair in opened:
        pairs.receive_end(pair.near)
    stage.hold(LEAK_SECONDS)
    for pair in opened:
        pair.near.close()


def window_closed(stage, seconds=STUCK_SECONDS):
    """Pairs whose far end has not read for so long that near may send nothing."""
    opened = stage.open(options=[
        (socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER),
        (socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER),
    ])
    for pair in opened:
        pairs.fill(pair.near)

    def is_probing(sock):
        info = pairs.tcp_info(sock)
        return info.backoff > 0 and info.unacked == 0 and info.unsent > 0

    stage.until_each(nears(opened), is_probing, "a closed window")
    stage.hold(seconds)
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
    opened = window_closed(stage, SOON_SECONDS)
    stage.expect(opened, "peer_reset", **REMOTE_RST)
    for pair in opened:
        pair.far.close()
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
