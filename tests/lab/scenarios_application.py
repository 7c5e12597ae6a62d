"""An application ends the connection, well or badly."""

import socket
import time

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

SEVERAL_SWEEPS_SECONDS = 31
VISIT_SECONDS = 0.001
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


def shutdown_fd_kept(stage):
    """Both have closed; only the descriptor is never given back."""
    opened = stage.open()
    stage.kept += opened
    stage.expect(opened, "local_close", **LOCAL_FIN, evidence={"fd_still_open": True})
    for pair in opened:
        pair.near.shutdown(socket.SHUT_RDWR)
        pairs.receive_end(pair.far)
        pair.far.close()
    stage.until_state(nears(opened), pairs.CLOSE)


def not_accepted(stage):
    """The far ends of connections that wait for accept()."""
    for family in pairs.FAMILIES:
        stage.listener(family)
    return [stage.connect(pairs.FAMILIES[i % 2]) for i in range(stage.count)]


def closed_before_accept(stage):
    """The peer has left when the application takes the connection."""
    for sock in not_accepted(stage):
        stage.expect_key(pairs.key_of_far(stage.wire, sock), "remote_close", **REMOTE_FIN)
        sock.close()
    stage.until_near("close-wait")
    accept_and_close(stage)


def reset_before_accept(stage):
    for sock in not_accepted(stage):
        stage.expect_key(pairs.key_of_far(stage.wire, sock), "peer_reset", **REMOTE_RST)
        pairs.abort(sock)
    stage.until_near("connected", count=0)
    accept_and_close(stage)


def accept_and_close(stage):
    for i in range(stage.count):
        stage.listener(pairs.FAMILIES[i % 2]).accept()[0].close()


def local_abort(stage):
    opened = stage.open()
    stage.expect(opened, "local_abort", **LOCAL_RST)
    for pair in opened:
        pairs.abort(pair.near)


def local_abort_after_fin(stage):
    opened = stage.open()
    stage.expect(opened, "local_abort", initiator="remote", mechanism="rst")
    for pair in opened:
        pair.far.shutdown(socket.SHUT_WR)
    stage.until_state(nears(opened), pairs.CLOSE_WAIT)
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


def owner_changes_namespace(stage):
    """The process that has the connections moves to and fro between namespaces while sweeps look
    into them; the connections stay where they are."""
    opened = stage.open()
    stage.expect(opened, "local_close", **LOCAL_FIN)

    def visit_far():
        with stage.wire.far.entered():
            time.sleep(VISIT_SECONDS)

    stage.hold(SEVERAL_SWEEPS_SECONDS, visit_far, tick=VISIT_SECONDS)
    for pair in opened:
        pair.near.close()
        pairs.receive_end(pair.far)
        pair.far.close()


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
