"""FIN, RST and data that cross each other."""

import socket

import pairs
from ends import LOCAL_FIN, LOCAL_RST, REMOTE_RST, near_answers_the_end, nears

LONG_FIN_TIMEOUT = 120  # above TCP_TIMEWAIT_LEN a closed socket in FIN_WAIT2 stays a whole one
LATE_SECONDS = 2  # after the verdict


def unread_data_reset(stage):
    opened = stage.open()
    stage.expect(opened, "unread_data_reset", race="unread_data_reset", **LOCAL_RST)
    for pair in opened:
        pair.far.sendall(bytes(pairs.MESSAGE))
    stage.until_each(nears(opened), pairs.is_readable, "something to read")
    for pair in opened:
        pair.near.close()


def unread_data_reset_after_fin(stage):
    opened = stage.open()
    stage.expect(opened, "unread_data_reset", race="unread_data_reset", initiator="remote",
                 mechanism="rst")
    for pair in opened:
        pair.far.sendall(bytes(pairs.MESSAGE))
        pair.far.shutdown(socket.SHUT_WR)
    stage.until_state(nears(opened), pairs.CLOSE_WAIT)
    for pair in opened:
        pair.near.close()


def near_shuts_down(stage, opened):
    for pair in opened:
        pair.near.shutdown(socket.SHUT_WR)
    stage.until_state(nears(opened), pairs.FIN_WAIT2)


def unread_data_reset_after_shutdown(stage):
    opened = stage.open()
    stage.expect(opened, "unread_data_reset", race="unread_data_reset", **LOCAL_RST)
    near_shuts_down(stage, opened)
    for pair in opened:
        pair.far.sendall(bytes(pairs.MESSAGE))
    stage.until_each(nears(opened), pairs.is_readable, "something to read")
    for pair in opened:
        pair.near.close()


def local_abort_after_shutdown(stage):
    opened = stage.open()
    stage.expect(opened, "local_abort", **LOCAL_RST, evidence={"abort": "linger"})
    near_shuts_down(stage, opened)
    for pair in opened:
        pairs.abort(pair.near)


def near_closes_to_fin_wait1(stage, opened):
    """Near's FIN is lost for as long as the fault lasts."""
    for pair in opened:
        pair.near.close()
    stage.until_near("fin-wait-1")


def near_closes_to_fin_wait2(stage, opened):
    for pair in opened:
        pair.near.close()
    stage.until_each([pair.far for pair in opened],
                     lambda sock: pairs.state_of(sock) == pairs.CLOSE_WAIT, "the FIN's arrival")
    stage.until_near("fin-wait-2")


def data_comes(stage, opened):
    """Far sends, not knowing that nobody will read it, and is reset."""
    for pair in opened:
        pair.far.sendall(bytes(pairs.MESSAGE))
    stage.until_state([pair.far for pair in opened], pairs.CLOSE)


DATA_AFTER_CLOSE = {"race": "data_after_close", **LOCAL_RST}


def data_in_fin_wait1(stage):
    opened = stage.open()
    stage.expect(opened, "data_after_close", **DATA_AFTER_CLOSE)
    with stage.during("lost fin"):
        near_closes_to_fin_wait1(stage, opened)
        data_comes(stage, opened)


def data_in_fin_wait2(stage):
    stage.near_sysctl("tcp_fin_timeout", LONG_FIN_TIMEOUT)
    opened = stage.open()
    stage.expect(opened, "data_after_close", **DATA_AFTER_CLOSE)
    near_closes_to_fin_wait2(stage, opened)
    data_comes(stage, opened)


def data_after_shutdown(stage):
    """shutdown() both ways, the descriptor still open."""
    opened = stage.open()
    stage.expect(opened, "data_after_close", **DATA_AFTER_CLOSE)
    for pair in opened:
        pair.near.shutdown(socket.SHUT_RDWR)
    stage.until_near("fin-wait-2")
    data_comes(stage, opened)
    for pair in opened:
        pair.near.close()


def data_acknowledges_fin(stage):
    """The first that comes after our FIN is data which acknowledges it, as most often."""
    opened = stage.open()
    stage.expect(opened, "data_after_close", **DATA_AFTER_CLOSE)
    for pair in opened:
        pair.near.close()
        pairs.receive_end(pair.far)
        pair.far.sendall(bytes(pairs.MESSAGE))
    stage.until_state([pair.far for pair in opened], pairs.CLOSE)


def data_in_time_wait(stage):
    """The socket is gone; the timewait socket answers before the verdict falls."""
    opened = stage.open()
    stage.expect(opened, "data_after_close", **DATA_AFTER_CLOSE)
    for pair in opened:  # one by one: the verdict falls after a second
        pair.near.close()
        stage.until_near("fin-wait-2", count=1)
        data_comes(stage, [pair])


def data_in_time_wait_late(stage):
    """The verdict has fallen, too."""
    opened = stage.open()
    stage.expect(opened, "local_close", race="data_after_close", **LOCAL_FIN)
    near_closes_to_fin_wait2(stage, opened)
    stage.hold(LATE_SECONDS)
    data_comes(stage, opened)


def late_reset(stage, listener_closes=False):
    """Even the timewait socket is gone: the listener answers."""
    stage.near_sysctl("tcp_fin_timeout", 1)
    opened = stage.open()
    stage.expect(opened, "local_close", race="late_reset", **LOCAL_FIN)
    for pair in opened:
        pair.near.close()
    stage.until_near("all", "exclude", "listening", count=0)
    if listener_closes:
        stage.close_listeners()
    data_comes(stage, opened)


def late_reset_no_listener(stage):
    """There is no socket at all to answer."""
    late_reset(stage, listener_closes=True)


def reset_after_fin(stage):
    opened = stage.open()
    stage.expect(opened, "reset_after_fin", race="reset_after_fin", **REMOTE_RST)
    for pair in opened:
        pair.far.shutdown(socket.SHUT_WR)
    stage.until_state(nears(opened), pairs.CLOSE_WAIT)
    for pair in opened:
        pairs.abort(pair.far)
    near_answers_the_end(stage, opened)


def write_after_remote_close(stage):
    """The application writes to a peer that has closed: a broken pipe."""
    opened = stage.open()
    stage.expect(opened, "reset_after_fin", race="reset_after_fin", **REMOTE_RST)
    for pair in opened:
        pair.far.close()
    stage.until_state(nears(opened), pairs.CLOSE_WAIT)
    for pair in opened:
        pair.near.sendall(bytes(pairs.MESSAGE))
    near_answers_the_end(stage, opened)


RESET_DURING_CLOSE = {"race": "reset_during_close", **LOCAL_RST}


def reset_in_fin_wait1(stage):
    opened = stage.open()
    stage.expect(opened, "peer_reset", **RESET_DURING_CLOSE)
    with stage.during("lost fin"):
        near_closes_to_fin_wait1(stage, opened)
        for pair in opened:
            pairs.abort(pair.far)
        stage.until_near("all", "exclude", "listening", count=0)


def reset_in_fin_wait2(stage):
    stage.near_sysctl("tcp_fin_timeout", LONG_FIN_TIMEOUT)
    opened = stage.open()
    stage.expect(opened, "peer_reset", **RESET_DURING_CLOSE)
    near_closes_to_fin_wait2(stage, opened)
    for pair in opened:
        pairs.abort(pair.far)
    stage.until_near("all", "exclude", "listening", count=0)


def reset_after_shutdown(stage):
    """The descriptor is still open, so the application sees the reset."""
    opened = stage.open()
    stage.expect(opened, "peer_reset", **RESET_DURING_CLOSE)
    for pair in opened:
        pair.near.shutdown(socket.SHUT_WR)
    stage.until_near("fin-wait-2")
    for pair in opened:
        pairs.abort(pair.far)
    near_answers_the_end(stage, opened)


def simultaneous_close(stage):
    """Far closes before near's FIN has reached it."""
    opened = stage.open()
    stage.expect(opened, "simultaneous_close", race="simultaneous_close", mechanism="fin")
    with stage.during("lost fin"):
        near_closes_to_fin_wait1(stage, opened)
        for pair in opened:
            pair.far.close()
        stage.until_near("closing")
    stage.until_near("connected", "exclude", "time-wait", count=0)
