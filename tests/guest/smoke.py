"""The smoke test of wsbpf, inside a guest whose init has mounted everything. Prints TAP.

It is this machine's only user, runs as root, and may change whatever it likes.
"""

import errno
import json
import os
import signal
import socket
import time

import faults
import guest
import websocket
from faults import FAMILIES, FAR, FAR_ADDRESS
from guest import Pair, close_hard, closed_events, connections, output, until

LEAKED_PER_FAMILY = 30
CHURN_PER_FAMILY = 200
VOID_BYTES = 1000
HANGING_KEYS = ("state", "remote", "unacked_bytes", "retransmits", "half_open")
WEBSOCKET_KEYS = ("phase", "messages_received", "messages_sent", "ping_rtt_seconds")
VERDICT_KEYS = ("verdict", "initiator", "mechanism", "race", "confidence")
# Two sweeps, and the alert's own 10 s back in bounds.
RESOLVED_SECONDS = 40

tap = guest.Tap()
listeners = {}
older_pairs = []
daemon = None
foreign_objects = set()


def loopback_pairs(count):
    return [Pair(listeners[family], loopback)
            for family, loopback, _ in FAMILIES for _ in range(count)]


def ids_of(pairs):
    return {pair.id for pair in pairs}


def wait_closed(pairs):
    """Their `closed` events, by id."""
    ids = ids_of(pairs)
    until(lambda: len(closed_events(ids)) == len(ids))
    return closed_events(ids)


def listed(pairs, condition=lambda _: True):
    ids = ids_of(pairs)
    return [connection for connection in connections()
            if connection["id"] in ids and condition(connection)]


def tells_verdicts():
    return any("verdict" in event for event in guest.events("closed"))


def check_verdict(name, events, verdict):
    if not tells_verdicts():
        return tap.skip(name, "this binary has no verdicts")
    said = sorted({event["verdict"] for event in events})
    tap.check(name, said == [verdict], json.dumps(events[:1]))
    for told in sorted({", ".join(f"{key} {event[key]}" for key in VERDICT_KEYS)
                        for event in events}):
        tap.note(told)


def version():
    """It says its version"""
    code, text, errors = output("wsbpf", "--version")
    tap.check("wsbpf --version", code == 0 and text.strip() != "", errors)
    tap.note(text.strip())


def attach():
    """It loads and attaches"""
    global daemon, foreign_objects
    foreign_objects = guest.bpf_objects()
    started = time.monotonic()
    daemon = guest.start_daemon()
    until(lambda: guest.ready() or daemon.poll() is not None, guest.START_SECONDS)
    answer = guest.ready()
    tap.note(f"ready after {time.monotonic() - started:.1f} s")
    said = "\n".join(guest.lines_of(guest.DAEMON_LOG))
    tap.check("wsbpf run loads and attaches", daemon.poll() is None,
              f"status {daemon.returncode}\n{said}")
    tap.check("/readyz says ok", answer and answer[1].strip() == "ok", f"{answer}\n{said}")
    complaints = [line for line in said.splitlines() if "libbpf" in line or "error" in line]
    tap.check("it has no complaint", not complaints, said)
    held = guest.bpf_objects() - foreign_objects
    tap.note(", ".join(f"{sum(kind == name for kind, _ in held)} {name}s"
                       for name in ("program", "map", "link")))


def open_older():
    """Connections from before the daemon, with their servers in both namespaces."""
    with guest.netns(FAR):
        far_listener = guest.listen(socket.AF_INET)
    older_pairs.extend((*loopback_pairs(1), Pair(far_listener, FAR_ADDRESS)))
    for pair in older_pairs:
        pair.talk()


def older():
    """Connections from before are found in every namespace"""
    expected = {"established lower_bound", f"python3[{os.getpid()}]"}

    def complete():
        found = listed(older_pairs)
        return len(found) == len(older_pairs) and all(
            described(connection) == expected for connection in found) and found

    def described(connection):
        owner = connection["owner"] or {}
        return {f"{connection['state']} {connection['age_source']}",
                f"{owner.get('comm')}[{owner.get('pid')}]"}

    found = until(complete)
    tap.check("connections from before are listed, with their owner", found,
              json.dumps(listed(older_pairs)))
    namespaces = {connection["netns"] for connection in found or ()}
    tap.check("in two network namespaces", len(namespaces) == 2, str(namespaces))
    for pair in older_pairs:
        pair.close(pair.client, pair.server)
    closed = wait_closed(older_pairs)
    tap.check("and are logged as closed", len(closed) == len(older_pairs), str(closed))


def leak():
    """CLOSE_WAIT accumulates, is told, and resolves"""
    pairs = loopback_pairs(LEAKED_PER_FAMILY)
    for pair in pairs:
        pair.talk()
        pair.client.close()
    left = time.monotonic()
    answer = until(lambda: (found := output("wsbpf", "check"))[0] == 3 and found)
    tap.check("wsbpf check exits 3 with CloseWaitAccumulation",
              answer and "CloseWaitAccumulation" in answer[1], str(output("wsbpf", "check")))
    tap.note(f"after {time.monotonic() - left:.1f} s: {answer and answer[1].strip()}")
    ours = len(listed(pairs, lambda connection: connection["state"] == "close_wait"))
    command = ("ss", "-Htn", "state", "close-wait", f"sport = :{guest.PORT}")
    theirs = len(output(*command)[1].splitlines())
    tap.check(f"wsbpf list and ss agree on {len(pairs)} in CLOSE_WAIT",
              ours == theirs == len(pairs), f"wsbpf {ours}, ss {theirs}")

    for pair in pairs:
        pair.server.close()
    closed = wait_closed(pairs)
    tap.check("each of them is logged as closed", len(closed) == len(pairs), f"{len(closed)}")
    check_verdict("all of them by remote_close", list(closed.values()), "remote_close")
    gone = time.monotonic()
    code = until(lambda: output("wsbpf", "check")[0] == 0, RESOLVED_SECONDS)
    tap.check("wsbpf check exits 0 again", code, str(output("wsbpf", "check")))
    tap.note(f"after {time.monotonic() - gone:.1f} s")
    states = [event["alert"]["state"] for event in guest.events("alert")]
    tap.check("the event log has the alert from firing to resolved",
              "firing" in states and states[-1:] == ["resolved"], str(states))


def churn():
    """Opens and closes are counted exactly"""
    pairs = []
    started = time.monotonic()
    for number in range(CHURN_PER_FAMILY):
        for pair in loopback_pairs(1):
            pair.talk()
            ends = (pair.client, pair.server)
            pair.close(*(ends if number % 2 else reversed(ends)))
            pairs.append(pair)
    tap.note(f"{len(pairs)} in {time.monotonic() - started:.1f} s")
    closed = wait_closed(pairs)
    logged = [event["connection"]["id"] for kind in ("opened", "closed")
              for event in guest.events(kind)]
    wrong = [pair.id for pair in pairs if logged.count(pair.id) != 2 or pair.id not in closed]
    tap.check(f"{len(pairs)} opened and closed, each logged once as either",
              len(ids_of(pairs)) == 2 * CHURN_PER_FAMILY and not wrong, f"not so: {wrong}")
    # Round by round, the server closed first, or the client.
    for name, rest, verdict in (("server", 0, "local_close"), ("client", 1, "remote_close")):
        chosen = [closed[pair.id] for number, pair in enumerate(pairs)
                  if number // len(FAMILIES) % 2 == rest and pair.id in closed]
        check_verdict(f"the {name} closed first: {verdict}", chosen, verdict)
    check_empty("after the churn")
    lost = sum(guest.metric("wsbpf_events_lost_total").values())
    tap.check("nothing was lost", lost == 0, str(guest.metric("wsbpf_events_lost_total")))
    tap.note(f"corrections: {guest.metric('wsbpf_reconcile_corrections_total')}")


def check_empty(when):
    tap.check(f"nothing is left in /api/connections {when}", until(
        lambda: json.loads(guest.get("/api/connections")[1])["total"] == 0), str(connections()))


def ends():
    """Each way to end has its verdict"""
    for name, end, verdict in faults.ENDS:
        pairs = [Pair(listeners[family], near, FAR) for family, _, near in FAMILIES]
        for pair in pairs:
            pair.talk()
            end(pair)
        closed = wait_closed(pairs)
        tap.check(f"{name}: logged as closed", len(closed) == len(pairs), str(listed(pairs)))
        check_verdict(f"{name}: {verdict}", list(closed.values()), verdict)
    check_empty("after each way to end")
    resets = guest.metric("wsbpf_resets_total")
    counted = [any(f'direction="{direction}"' in labels for labels in resets)
               for direction in ("sent", "received")]
    tap.check("resets are counted in both directions", all(counted), str(resets))
    for labels, value in sorted(resets.items()):
        tap.note(f"wsbpf_resets_total{labels} {value:.0f}")


def websockets():
    """WebSockets are read"""
    status = json.loads(guest.get("/api/status")[1])["websocket"]
    tap.check("/api/status: they are read", status == {"enabled": True, "reason": None},
              str(status))
    code, said, errors = output("wsbpf", "doctor")
    tap.check("wsbpf doctor finds what that needs", code == 0, said + errors)
    for line in said.splitlines():
        if any(word in line.lower() for word in ("websocket", "cgroup", "bpf_loop")):
            tap.note(line.strip())
    pairs = loopback_pairs(1) + [Pair(listeners[family], near, FAR)
                                 for family, _, near in FAMILIES]
    for pair in pairs:
        pair.from_client(websocket.REQUEST)
        pair.from_server(websocket.SWITCH)
        pair.from_client(websocket.frame(websocket.TEXT, b"question", True))
        for part in (b"answer", b"and more"):
            pair.from_server(websocket.frame(websocket.TEXT, part))
        pair.from_server(websocket.frame(websocket.PING, b"1"))
        pair.from_client(websocket.frame(websocket.PONG, b"1", True))
    found = until(lambda: len(seen := listed(pairs, is_read)) == len(pairs) and seen)
    tap.check("the handshake, the messages and a ping's round trip", found, str(listed(pairs)))
    for connection in found or ():
        tap.note(", ".join(f"{key} {connection['websocket'][key]}" for key in WEBSOCKET_KEYS))
    for pair in pairs:
        pair.from_server(websocket.close(4001))
        pair.from_client(websocket.close(4001, True))
        pair.close(pair.server, pair.client)
    check_websocket_ends("a close with Close frames", pairs, "clean",
                         close_code_sent=4001, close_code_received=4001, read_to_the_end=True)
    refused = loopback_pairs(1)
    for pair in refused:
        pair.from_client(websocket.REQUEST)
        pair.from_server(websocket.refusal(403))
        pair.close(pair.server, pair.client)
    check_websocket_ends("a refused handshake", refused, "upgrade_failed", upgrade_status=403)
    check_empty("after the WebSockets")


def is_read(connection):
    found = connection["websocket"]
    return found and tuple(found[key] for key in WEBSOCKET_KEYS[:3]) == ("open", 1, 2) and (
        found["ping_rtt_seconds"] is not None)


def check_websocket_ends(name, pairs, verdict, **expected):
    closed = list(wait_closed(pairs).values())
    tap.check(f"{name}: logged as closed", len(closed) == len(pairs), str(listed(pairs)))
    check_verdict(f"{name}: {verdict}", closed, verdict)
    read = [event["evidence"]["websocket"] for event in closed]
    told = ", ".join(f"{key} {value}" for key, value in expected.items())
    tap.check(f"{name}: {told}",
              all(each and expected.items() <= each.items() for each in read), str(read))


def late():
    """Data into TIME_WAIT, after the verdict"""
    pair = Pair(listeners[socket.AF_INET], FAMILIES[0][2], FAR)
    pair.talk()
    pair.server.close()
    closed = list(wait_closed([pair]).values())
    check_verdict("a close whose FIN is acknowledged: local_close", closed, "local_close")
    pair.client.recv(1)
    pair.client.sendall(b"late")
    name = "data after it: a race data_after_close"
    if not tells_verdicts():
        tap.skip(name, "this binary has no verdicts")
    elif not faults.TELLS_EVERY_RESET:
        tap.skip(name, "this kernel tells only of resets by full sockets")
    else:
        tap.check(name, until(lambda: any(
            event["connection_id"] == pair.id and event["race"] == "data_after_close"
            for event in guest.events("race"))), str(guest.events("race")))
    pair.client.close()


def check_given_up(pairs, verdict):
    started = time.monotonic()
    errors = []
    for pair in pairs:
        try:
            errors.append(f"read {len(pair.server.recv(1))}")
        except OSError as error:
            errors.append(errno.errorcode.get(error.errno, str(error)))
    tap.check(f"{verdict}: the kernel gives up", errors == ["ETIMEDOUT"] * len(pairs), str(errors))
    tap.note(f"after {time.monotonic() - started:.1f} s")
    for pair in pairs:
        pair.server.close()
    closed = wait_closed(pairs)
    tap.check(f"{verdict}: logged as closed", len(closed) == len(pairs), str(listed(pairs)))
    check_verdict(f"{verdict}: said", list(closed.values()), verdict)
    for event in closed.values():
        tap.note(f"evidence {json.dumps(event.get('evidence'))}")


def vanish():
    """A vanished peer is seen, given up, and forgotten"""
    pairs = [Pair(listeners[family], near, FAR) for family, _, near in FAMILIES]
    for pair in pairs:
        pair.talk()
    with faults.nothing_arrives():
        for pair in pairs:
            pair.server.sendall(b"x" * VOID_BYTES)
        check_hanging(pairs)
        check_given_up(pairs, "peer_vanished")
        check_empty("after the peer vanished")
    for pair in pairs:
        close_hard(pair.client)


def check_hanging(pairs):
    sent = time.monotonic()

    def hanging(connection):
        return connection["unacked_bytes"] == VOID_BYTES and connection["retransmits"] > 0

    def half_open(connection):
        return connection["half_open"] == "unacked"

    found = until(lambda: len(seen := listed(pairs, hanging)) == len(pairs) and seen)
    tap.check(f"wsbpf list shows {VOID_BYTES} unacked bytes and retransmits", found,
              str(listed(pairs)))
    if not tells_verdicts():
        return tap.skip("they are half-open: unacked", "this binary has no verdicts")
    found = until(lambda: len(seen := listed(pairs, half_open)) == len(pairs) and seen)
    tap.check("they are half-open: unacked", found, str(listed(pairs)))
    for connection in found or ():
        told = ", ".join(f"{key} {connection[key]}" for key in HANGING_KEYS)
        tap.note(f"after {time.monotonic() - sent:.1f} s: {told}")


def give_up():
    """The two clocks that end a connection with a vanished peer sooner"""
    near = FAMILIES[0][2]
    keepalive, user_timeout = (Pair(listeners[socket.AF_INET], near, FAR) for _ in range(2))
    for pair in (keepalive, user_timeout):
        pair.talk()
    for option, value in ((socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2),
                          (socket.TCP_KEEPIDLE, 1)):
        keepalive.server.setsockopt(socket.IPPROTO_TCP, option, value)
    user_timeout.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 2000)
    with faults.nothing_arrives():
        keepalive.server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        user_timeout.server.sendall(b"x" * VOID_BYTES)
        check_given_up([keepalive], "keepalive_timeout")
        check_given_up([user_timeout], "user_timeout")
    for pair in (keepalive, user_timeout):
        close_hard(pair.client)


def terminate():
    """SIGTERM ends it, and nothing stays"""
    started = time.monotonic()
    daemon.send_signal(signal.SIGTERM)
    code = daemon.wait(guest.PATIENCE_SECONDS)
    took = time.monotonic() - started
    tap.check("SIGTERM ends it with status 0 within 5 s", code == 0 and took < 5, f"status {code}")
    tap.note(f"after {took:.1f} s")
    until(lambda: not guest.bpf_objects() - foreign_objects)
    left = guest.bpf_objects() - foreign_objects
    tap.check("no BPF program, map or link stays", not left, str(left))
    tap.check("/sys/fs/bpf is empty", not os.listdir("/sys/fs/bpf"), str(os.listdir("/sys/fs/bpf")))
    tap.check("its socket is removed", not os.path.exists(guest.API_SOCKET))
    complaints = [line for line in guest.lines_of(guest.DAEMON_LOG) if "libbpf" in line]
    tap.check("it had no complaint to the end", not complaints, "\n".join(complaints))


def kernel_log():
    """The kernel has nothing to say"""
    lines = output("dmesg")[1].splitlines()
    signs = ("BUG:", "WARNING:", "Oops", "RIP:", "rcu: INFO", "soft lockup")
    complaints = [line for line in lines if any(sign in line for sign in signs)]
    tap.check("the kernel has no complaint", not complaints, "\n".join(complaints))


def main():
    faults.make_network()
    for family, _, _ in FAMILIES:
        listeners[family] = guest.listen(family)
    open_older()
    tap.run(version)
    tap.run(attach)
    if daemon and daemon.poll() is None:
        for case in (older, leak, churn, ends, websockets, late, vanish, give_up, terminate):
            tap.run(case)
    tap.run(kernel_log)
    tap.plan()


if __name__ == "__main__":
    main()
