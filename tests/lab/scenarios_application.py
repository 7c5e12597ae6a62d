"""An application ends the connection, well or badly."""

import socket

import pairs
from ends import (
    LOCAL_FIN,
    LOCAL_RST,
    REMOTE_FIN,
    REMOTE_RST,
    near_answers_the_end,
    near_answers_the_fin,
    nears,
)
from stage import STUCK_SECONDS
from wire import VICTIMS

ANSWER_SECONDS = 2  # that a peer takes to close, too


def local_close(stage):
    opened = stage.open()
    stage.expect(opened, "local_close", **LOCAL_FIN)
    for pair in opened:
        pair.near.close()
        pairs.receive_end(pair.far)
        pair.far.close()


def local_close_answered_late(stage):
    """FIN_WAIT2 goes to CLOSE at once, which only means that a timewait socket has taken over."""
    opened = stage.open()
    stage.expect(opened, "local_close", **LOCAL_FIN)
    for pair in opened:
        pair.near.close()
    stage.hold(ANSWER_SECONDS)
    for pair in opened:
        pair.far.close()


def half_close(stage):
    opened = stage.open()
    stage.expect(opened, "local_close", **LOCAL_FIN)
    for pair in opened:
        pair.near.shutdown(socket.SHUT_WR)
    stage.hold(ANSWER_SECONDS)
    for pair in opened:
        pair.far.sendall(bytes(pairs.MESSAGE))
        pair.far.close()
    for pair in opened:
        pairs.receive(pair.near, pairs.MESSAGE)
        pairs.receive_end(pair.near)
        pair.near.close()


def remote_close(stage):
    opened = stage.open()
    stage.expect(opened, "remote_close", **REMOTE_FIN)
    for pair in opened:
        pair.far.close()
    near_answers_the_fin(stage, opened)


def remote_close_answered_late(stage):
    opened = stage.open()
    stage.expect(opened, "remote_close", **REMOTE_FIN)
    for pair in opened:
        pair.far.close()
    stage.hold(STUCK_SECONDS)
    near_answers_the_fin(stage, opened)


def local_abort(stage):
    opened = stage.open()
    stage.expect(opened, "local_abort", **LOCAL_RST)
    for pair in opened:
        pairs.abort(pair.near)


def peer_reset(stage):
    opened = stage.open()
    stage.expect(opened, "peer_reset", **REMOTE_RST)
    for pair in opened:
        pairs.abort(pair.far)
    near_answers_the_end(stage, opened)


def peer_reset_fd_kept(stage):
    """The application never closes the socket; the verdict does not wait for it."""
    opened = stage.open()
    stage.kept += opened
    for pair in opened:
        pairs.abort(pair.far)
    stage.until_state(nears(opened), pairs.CLOSE)
    stage.expect(opened, "peer_reset", **REMOTE_RST, evidence={"fd_still_open": True})


def socket_destroyed(stage):
    opened = stage.open()
    stage.expect(opened, "socket_destroyed", mechanism="destroyed")
    for address in VICTIMS.far:
        stage.wire.near.run("ss", "-K", "state", "established", "dst", f"[{address}]")
    near_answers_the_end(stage, opened)


def connect_again(stage):
    """The connecting socket breaks its connection off and connects once more, with the same
    cookie."""
    opened = stage.open()
    if stage.role == "server":
        stage.expect(opened, "peer_reset", **REMOTE_RST)
    else:
        stage.expect(opened, "local_abort", **LOCAL_RST)
    again = []
    for pair in opened:
        client, server = (pair.far, pair.near) if stage.role == "server" else (pair.near, pair.far)
        pairs.disconnect(client)
        stage.until_state([server], pairs.CLOSE)
        server.close()
        _, target = stage.source_and_target(client.family, VICTIMS)
        client.connect((target, stage.port))
        again.append(stage.pair_with(client, stage.listener(client.family)))
        pairs.talk(again[-1])
    stage.expect(again, "local_close", **LOCAL_FIN)
    for pair in again:
        pair.near.close()
        pairs.receive_end(pair.far)
        pair.far.close()
