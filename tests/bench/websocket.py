"""What reading WebSockets costs: a packet, a message of a real server, a connection's memory."""

from echo import measure_echo
from host import HostError
from machine import cgroup_root
from programs import Load, Watch, measure_programs, program_rows
from storage import measure_storage

WATCHED_PORT = 18080  # in a network namespace of its own: it collides with nobody's
OTHER_PORT = 18081
PROGRAMS = ("websocket_in", "websocket_out")

CONNECTIONS = 4
SEGMENT_BYTES = 100
ONE_FRAME = 50  # bytes of payload: a packet holds just one frame
ENDLESS = 1 << 30  # bytes of payload: no second header ever comes


def packet_watches(options):
    def load(frame_bytes):
        packets = options.packets // (2 * CONNECTIONS)
        return Load(("frames", "--port", WATCHED_PORT, "--connections", CONNECTIONS,
                     "--packets", packets, "--frame-bytes", frame_bytes,
                     "--segment-bytes", SEGMENT_BYTES),
                    "packet", packets * 2 * CONNECTIONS)

    def limits(ns):
        return dict.fromkeys(PROGRAMS, ns)

    # Both ends are here, and each packet passes both programs: with both roles each of these runs
    # is of a watched socket.
    both = ("--role=both",)
    return [
        Watch("not watched,", OTHER_PORT, (), limits(60), load(ONE_FRAME)),
        Watch("no header,", WATCHED_PORT, both, limits(90), load(ENDLESS)),
        Watch("one frame,", WATCHED_PORT, both, limits(180), load(ONE_FRAME)),
    ]


def measure_packets(options):
    results = [result for result in measure_programs(options, options.rounds,
                                                     packet_watches(options), [cgroup_root()])
               if result["name"].endswith((*PROGRAMS, "program"))]
    return results, program_rows(results, "packet")


PARTS = {"packets": measure_packets, "echo": measure_echo, "memory": measure_storage}


def websocket(options):
    wanted = options.only.split(",") if options.only else list(PARTS)
    if unknown := set(wanted) - PARTS.keys():
        raise HostError(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    measured = [PARTS[name](options) for name in wanted]
    report = {"benchmark": "websocket", "rounds": options.rounds, "packets": options.packets,
              "messages": options.messages, "connections": options.connections,
              "results": [result for results, _ in measured for result in results]}
    return report, [rows for _, rows in measured]
