"""Everything the lab causes, as a table."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

import scenarios_application as application
import scenarios_path as path
import scenarios_process as process
import scenarios_race as race
import scenarios_stall as stall
import scenarios_websocket as websocket
from stage import Stage

# The kernel's counters that a scenario names when they rise by one for each of its connections.
ON_CLOSE, ON_DATA, ON_TIMEOUT, ESTABLISHED_RESET, RESET_SENT = COUNTED = (
    "TcpExtTCPAbortOnClose", "TcpExtTCPAbortOnData", "TcpExtTCPAbortOnTimeout", "TcpEstabResets",
    "TcpOutRsts",
)
SERVER, CLIENT = ("server",), ("client",)
GAVE_UP = (ON_TIMEOUT, ESTABLISHED_RESET)


@dataclass(frozen=True)
class Scenario:
    play: Callable[[Stage], None]
    counted: tuple[str, ...] = ()
    not_counted: tuple[str, ...] = ()  # counters that hang on the machine's pace
    given_name: str = ""
    roles: tuple[str, ...] = SERVER + CLIENT

    @property
    def name(self):
        return self.given_name or self.play.__name__


SCENARIOS = (
    Scenario(path.peer_vanished, GAVE_UP),
    Scenario(path.vanished_sending_much, GAVE_UP),
    Scenario(path.vanished_after_silence, GAVE_UP),
    Scenario(path.vanished_after_short_silence, GAVE_UP),
    Scenario(path.vanished_after_second_silence, GAVE_UP),
    Scenario(path.vanished_during_close, (ON_TIMEOUT,)),
    Scenario(path.unreachable, GAVE_UP),
    Scenario(path.mtu_blackhole, GAVE_UP),
    Scenario(path.keepalive_timeout, (*GAVE_UP, RESET_SENT)),
    Scenario(path.user_timeout, GAVE_UP),
    Scenario(path.nat_drops, GAVE_UP),
    Scenario(path.nat_resets, (ESTABLISHED_RESET,)),
    Scenario(path.peer_forgot, (ESTABLISHED_RESET,)),
    Scenario(path.reset_after_silence, (ESTABLISHED_RESET,)),

    Scenario(application.local_close),
    Scenario(application.local_close_answered_late),
    Scenario(application.half_close),
    Scenario(application.remote_close),
    Scenario(application.remote_close_answered_late),
    Scenario(application.shutdown_fd_kept),
    Scenario(application.closed_before_accept, roles=SERVER),
    Scenario(application.reset_before_accept, (ESTABLISHED_RESET,), roles=SERVER),
    Scenario(application.owner_changes_namespace),
    Scenario(application.local_abort_after_fin, (ON_DATA, ESTABLISHED_RESET, RESET_SENT)),
    Scenario(application.local_abort, (ON_DATA, ESTABLISHED_RESET, RESET_SENT)),
    Scenario(application.peer_reset, (ESTABLISHED_RESET,)),
    Scenario(application.peer_reset_fd_kept, (ESTABLISHED_RESET,)),
    Scenario(application.socket_destroyed, (ESTABLISHED_RESET, RESET_SENT)),
    Scenario(application.connect_again, (ESTABLISHED_RESET,), roles=SERVER),
    Scenario(application.connect_again, (ESTABLISHED_RESET, RESET_SENT), roles=CLIENT),

    Scenario(process.exits_with(0), given_name="process_exits_0"),
    Scenario(process.exits_with(3), given_name="process_exits_3"),
    Scenario(process.killed_by(signal.SIGKILL), given_name="process_killed_9"),
    Scenario(process.killed_by(signal.SIGTERM), given_name="process_killed_15"),
    Scenario(process.killed_with_unread, (ON_CLOSE, ESTABLISHED_RESET, RESET_SENT)),
    Scenario(process.killed_in_close_wait),
    Scenario(process.listener_closed, (ESTABLISHED_RESET, RESET_SENT), roles=SERVER),
    Scenario(process.listener_exits, (ESTABLISHED_RESET, RESET_SENT), roles=SERVER),

    Scenario(stall.close_wait_leak),
    Scenario(stall.close_wait_leak_peer_gone),
    Scenario(stall.slow_consumer_closed),
    Scenario(stall.slow_consumer_aborted, (ON_DATA, ESTABLISHED_RESET, RESET_SENT)),
    Scenario(stall.slow_consumer_resets, (ESTABLISHED_RESET,)),
    Scenario(stall.slow_consumer_recovers),
    Scenario(stall.window_closed_shortly, (ESTABLISHED_RESET,)),
    Scenario(stall.server_stall_fin),
    Scenario(stall.server_stall_fin_unread, (ON_CLOSE, ESTABLISHED_RESET, RESET_SENT)),
    Scenario(stall.server_stall_rst, (ESTABLISHED_RESET,)),
    Scenario(stall.server_stall_recovers),
    Scenario(stall.unread_shortly, (ESTABLISHED_RESET,)),

    Scenario(race.unread_data_reset, (ON_CLOSE, ESTABLISHED_RESET, RESET_SENT)),
    Scenario(race.unread_data_reset_after_fin, (ON_CLOSE, ESTABLISHED_RESET, RESET_SENT)),
    Scenario(race.unread_data_reset_after_shutdown, (ON_CLOSE, RESET_SENT)),
    Scenario(race.local_abort_after_shutdown, (ON_DATA, RESET_SENT)),
    Scenario(race.data_in_fin_wait1, (ON_DATA, RESET_SENT)),
    Scenario(race.data_in_fin_wait2, (ON_DATA, RESET_SENT)),
    Scenario(race.data_after_shutdown, (ON_DATA, RESET_SENT)),
    Scenario(race.data_acknowledges_fin, (RESET_SENT,), not_counted=(ON_DATA,)),
    Scenario(race.data_in_time_wait, (RESET_SENT,)),
    Scenario(race.data_in_time_wait_late, (RESET_SENT,)),
    Scenario(race.late_reset, (RESET_SENT,)),
    Scenario(race.late_reset_no_listener, (RESET_SENT,)),
    Scenario(race.reset_after_fin, (ESTABLISHED_RESET,)),
    Scenario(race.write_after_remote_close, (ESTABLISHED_RESET,)),
    Scenario(race.reset_in_fin_wait1),
    Scenario(race.reset_in_fin_wait2),
    Scenario(race.reset_after_shutdown),
    Scenario(race.simultaneous_close),

    Scenario(websocket.clean_from_here),
    Scenario(websocket.clean_from_there),
    Scenario(websocket.clean_closes_cross),
    Scenario(websocket.fin_without_close),
    Scenario(websocket.terminated),
    Scenario(websocket.reset_after_closes, (ESTABLISHED_RESET,)),
    Scenario(websocket.reset_without_close, (ESTABLISHED_RESET,)),
    Scenario(websocket.upgrade_refused),
    Scenario(websocket.upgrade_stripped),
    Scenario(websocket.upgrade_unanswered),
)
