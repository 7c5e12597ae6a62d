"""A process ends, or its listener, over the connections it has."""

import os
import signal
import socket

import pairs
from ends import LOCAL_RST, REMOTE_FIN
from wire import VICTIMS


def in_a_process(stage, end, before=lambda far: None):
    """The near ends belong to a process of their own, which end(child) ends after before(far) has
    been done with their peers; the keys of them."""
    listeners = {family: stage.listener(family) for family in pairs.FAMILIES}
    families = [pairs.FAMILIES[i % 2] for i in range(stage.count)]
    go_read, go_write = os.pipe()

    def serve(tell):
        held = []
        for family in families:
            if stage.role == "server":
                held.append(listeners[family].accept()[0])
            else:
                held.append(stage.connect(family))
            pairs.receive(held[-1], pairs.MESSAGE)
            held[-1].sendall(bytes(pairs.MESSAGE))
        tell()
        status = os.read(go_read, 1)
        os._exit(status[0])

    with stage.process(serve) as child:
        far = []
        for family in families:
            if stage.role == "server":
                far.append(stage.connect(family))
            else:
                far.append(listeners[family].accept()[0])
            far[-1].settimeout(pairs.IO_SECONDS)
            far[-1].sendall(bytes(pairs.MESSAGE))
            pairs.receive(far[-1], pairs.MESSAGE)
        child.wait_ready()
        before(far)
        keys = [pairs.key_of_far(stage.wire, sock) for sock in far]
        end(child, go_write)
    return keys


def exit_with(status):
    def end(child, go_write):
        os.write(go_write, bytes([status]))
        child.wait_end()

    return end


def die_of(number):
    return lambda child, _: child.end_by(number)


def expect_exit(stage, keys, **expected):
    for key in keys:
        stage.expect_key(key, "process_exit", initiator="local", **expected)


def exits_with(status):
    def scenario(stage):
        keys = in_a_process(stage, exit_with(status))
        expect_exit(stage, keys, mechanism="fin", evidence={"closed_by.exit_status": status})

    return scenario


def killed_by(number):
    def scenario(stage):
        keys = in_a_process(stage, die_of(number))
        expect_exit(stage, keys, mechanism="fin", evidence={"closed_by.exit_signal": int(number)})

    return scenario


def killed_with_unread(stage):

    def leave_unread(far):
        for sock in far:
            sock.sendall(bytes(pairs.MESSAGE))
        stage.until_each(far, lambda sock: pairs.tcp_info(sock).unacked == 0, "a delivery")

    keys = in_a_process(stage, die_of(signal.SIGKILL), leave_unread)
    expect_exit(stage, keys, mechanism="rst", race="unread_data_reset",
                evidence={"closed_by.exit_signal": int(signal.SIGKILL)})


def killed_in_close_wait(stage):
    """As a leak often ends: the server is restarted."""

    def close_first(far):
        for sock in far:
            sock.shutdown(socket.SHUT_WR)
        stage.until_near("close-wait")

    for key in in_a_process(stage, die_of(signal.SIGTERM), close_first):
        stage.expect_key(key, "process_exit", **REMOTE_FIN,
                         evidence={"closed_by.exit_signal": int(signal.SIGTERM)})


def unaccepted(stage):
    """Connections that wait for accept(), of one listener for each family, and their far ends."""
    listeners = [pairs.listen(stage.wire.near, address, family, stage.port)
                 for family, address in zip(pairs.FAMILIES, VICTIMS.near)]
    far = [stage.connect(pairs.FAMILIES[i % 2]) for i in range(stage.count)]
    return listeners, far


def listener_closed(stage):
    listeners, far = unaccepted(stage)
    for sock in far:
        stage.expect_key(pairs.key_of_far(stage.wire, sock), "local_abort", **LOCAL_RST,
                         evidence={"abort": "listener_closed"})
    for listener in listeners:
        listener.close()
    stage.until_state(far, pairs.CLOSE)


def listener_exits(stage):
    def serve(tell):
        kept = [pairs.listen(stage.wire.near, address, family, stage.port)
                for family, address in zip(pairs.FAMILIES, VICTIMS.near)]
        tell()
        while kept:
            signal.pause()

    with stage.process(serve) as child:
        child.wait_ready()
        far = [stage.connect(pairs.FAMILIES[i % 2]) for i in range(stage.count)]
        expect_exit(stage, [pairs.key_of_far(stage.wire, sock) for sock in far], mechanism="rst",
                    evidence={"closed_by.exit_signal": int(signal.SIGTERM)})
        child.end_by(signal.SIGTERM)
        stage.until_state(far, pairs.CLOSE)
