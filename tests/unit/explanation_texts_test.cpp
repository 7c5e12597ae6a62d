// Some explanations as whole texts, as a person would read them.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "explained_builder.h"

namespace wsbpf {
namespace {

struct Expected {
  const char* scenario;
  const char* text;
};

const Expected kExpected[] = {
    {"killed",
     R"text(The application (node[4121]) was ended by SIGKILL, which closed the connection with 10.0.3.7:51234 after 57 s.
43.000 opened: established by 10.0.3.7:51234
100.000 own_fin: the application (node[4121]) was ended by SIGKILL, and so our end sent its FIN
101.000 closed: the connection ended
closed_by=pid 4121, which was ended by SIGKILL: our end was closed by the exit of this process, not by a close() of its own
first_fin=local: our end closed first
complete=true: nothing of its end was missed
closed_from=fin_wait2: our FIN had been acknowledged
idle_received_seconds=0.000: data last came from the peer just before the end began
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
last_heard_seconds=0.000: the peer was there just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unread_bytes=0: the application had read everything
unacked_bytes=0: the peer had acknowledged all that was sent
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
fd_still_open=false: the application had let go of the descriptor
- Before exiting, send every client Close 1001 (going away), and drain.
- SIGKILL may have been the OOM killer, or a stop that took longer than its grace period: see `dmesg`, and the log of the service manager or the kubelet.
docs/verdicts.md#process_exit
)text"},
    {"vanished",
     R"text(The peer (10.0.3.7:51234) vanished: nothing was heard from it for 30 s while 8 retransmissions went unanswered, and the kernel gave up after 29 s.
43.000 opened: established by 10.0.3.7:51234
70.000 last_heard: something was heard from the peer, be it a bare acknowledgement
71.000 retransmissions_began: the first of 8 segments that were sent again, while nothing new was acknowledged
99.500 last_received: data came from the peer, and then no more for a while
99.500 last_sent: data was sent to the peer, or sent again
100.000 closed: the connection ended with ETIMEDOUT (Connection timed out)
last_heard_seconds=30.000: nothing was heard from the peer for so long, not even a bare acknowledgement
retransmit_streak=8 segments after 0.500 s: what was sent was sent again and again, and never acknowledged
unacked_bytes=100: sent, and never acknowledged
error=ETIMEDOUT: the kernel gave up waiting for an answer
complete=true: nothing of its end was missed
first_fin=none: neither end closed in good order: ESTABLISHED was left for CLOSE at once
closed_from=established: it ended without any step of a close
idle_received_seconds=0.500: data last came from the peer just before the end began
idle_sent_seconds=0.500: data was last sent, or sent again, just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unread_bytes=0: the application had read everything
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
fd_still_open=false: the application had let go of the descriptor
- Send a WebSocket ping every 30 s, and terminate the connection when its pong has not come within 10 s: a peer that goes without a word is then noticed within a minute.
- TCP_USER_TIMEOUT on the socket ends such connections sooner than the kernel's own patience (net.ipv4.tcp_retries2, 15 minutes or so by default).
docs/verdicts.md#peer_vanished
)text"},
    {"nat reset",
     R"text(The connection with the peer (10.0.3.7:51234) was probably forgotten on the way: the first send after 60 s of silence was answered by a reset.
43.000 opened: established by 10.0.3.7:51234
43.000 last_heard: something was heard from the peer, be it a bare acknowledgement
99.970 last_sent: data was sent to the peer, or sent again
100.000 reset_received: a reset came from the peer
100.000 closed: the connection ended with ECONNRESET (Connection reset by peer)
longest_silence_seconds=0.000: no silence was seen that it survived
last_heard_seconds=60.030: nothing was heard from the peer for so long, not even a bare acknowledgement
reset_received=in established: the peer's, or a middlebox's in its name, with nothing said before
error=ECONNRESET: a reset ended it
complete=true: nothing of its end was missed
first_fin=none: neither end closed in good order: ESTABLISHED was left for CLOSE at once
closed_from=established: it ended without any step of a close
idle_received_seconds=60.030: data last came from the peer so long before the end began
idle_sent_seconds=0.030: data was last sent, or sent again, just before the end began
unread_bytes=0: the application had read everything
unacked_bytes=50: sent, and not acknowledged when the end began
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
fd_still_open=false: the application had let go of the descriptor
- Ping at an interval below the shortest silence that ends like this, and not above half of a known idle timeout.
- TCP keepalive helps against NATs and firewalls, too, but only on sockets with SO_KEEPALIVE; in a pod its sysctls are set by securityContext.sysctls.
- A peer that died during the silence looks the same: silences of one length are a middlebox, a burst at one moment with all lengths is a dead host.
docs/verdicts.md#nat_expired
)text"},
    {"slow consumer",
     R"text(The peer (10.0.3.7:51234) did not read: its receive window had been closed for 3.0 s, when our end closed the connection.
43.000 opened: established by 10.0.3.7:51234
97.000 zero_window_began: the peer's receive window was found closed: it did not read
100.000 own_fin: our end sent its FIN, by a call of the application (node[4121])
101.000 closed: the connection ended
zero_window_seconds=3.000: the peer's receive window had been closed for so long: its application did not read
unsent_bytes=0: nothing waited in our socket to be sent
last_heard_seconds=0.000: the peer was there just before the end began
complete=true: nothing of its end was missed
first_fin=local: our end closed first
closed_from=fin_wait2: our FIN had been acknowledged
idle_received_seconds=0.000: data last came from the peer just before the end began
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unread_bytes=0: the application had read everything
unacked_bytes=0: the peer had acknowledged all that was sent
closed_by=pid 4121: this process made the call that closed our end
fd_still_open=false: the application had let go of the descriptor
- Bound the queue of each client: drop messages or terminate the connection when it is full.
- Send slow clients fewer and smaller messages, and look at what keeps them from reading: a phone in the background, garbage collection, a blocked event loop.
docs/verdicts.md#slow_consumer
)text"},
    {"stall",
     R"text(The peer (10.0.3.7:51234) gave up on the application (node[4121]), which had not read 10 bytes when the peer closed the connection; the last of them had come 3.0 s before.
43.000 opened: established by 10.0.3.7:51234
100.000 peer_fin: the peer closed its end (FIN)
101.000 own_close: the application (node[4121]) closed our end
101.000 closed: the connection ended
unread_bytes=10: the application had not read this when the peer gave up
idle_received_seconds=3.000: the last of the unread data had come so long before: the stall is at least as old
first_fin=remote: the peer closed its end first
complete=true: nothing of its end was missed
closed_from=last_ack: both ends had closed, and our FIN was the last thing to be acknowledged
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
last_heard_seconds=0.000: the peer was there just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unacked_bytes=0: the peer had acknowledged all that was sent
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
close_wait_seconds=1.000: the application took so long to close its end after the peer had
closed_by=pid 4121: this process made the call that closed our end
fd_still_open=false: the application had let go of the descriptor
- Look at what the application is doing (its threads, its event loop, a debugger's backtrace), and whether RECV-Q grows on its other connections, too: `wsbpf list --sort -recv_q`.
- An application that stops reading on purpose, as a proxy does whose other side is slow, looks the same.
docs/verdicts.md#server_stall
)text"},
    {"leak",
     R"text(The peer (10.0.3.7:51234) closed after 57 s, and the application (node[4121]) closed its end only 60 s later.
43.000 opened: established by 10.0.3.7:51234
100.000 peer_fin: the peer closed its end (FIN)
101.000 own_close: the application (node[4121]) closed our end
101.000 closed: the connection ended
close_wait_seconds=60.000: the application left its end open for so long after the peer had closed: a leak
first_fin=remote: the peer closed its end first
unread_bytes=0: the application had read everything
closed_by=pid 4121: this process made the call that closed our end
complete=true: nothing of its end was missed
closed_from=last_ack: both ends had closed, and our FIN was the last thing to be acknowledged
idle_received_seconds=0.000: data last came from the peer just before the end began
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
last_heard_seconds=0.000: the peer was there just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unacked_bytes=0: the peer had acknowledged all that was sent
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
fd_still_open=false: the application had let go of the descriptor
- Close the socket at end of file ('end' in Node.js), on every error and on a missed pong: the close handler that would do it never runs here.
- `wsbpf list state close-wait` shows those that still hang, with their owner.
docs/verdicts.md#close_wait_leak
)text"},
    {"unread",
     R"text(The application (node[4121]) closed the connection with 10.0.3.7:51234 after 57 s while 10 received bytes lay unread, so that the kernel sent a reset in place of a FIN and the peer may have lost what it was sent last.
43.000 opened: established by 10.0.3.7:51234
100.000 own_close: the application (node[4121]) closed our end
100.000 reset_sent: a reset was sent to the peer (the kernel's reason: tcp_abort_on_close)
100.000 closed: the connection ended
unread_bytes=10: close() found this unread, and so sent a reset
reset_sent=in close, tcp_abort_on_close: close() sent it, since data was unread
closed_by=pid 4121: this process made the call that closed our end
first_fin=none: neither end closed in good order: ESTABLISHED was left for CLOSE at once
complete=true: nothing of its end was missed
closed_from=established: it ended without any step of a close
idle_received_seconds=0.000: data last came from the peer just before the end began
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
last_heard_seconds=0.000: the peer was there just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unacked_bytes=0: the peer had acknowledged all that was sent
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
fd_still_open=false: the application had let go of the descriptor
- Before closing TCP, send the Close frame and wait for the peer's; or shutdown() the sending side, and read to the end of file or up to a limit.
docs/verdicts.md#unread_data_reset
)text"},
    {"data after close",
     R"text(The peer (10.0.3.7:51234) sent data after the application (node[4121]) had closed the connection, at the age of 57 s, and the kernel answered it by a reset.
43.000 opened: established by 10.0.3.7:51234
100.000 own_fin: our end sent its FIN, by a call of the application (node[4121])
101.000 reset_sent: a reset was sent to the peer (the kernel's reason: tcp_abort_on_data)
101.000 closed: the connection ended with ECONNRESET (Connection reset by peer)
first_fin=local: our end closed first
reset_sent=in close, tcp_abort_on_data: our end answered the peer's data by it
closed_from=fin_wait2: our FIN had been acknowledged
closed_by=pid 4121: this process made the call that closed our end
complete=true: nothing of its end was missed
error=ECONNRESET: the kernel reports the peer's data as a reset, though it was our end that sent one
idle_received_seconds=0.000: data last came from the peer just before the end began
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
last_heard_seconds=0.000: the peer was there just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unread_bytes=0: the application had read everything
unacked_bytes=0: the peer had acknowledged all that was sent
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
fd_still_open=false: the application had let go of the descriptor
- Before closing TCP, send the Close frame and wait for the peer's; or shutdown() the sending side, and read to the end of file or up to a limit.
- The peer's onclose says 1006 for this, though our end closed in good order.
docs/verdicts.md#data_after_close
)text"},
    {"linger",
     R"text(The application (node[4121]) aborted the connection with 10.0.3.7:51234 after 57 s by SO_LINGER with zero: a reset was sent although all had been read.
43.000 opened: established by 10.0.3.7:51234
100.000 own_close: the application (node[4121]) closed our end
100.000 reset_sent: a reset was sent to the peer (the kernel's reason: tcp_state)
100.000 closed: the connection ended
abort=linger: SO_LINGER with zero made close() send a reset
reset_sent=in close, tcp_state: our end aborted instead of closing
unread_bytes=0: the application had read everything
closed_by=pid 4121: this process made the call that closed our end
complete=true: nothing of its end was missed
first_fin=none: neither end closed in good order: ESTABLISHED was left for CLOSE at once
closed_from=established: it ended without any step of a close
idle_received_seconds=0.000: data last came from the peer just before the end began
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
last_heard_seconds=0.000: the peer was there just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unacked_bytes=0: the peer had acknowledged all that was sent
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
fd_still_open=false: the application had let go of the descriptor
- Find the code that terminates: SO_LINGER with zero, in Node.js resetAndDestroy(). If the peer is to learn why, send a Close frame and close() instead.
docs/verdicts.md#local_abort
)text"},
    {"peer reset when idle",
     R"text(The peer (10.0.3.7:51234) reset the connection after 57 s, 60 s after the last data.
43.000 opened: established by 10.0.3.7:51234
43.000 last_heard: something was heard from the peer, be it a bare acknowledgement
100.000 reset_received: a reset came from the peer
100.000 closed: the connection ended with ECONNRESET (Connection reset by peer)
reset_received=in established: the peer's, or a middlebox's in its name, with nothing said before
idle_received_seconds=60.004: data last came from the peer so long before the end began; one value on many connections is an idle timeout on the way
idle_sent_seconds=60.004: data was last sent, or sent again, so long before the end began; one value on many connections is an idle timeout on the way
unacked_bytes=0: the peer had acknowledged all that was sent
closed_from=established: it ended without any step of a close
complete=true: nothing of its end was missed
first_fin=none: neither end closed in good order: ESTABLISHED was left for CLOSE at once
error=ECONNRESET: a reset ended it
last_heard_seconds=60.004: nothing was heard from the peer for so long, not even a bare acknowledgement
longest_silence_seconds=0.000: no silence was seen that it survived
unread_bytes=0: the application had read everything
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
fd_still_open=false: the application had let go of the descriptor
- Look at the peer: its process may have crashed, been aborted, or closed with data unread; or a middlebox sent the reset in its name.
- Compare the idle times of several such ends: one value again and again is an idle timeout of a proxy, load balancer or firewall in between; ping at half of it, or raise it above twice the heartbeat.
docs/verdicts.md#peer_reset
)text"},
    {"closed by the peer",
     R"text(The peer (10.0.3.7:51234) closed the connection after 57 s, and our end closed 1.0 s later.
43.000 opened: established by 10.0.3.7:51234
100.000 peer_fin: the peer closed its end (FIN)
101.000 own_close: the application (node[4121]) closed our end
101.000 closed: the connection ended
first_fin=remote: the peer closed its end first
close_wait_seconds=1.000: the application took so long to close its end after the peer had
idle_received_seconds=0.000: data last came from the peer just before the end began
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
complete=true: nothing of its end was missed
closed_from=last_ack: both ends had closed, and our FIN was the last thing to be acknowledged
last_heard_seconds=0.000: the peer was there just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unread_bytes=0: the application had read everything
unacked_bytes=0: the peer had acknowledged all that was sent
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
closed_by=pid 4121: this process made the call that closed our end
fd_still_open=false: the application had let go of the descriptor
- Nothing needs doing: the peer wanted this end, and our application answered in time.
docs/verdicts.md#remote_close
)text"},
    {"unseen",
     R"text(Why the connection with 10.0.3.7:51234 ended is not known: it was gone after 57 s, and nobody saw how.
43.000 opened: established by 10.0.3.7:51234
97.500 last_data: data last passed, or was sent again
97.600 last_heard: something was heard from the peer, be it a bare acknowledgement
<=100.000 closed: it was found to be gone
complete=false: something of its end was missed, and so no verdict is given
- Nothing can be concluded from this end. Where there are many, see whether the daemon loses events: `wsbpf alerts` (EventsLost), and `wsbpf run --ring-bytes`.
docs/verdicts.md#unknown
)text"},
    {"stuck",
     R"text(The peer (10.0.3.7:51234) closed its end 20 s ago, and the application (node[4121]) has not even read the end of file: it is stuck, or does not look at this socket.
43.000 opened: established by 10.0.3.7:51234
80.000 peer_fin: the peer had closed its end (FIN)
98.500 last_data: data last passed, or was sent again
98.600 last_heard: something was heard from the peer, be it a bare acknowledgement
unread_bytes=1: only the peer's FIN is unread: the application never read the end of file, so it is stuck or ignores the socket
state_age_seconds=20.000: since it entered this state
state=close_wait: the peer has closed its end, and our application has not closed its own
last_heard_seconds=1.400: when it was last looked at, so long nothing had been heard from the peer, not even a bare acknowledgement
unacked_bytes=0: the peer has acknowledged all that was sent
unsent_bytes=0: nothing waits in our socket to be sent
idle_seconds=1.500: since data last passed, or was sent again
idle_received_seconds=1.500: since data last came from the peer
retransmits=0: nothing had to be sent again in its life
- Look at what the application is doing (its threads, its event loop, a debugger's backtrace), and whether RECV-Q grows on its other connections, too: `wsbpf list --sort -recv_q`.
- Close the socket at end of file ('end' in Node.js), on every error and on a missed pong: the close handler that would do it never runs here.
- Its descriptor: `ss -tpe state close-wait '( sport = :8080 )'` shows it by its cookie sk:1a2b, among those in /proc/4121/fd.
docs/alerts.md#CloseWaitAccumulation
)text"},
    {"leaking",
     R"text(The peer (10.0.3.7:51234) closed its end 60 s ago, and the application (node[4121]) has read the end of file but never closed its own: the connection leaks.
20.000 opened: established by 10.0.3.7:51234
40.000 peer_fin: the peer had closed its end (FIN)
98.500 last_data: data last passed, or was sent again
98.600 last_heard: something was heard from the peer, be it a bare acknowledgement
unread_bytes=0: the application has read the end of file, and has not closed
state_age_seconds=60.000: since it entered this state
state=close_wait: the peer has closed its end, and our application has not closed its own
last_heard_seconds=1.400: when it was last looked at, so long nothing had been heard from the peer, not even a bare acknowledgement
unacked_bytes=0: the peer has acknowledged all that was sent
unsent_bytes=0: nothing waits in our socket to be sent
idle_seconds=1.500: since data last passed, or was sent again
idle_received_seconds=1.500: since data last came from the peer
retransmits=0: nothing had to be sent again in its life
- Close the socket at end of file ('end' in Node.js), on every error and on a missed pong: the close handler that would do it never runs here.
- The kernel never closes it by itself: until the application does, or exits, its memory and its descriptor stay in use.
- Its descriptor: `ss -tpe state close-wait '( sport = :8080 )'` shows it by its cookie sk:1a2b, among those in /proc/4121/fd.
docs/alerts.md#CloseWaitAccumulation
)text"},
    {"unacked",
     R"text(The peer (10.0.3.7:51234) may be gone: nothing has been heard from it for 20 s while 6 bytes remained unacknowledged.
43.000 opened: established by 10.0.3.7:51234
79.000 last_heard: something was heard from the peer, be it a bare acknowledgement
80.000 last_data: data last passed, or was sent again
<=99.000 half_open: half-open (unacked): what was sent is sent again, and nothing is heard
half_open=unacked: what is sent is sent again and again, and nothing is heard: the peer is gone, or cannot be reached
last_heard_seconds=20.000: when it was last looked at, so long nothing had been heard from the peer, not even a bare acknowledgement
unacked_bytes=6: sent, and not acknowledged by the peer yet
state=established: both ends are open, as far as our kernel knows
state_age_seconds=57.000: since it entered this state
unread_bytes=0: the application has read everything
unsent_bytes=0: nothing waits in our socket to be sent
idle_seconds=20.000: since data last passed, or was sent again
idle_received_seconds=20.000: since data last came from the peer
retransmits=4: segments sent again in its life
- Send a WebSocket ping every 30 s, and terminate the connection when its pong has not come within 10 s: a peer that goes without a word is then noticed within a minute.
- The kernel gives up by itself after some 15 minutes (net.ipv4.tcp_retries2); TCP_USER_TIMEOUT on the socket makes that sooner.
docs/alerts.md#HalfOpenAccumulation
)text"},
    {"FIN_WAIT2",
     R"text(Our end has sent its FIN, and the peer (10.0.3.7:51234) has not closed its own end for 5.0 s.
43.000 opened: established by 10.0.3.7:51234
<=95.000 own_fin: our end had sent its FIN
98.500 last_data: data last passed, or was sent again
98.600 last_heard: something was heard from the peer, be it a bare acknowledgement
state=fin_wait2: our end has closed, and the peer has not
state_age_seconds=5.000: since it entered this state
last_heard_seconds=1.400: when it was last looked at, so long nothing had been heard from the peer, not even a bare acknowledgement
unread_bytes=0: the application has read everything
unacked_bytes=0: the peer has acknowledged all that was sent
unsent_bytes=0: nothing waits in our socket to be sent
idle_seconds=1.500: since data last passed, or was sent again
idle_received_seconds=1.500: since data last came from the peer
retransmits=0: nothing had to be sent again in its life
- If the application waits for the peer's Close frame, let it give up after some seconds; after shutdown() alone the kernel waits for ever.

)text"},
    {"stripped",
     R"text(The peer (10.0.3.7:51234) asked for a WebSocket, and the application (node[4121]) answered 404 (Not Found) 12 ms later; the request came as HTTP/1.0.
43.000 opened: established by 10.0.3.7:51234
43.010 upgrade_requested: the peer asked for a WebSocket: the request came as HTTP/1.0
43.022 upgrade_answered: our end answered 404 (Not Found)
100.000 own_fin: our end sent its FIN, by a call of the application (node[4121])
101.000 closed: the connection ended
upgrade_status=404: the request for a WebSocket was answered 404 (Not Found)
upgrade_stripped=true: the request came as HTTP/1.0: a proxy on the way did not pass the upgrade
first_fin=local: our end closed first
idle_received_seconds=0.000: data last came from the peer just before the end began
unread_bytes=0: the application had read everything
complete=true: nothing of its end was missed
closed_from=fin_wait2: our FIN had been acknowledged
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
last_heard_seconds=0.000: the peer was there just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unacked_bytes=0: the peer had acknowledged all that was sent
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
closed_by=pid 4121: this process made the call that closed our end
fd_still_open=false: the application had let go of the descriptor
- Let the proxy pass the upgrade. nginx needs three lines where it passes to the backend: `proxy_http_version 1.1;`, `proxy_set_header Upgrade $http_upgrade;` and `proxy_set_header Connection "upgrade";`, and `proxy_buffering off;` for what falls back to long polling.
- Other proxies have a switch of their own (Apache: `upgrade=websocket` in ProxyPass, Envoy: upgrade_configs); where there are several in a row, each needs it.
docs/verdicts.md#upgrade_failed
)text"},
    {"closed cleanly",
     R"text(The peer (10.0.3.7:51234) closed the WebSocket after 56 s by Close 1001 (going away), our end answered by Close 1001 (going away), and TCP was closed in good order.
43.000 opened: established by 10.0.3.7:51234
43.010 upgrade_requested: the peer asked for a WebSocket
43.022 upgrade_answered: our end answered 101 (Switching Protocols)
80.000 last_message_sent: our end sent its only message
90.000 last_message_received: the peer sent the last of 2 messages
99.000 close_received: the peer sent Close 1001 (going away)
99.500 close_sent: our end sent Close 1001 (going away)
100.000 own_fin: our end sent its FIN, by a call of the application (node[4121])
101.000 closed: the connection ended
first_close=remote: the peer sent the first Close frame
close_code_received=1001: the peer sent Close 1001 (going away)
close_code_sent=1001: our end sent Close 1001 (going away)
first_fin=local: our end closed first
complete=true: nothing of its end was missed
closed_from=fin_wait2: our FIN had been acknowledged
idle_received_seconds=0.000: data last came from the peer just before the end began
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
last_heard_seconds=0.000: the peer was there just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unread_bytes=0: the application had read everything
unacked_bytes=0: the peer had acknowledged all that was sent
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
closed_by=pid 4121: this process made the call that closed our end
fd_still_open=false: the application had let go of the descriptor
close_code=1001: of the first Close frame: going away
upgrade_status=101: the request for a WebSocket was granted
seconds_since_message_received=11.000: the peer's last message began so long before
seconds_since_message_sent=21.000: our end's last message began so long before
gaps_received_seconds=40.000: the last gaps between messages from the peer, the oldest first
read_to_the_end=true: both directions were followed in step to their last byte: no Close frame was overlooked
- Nothing needs doing: a page was left, or a server goes down; after the latter clients should reconnect with backoff and jitter, 1 s to 30 s.
50.000 received text 123
80.000 sent binary 70000
90.000 received text 5
99.000 received close 2
99.500 sent close 2
docs/verdicts.md#clean
)text"},
    {"no Close frame of the peer",
     R"text(The peer (10.0.3.7:51234) closed the connection after 57 s, without a Close frame (1006), and our end closed 1.0 s later.
43.000 opened: established by 10.0.3.7:51234
43.010 upgrade_requested: the peer asked for a WebSocket
43.022 upgrade_answered: our end answered 101 (Switching Protocols)
80.000 last_message_sent: our end sent its only message
90.000 last_message_received: the peer sent the last of 2 messages
100.000 peer_fin: the peer closed its end (FIN)
101.000 own_close: the application (node[4121]) closed our end
101.000 closed: the connection ended
first_fin=remote: the peer closed its end first
close_code=1006: no Close frame was sent: none was overlooked up to the end
close_wait_seconds=1.000: the application took so long to close its end after the peer had
idle_received_seconds=0.000: data last came from the peer just before the end began
idle_sent_seconds=0.000: data was last sent, or sent again, just before the end began
complete=true: nothing of its end was missed
closed_from=last_ack: both ends had closed, and our FIN was the last thing to be acknowledged
last_heard_seconds=0.000: the peer was there just before the end began
longest_silence_seconds=0.000: no silence was seen that it survived
unread_bytes=0: the application had read everything
unacked_bytes=0: the peer had acknowledged all that was sent
unsent_bytes=0: nothing waited in our socket to be sent
zero_window_seconds=0.000: the peer's receive window was open
closed_by=pid 4121: this process made the call that closed our end
fd_still_open=false: the application had let go of the descriptor
fin_without_close=true: the peer closed TCP first, and had sent no Close frame
upgrade_status=101: the request for a WebSocket was granted
seconds_since_message_received=11.000: the peer's last message began so long before
seconds_since_message_sent=21.000: our end's last message began so long before
gaps_received_seconds=40.000: the last gaps between messages from the peer, the oldest first
read_to_the_end=true: both directions were followed in step to their last byte: no Close frame was overlooked
- No Close frame came, and so onclose says 1006: the peer's process or page ended without a word, it called terminate(), or a proxy in between closed in its name.
50.000 received text 123
80.000 sent binary 70000
90.000 received text 5
docs/verdicts.md#remote_close
)text"},
    {"ping unanswered",
     R"text(The peer (10.0.3.7:51234) has not answered our ping of 14 s ago, though its kernel has acknowledged it: its application is paused, or answers no pings.
43.000 opened: established by 10.0.3.7:51234
43.010 upgrade_requested: the peer asked for a WebSocket
43.022 upgrade_answered: our end answered 101 (Switching Protocols)
80.000 last_message_sent: our end sent its only message
90.000 last_message_received: the peer sent the last of 2 messages
91.000 ping_sent: our end sent a ping, and no pong came after it
103.500 last_data: data last passed, or was sent again
103.600 last_heard: something was heard from the peer, be it a bare acknowledgement
ping_unanswered_seconds=14.000: since our end sent a ping; the peer's pong has not come
unacked_bytes=0: the peer has acknowledged all that was sent
last_heard_seconds=1.400: when it was last looked at, so long nothing had been heard from the peer, not even a bare acknowledgement
last_message_received_seconds=15.000: since the peer's last message
state=established: both ends are open, as far as our kernel knows
state_age_seconds=62.000: since it entered this state
unread_bytes=0: the application has read everything
unsent_bytes=0: nothing waits in our socket to be sent
idle_seconds=1.500: since data last passed, or was sent again
idle_received_seconds=1.500: since data last came from the peer
retransmits=0: nothing had to be sent again in its life
phase=open: the handshake was seen to succeed
upgrade_status=101: the request for a WebSocket was granted
messages_received=2: messages from the peer that were seen
messages_sent=1: messages to the peer that were seen
last_message_sent_seconds=25.000: since our end's last message
gaps_received_seconds=40.000: the last gaps between messages from the peer, the oldest first
- Terminate the connection when a pong has not come within 10 s: the peer's onclose, or its next attempt, then tells you more than waiting does.
- The path is fine, since TCP has the ping acknowledged: look at the peer's application, such as a phone in the background, garbage collection or a blocked event loop.
50.000 received text 123
80.000 sent binary 70000
90.000 received text 5
91.000 sent ping 0
docs/explain.md#websockets
)text"},
};

TEST(ExplanationTexts, AreWhole) {
  std::map<std::string, Explained> scenarios;
  for (const Scenario& end : ends()) scenarios[end.name] = end.explained;
  for (const Scenario& life : lives()) scenarios[life.name] = life.explained;
  for (const Expected& expected : kExpected) {
    EXPECT_EQ(text_of(scenarios.at(expected.scenario).explanation()), expected.text);
  }
}

}  // namespace
}  // namespace wsbpf
