"""WebSockets end by Close frames or without, or never come to be."""

import socket

import pairs
import websocket
from ends import LOCAL_FIN, REMOTE_FIN, REMOTE_RST, near_answers_the_end, near_answers_the_fin
from websockets import ask, close_frame, open_all, say_close


def read_to_the_end(**evidence):
    return {f"websocket.{name}": value
            for name, value in {"read_to_the_end": True, "violations": 0, **evidence}.items()}


def near_closes_tcp(opened):
    for pair in opened:
        pair.near.close()
        pairs.receive_end(pair.far)
        pair.far.close()


def clean_from_here(stage):
    opened = open_all(stage)
    stage.expect(opened, "clean", **LOCAL_FIN, evidence=read_to_the_end(
        first_close="local", close_code_sent=1001, close_code_received=1000))
    for pair in opened:
        say_close(stage, pair, pair.near, 1001)
        say_close(stage, pair, pair.far)
    near_closes_tcp(opened)


def clean_from_there(stage):
    """The peer's Close frame was first, our FIN was: it is the peer that ended it."""
    opened = open_all(stage)
    stage.expect(opened, "clean", **{**LOCAL_FIN, "initiator": "remote"}, evidence=read_to_the_end(
        first_close="remote", close_code_sent=4000, close_code_received=4000))
    for pair in opened:
        say_close(stage, pair, pair.far, 4000)
        say_close(stage, pair, pair.near, 4000)
    near_closes_tcp(opened)


def clean_closes_cross(stage):
    """The peer sends its Close frame before ours has come."""
    opened = open_all(stage)
    stage.expect(opened, "clean", **LOCAL_FIN, evidence=read_to_the_end(
        first_close="local", closes_crossed=True))
    with stage.during("lost there"):
        for pair in opened:
            # Or it waits until what was sent before is acknowledged: by the peer's Close frame.
            pair.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair.near.sendall(close_frame(stage, pair, pair.near, 1000))
            say_close(stage, pair, pair.far)
    for pair in opened:
        pairs.receive(pair.far, len(close_frame(stage, pair, pair.near, 1000)))
    near_closes_tcp(opened)


def fin_without_close(stage):
    """A browser that was ended, say."""
    opened = open_all(stage)
    stage.expect(opened, "remote_close", **REMOTE_FIN, evidence=read_to_the_end(
        first_close=None, fin_without_close=True))
    for pair in opened:
        pair.far.close()
    near_answers_the_fin(stage, opened)


def terminated(stage):
    """terminate() and destroy() send a FIN at once."""
    opened = open_all(stage)
    stage.expect(opened, "local_close", **LOCAL_FIN, evidence=read_to_the_end(
        first_close=None, fin_without_close=True))
    near_closes_tcp(opened)


def reset_after_closes(stage):
    opened = open_all(stage)
    stage.expect(opened, "peer_reset", initiator="local", mechanism="rst",
                 evidence=read_to_the_end(first_close="local"))
    for pair in opened:
        say_close(stage, pair, pair.near)
        say_close(stage, pair, pair.far)
        pairs.abort(pair.far)
    near_answers_the_end(stage, opened)


def reset_without_close(stage):
    opened = open_all(stage)
    stage.expect(opened, "peer_reset", **REMOTE_RST, evidence=read_to_the_end(
        first_close=None, close_code_received=None))
    for pair in opened:
        pairs.abort(pair.far)
    near_answers_the_end(stage, opened)


def asked(stage, answer, request=websocket.REQUEST):
    opened = [stage.open_one(pairs.FAMILIES[i % 2]) for i in range(stage.count)]
    for pair in opened:
        ask(stage, pair, answer, request)
    return opened


def upgrade_refused(stage):
    opened = asked(stage, websocket.refusal(403))
    stage.expect(opened, "upgrade_failed", **LOCAL_FIN, evidence={
        "websocket.upgrade_status": 403, "websocket.upgrade_stripped": False})
    near_closes_tcp(opened)


def upgrade_stripped(stage):
    """By a proxy that does not pass the upgrade on; the peer goes away then."""
    opened = asked(stage, websocket.refusal(426), websocket.STRIPPED_REQUEST)
    stage.expect(opened, "upgrade_failed", **REMOTE_FIN, evidence={
        "websocket.upgrade_status": 426, "websocket.upgrade_stripped": True})
    for pair in opened:
        pair.far.close()
    near_answers_the_fin(stage, opened)


def upgrade_unanswered(stage):
    """The client loses patience."""
    opened = asked(stage, b"")
    client_is_near = stage.role == "client"
    stage.expect(opened, "upgrade_failed", **(LOCAL_FIN if client_is_near else REMOTE_FIN),
                 evidence={"websocket.upgrade_status": None})
    if client_is_near:
        return near_closes_tcp(opened)
    for pair in opened:
        pair.far.close()
    near_answers_the_fin(stage, opened)
