"""A peer in a network namespace of its own, and the ways in which its connections end."""

import contextlib
import os
import signal
import socket

from guest import PORT, close_hard, output, run

FAR = "far"
FAR_ADDRESS = "10.77.0.2"
# family, where it is its own peer, where FAR reaches it
FAMILIES = (
    (socket.AF_INET, "127.0.0.1", "10.77.0.1"),
    (socket.AF_INET6, "::1", "fd77::1"),
)
# net.ipv4.tcp_retries2: 0.2 s × (2⁶ − 1) until the kernel gives a peer up.
RETRIES = 5


def make_network():
    """Another namespace behind a veth pair. The neighbours are told of each other for good: where
    ARP fails, too, the kernel ends a connection with EHOSTUNREACH instead of ETIMEDOUT."""
    run(f"ip netns add {FAR}")
    run("ip link add near0 address 02:00:00:00:77:01 type veth "
        f"peer name far0 address 02:00:00:00:77:02 netns {FAR}")
    for netns, device, peer, number in (((), "near0", 2, 1), (("-n", FAR), "far0", 1, 2)):
        ip = " ".join(("ip", *netns))
        run(f"{ip} address add 10.77.0.{number}/24 dev {device}")
        run(f"{ip} address add fd77::{number}/64 dev {device} nodad")
        run(f"{ip} link set lo up")
        run(f"{ip} link set {device} up")
        for address in (f"10.77.0.{peer}", f"fd77::{peer}"):
            run(f"{ip} neighbour replace {address} lladdr 02:00:00:00:77:0{peer} "
                f"dev {device} nud permanent")
    with open("/proc/sys/net/ipv4/tcp_retries2", "w", encoding="utf-8") as setting:
        setting.write(str(RETRIES))


@contextlib.contextmanager
def nothing_arrives(there=True, here=True):
    """What is sent is lost: by us (nothing arrives there), by the peer, or both ways."""
    devices = there * ["tc qdisc {} dev near0"] + here * [f"tc -n {FAR} qdisc {{}} dev far0"]
    for device in devices:
        run(device.format("add") + " root netem loss 100%")
    try:
        yield
    finally:
        for device in devices:
            run(device.format("del") + " root")


def end_by_fin_from_here(pair):
    pair.close(pair.server, pair.client)


def end_by_fin_from_there(pair):
    pair.close(pair.client, pair.server)


def end_by_peer_reset(pair):
    close_hard(pair.client)
    try:
        pair.server.recv(1)
    except ConnectionResetError:
        pass
    pair.server.close()


def end_by_abort(pair):
    close_hard(pair.server)
    pair.client.close()


def end_by_ss(pair):
    client_port = pair.client.getsockname()[1]
    _, killed, errors = output("ss", "-HKtn", f"sport = :{PORT} and dport = :{client_port}")
    if not killed.strip():
        raise RuntimeError(f"ss -K killed nothing: {errors.strip()}")
    pair.server.close()
    pair.client.close()


def end_by_exit(pair):
    """The server's socket is left to another process, which is killed."""
    holder = os.fork()
    if holder == 0:
        signal.pause()
    pair.server.close()
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    pair.client.recv(1)
    pair.client.close()


def end_with_unread_data(pair):
    pair.client.sendall(b"unread")
    pair.server.recv(1, socket.MSG_PEEK)  # it has arrived
    pair.server.close()
    pair.client.close()


def end_with_data_in_flight(pair):
    """The peer has not seen our FIN yet when it sends."""
    with nothing_arrives(there=True, here=False):
        pair.server.close()
        pair.client.sendall(b"late")
        close_hard(pair.client)


def end_with_data_on_the_ack(pair):
    """The peer acknowledges our FIN with the segment that carries its data: an acknowledgment of
    its own comes no sooner than 40 ms after the FIN (tcp_fin() enters the delayed mode)."""
    pair.server.close()
    pair.client.recv(1)
    pair.client.sendall(b"late")
    pair.client.close()


# "trace: tcp: fully support trace_tcp_send_reset": before, the kernel does not tell of a reset that
# answers a segment for which there is no full socket any more.
TELLS_EVERY_RESET = tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 10)

ENDS = (
    ("a FIN from here", end_by_fin_from_here, "local_close"),
    ("a FIN from there", end_by_fin_from_there, "remote_close"),
    ("a reset from there", end_by_peer_reset, "peer_reset"),
    ("SO_LINGER 0 here", end_by_abort, "local_abort"),
    ("ss -K", end_by_ss, "socket_destroyed"),
    ("the exit of the owner", end_by_exit, "process_exit"),
    ("a close with unread data", end_with_unread_data, "unread_data_reset"),
    ("data that crosses our FIN", end_with_data_in_flight, "data_after_close"),
    ("data with the ACK of our FIN", end_with_data_on_the_ack, "data_after_close"),
)
