#include "diagnose/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>

#include "diagnose/websocket_advice.h"

namespace wsbpf {
namespace {

using Applies = bool (*)(const Case&);

bool always(const Case&) { return true; }

bool exited_by(const Case& c, int signal) { return (c.evidence.closer.exit_code & 0x7f) == signal; }

bool peer_closed_first(const Case& c) { return c.peer_closed_first(); }

bool exited_in_order(const Case& c) {
  return c.evidence.closer.exit_code == 0 && !peer_closed_first(c);
}

bool is_acknowledged(const Case& c) {
  return c.connection.sampled && c.connection.unacked_bytes == 0;
}

// An idle timeout on the way is nearly always a minute or more; a tab closes at any moment.
constexpr uint32_t kIdleTimeout_ms = 25'000;

bool was_idle(const Case& c) {
  return c.at_end().received_ms_ago >= kIdleTimeout_ms && c.at_end().sent_ms_ago >= kIdleTimeout_ms;
}

// So long an application may take to close its own end after the peer.
constexpr uint64_t kPrompt_ns = 3'000'000'000;

bool was_slow_to_close(const Case& c) { return c.evidence.close_wait_ns > kPrompt_ns; }

bool closed_in_time(const Case& c) { return c.saw_departure() && !was_slow_to_close(c); }

// Nothing needs to be done about its Close frames, or about their lack.
bool closed_well(const Case& c) { return close_advice(c).empty(); }

template <typename Key>
struct AdviceRow {
  Key of;
  Applies applies;
  std::string_view text;
};

constexpr char kPing[] =
    "Send a WebSocket ping every 30 s, and terminate the connection when its pong has not come "
    "within 10 s: a peer that goes without a word is then noticed within a minute.";
constexpr char kSyncClose[] =
    "Before closing TCP, send the Close frame and wait for the peer's; or shutdown() the sending "
    "side, and read to the end of file or up to a limit.";
constexpr char kCloseAtEnd[] =
    "Close the socket at end of file ('end' in Node.js), on every error and on a missed pong: the "
    "close handler that would do it never runs here.";
constexpr char kIdlePattern[] =
    "Compare the idle times of several such ends: one value again and again is an idle timeout of "
    "a proxy, load balancer or firewall in between; ping at half of it, or raise it above twice "
    "the heartbeat.";
constexpr char kWatchApplication[] =
    "Look at what the application is doing (its threads, its event loop, a debugger's backtrace), "
    "and whether RECV-Q grows on its other connections, too: `wsbpf list --sort -recv_q`.";

constexpr char kBoundQueue[] =
    "Bound the queue of each client: drop messages or terminate the connection when it is full.";
constexpr char kSendLess[] =
    "Send slow clients fewer and smaller messages, and look at what keeps them from reading: a "
    "phone in the background, garbage collection, a blocked event loop.";

constexpr AdviceRow<Verdict> kVerdictAdvice[] = {
    {Verdict::kSocketDestroyed, always,
     "Look for what runs `ss -K` or uses SOCK_DESTROY on this host: cron jobs, network managers "
     "and node agents do so when an address or a backend goes."},
    {Verdict::kProcessExit, exited_in_order,
     "Nothing needs doing: the process ended by itself, with status 0. Where users notice its "
     "restarts, send Close 1001 and drain before exiting."},
    {Verdict::kProcessExit, [](const Case& c) { return !exited_in_order(c); },
     "Before exiting, send every client Close 1001 (going away), and drain."},
    {Verdict::kProcessExit, [](const Case& c) { return exited_by(c, SIGKILL); },
     "SIGKILL may have been the OOM killer, or a stop that took longer than its grace period: see "
     "`dmesg`, and the log of the service manager or the kubelet."},
    {Verdict::kProcessExit,
     [](const Case& c) {
       return !exited_by(c, 0) && !exited_by(c, SIGKILL) && !exited_by(c, SIGTERM) &&
              !exited_by(c, SIGINT);
     },
     "A signal ended the process: look for a core dump (`coredumpctl`) and at its last log lines."},
    {Verdict::kProcessExit,
     [](const Case& c) { return exited_by(c, 0) && c.evidence.closer.exit_code; },
     "The exit status is not 0: look at the last log lines of the process."},
    {Verdict::kProcessExit, peer_closed_first,
     "The peer had closed before: until the exit this connection leaked in CLOSE_WAIT. Close "
     "sockets at end of file."},
    {Verdict::kUnreachable, always,
     "See whether the peer's host is up, and look at the routes to it and at firewalls that "
     "reject."},
    {Verdict::kUnreachable, always,
     "On the same link this is also how a host ends that vanished: ARP has forgotten it."},
    {Verdict::kMtuBlackhole, always,
     "Clamp the MSS to the path (nftables: `tcp option maxseg size set rt mtu`), set "
     "net.ipv4.tcp_mtu_probing=1, and let ICMP \"fragmentation needed\" through."},
    {Verdict::kMtuBlackhole, always, "Until then, keep messages under 1 KB."},
    {Verdict::kKeepaliveTimeout, always,
     "One of these needs nothing: keepalive reaps dead peers, as it should. Many at once are the "
     "network, or a host that went."},
    {Verdict::kKeepaliveTimeout, always,
     "To notice sooner, ping every 30 s, or lower TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT on "
     "the socket."},
    {Verdict::kUserTimeout, always,
     "The limit is the application's own: see whether TCP_USER_TIMEOUT is longer than a pause that "
     "the path or the peer may well make."},
    {Verdict::kUserTimeout, always, kPing},
    {Verdict::kNatExpired, always,
     "Ping at an interval below the shortest silence that ends like this, and not above half of a "
     "known idle timeout."},
    {Verdict::kNatExpired, always,
     "TCP keepalive helps against NATs and firewalls, too, but only on sockets with SO_KEEPALIVE; "
     "in a pod its sysctls are set by securityContext.sysctls."},
    {Verdict::kNatExpired, always,
     "A peer that died during the silence looks the same: silences of one length are a middlebox, "
     "a burst at one moment with all lengths is a dead host."},
    {Verdict::kPeerVanished, always, kPing},
    {Verdict::kPeerVanished, always,
     "TCP_USER_TIMEOUT on the socket ends such connections sooner than the kernel's own patience "
     "(net.ipv4.tcp_retries2, 15 minutes or so by default)."},
    {Verdict::kSlowConsumer, always, kBoundQueue},
    {Verdict::kSlowConsumer, always, kSendLess},
    {Verdict::kServerStall, always, kWatchApplication},
    {Verdict::kServerStall, always,
     "An application that stops reading on purpose, as a proxy does whose other side is slow, "
     "looks the same."},
    {Verdict::kCloseWaitLeak, always, kCloseAtEnd},
    {Verdict::kCloseWaitLeak, always,
     "`wsbpf list state close-wait` shows those that still hang, with their owner."},
    {Verdict::kUnreadDataReset, always, kSyncClose},
    {Verdict::kDataAfterClose, always, kSyncClose},
    {Verdict::kDataAfterClose, always,
     "The peer's onclose says 1006 for this, though our end closed in good order."},
    {Verdict::kResetAfterFin, always,
     "Treat the end of file as the end: do not write after it, and close at once."},
    {Verdict::kSimultaneousClose, always,
     "Nothing needs doing: it is harmless. Where it is frequent, both ends run the same timer; let "
     "the server close TCP first (RFC 6455 section 7.1.1)."},
    {Verdict::kLocalAbort, [](const Case& c) { return abort_cause(c.evidence) == "linger"; },
     "Find the code that terminates: SO_LINGER with zero, in Node.js resetAndDestroy(). If the "
     "peer is to learn why, send a Close frame and close() instead."},
    {Verdict::kLocalAbort,
     [](const Case& c) { return abort_cause(c.evidence) == "listener_closed"; },
     "Before closing the listening socket, accept() what waits in its queue; or take the server "
     "out of its load balancer first."},
    {Verdict::kLocalAbort, [](const Case& c) { return abort_cause(c.evidence) == "disconnect"; },
     "Find the connect() to AF_UNSPEC in the application: it dissolves the connection by a reset."},
    {Verdict::kPeerReset, always,
     "Look at the peer: its process may have crashed, been aborted, or closed with data unread; or "
     "a middlebox sent the reset in its name."},
    {Verdict::kPeerReset, was_idle, kIdlePattern},
    {Verdict::kLocalClose, closed_well, "Nothing needs doing: the application wanted this end."},
    {Verdict::kRemoteClose,
     [](const Case& c) { return !was_idle(c) && !closed_in_time(c) && closed_well(c); },
     "Nothing needs doing about the end itself: the peer wanted it."},
    {Verdict::kRemoteClose, was_slow_to_close,
     "Our application was slow to close its own end: close the socket at end of file, or as soon "
     "as the last answer has been sent."},
    {Verdict::kRemoteClose,
     [](const Case& c) { return !was_idle(c) && closed_in_time(c) && closed_well(c); },
     "Nothing needs doing: the peer wanted this end, and our application answered in time."},
    {Verdict::kRemoteClose, [](const Case& c) { return was_idle(c) && closed_well(c); },
     "Nothing needs doing if the peer wanted this end; but the connection had been idle."},
    {Verdict::kRemoteClose, was_idle, kIdlePattern},
    {Verdict::kUnknown, [](const Case& c) { return !c.evidence.complete || !c.saw_close(); },
     "Nothing can be concluded from this end. Where there are many, see whether the daemon loses "
     "events: `wsbpf alerts` (EventsLost), and `wsbpf run --ring-bytes`."},
    {Verdict::kUnknown, [](const Case& c) { return c.evidence.complete && c.saw_close(); },
     "Nothing can be concluded from this end by itself: hold its evidence against a capture "
     "(tcpdump), and look whether others end like it."},
};

constexpr AdviceRow<Condition> kConditionAdvice[] = {
    {Condition::kEnded, always, "Nothing needs doing yet: ask again in a second for the verdict."},
    {Condition::kDescriptorOpen, always,
     "The application has not noticed the end: close the socket on errors, too, and read from it "
     "or poll it, so that it learns of them."},
    {Condition::kConnecting, always,
     "See whether the peer listens, and whether a firewall drops the handshake."},
    {Condition::kCloseWaitBrief, always,
     "Nothing needs doing yet: an application may take a moment to close. Ask again in some "
     "seconds."},
    {Condition::kCloseWaitStuck, always, kWatchApplication},
    {Condition::kCloseWaitStuck, always, kCloseAtEnd},
    {Condition::kCloseWaitUnread, always, kWatchApplication},
    {Condition::kCloseWaitUnread, always, kCloseAtEnd},
    {Condition::kCloseWaitLeaked, always, kCloseAtEnd},
    {Condition::kCloseWaitLeaked, always,
     "The kernel never closes it by itself: until the application does, or exits, its memory and "
     "its descriptor stay in use."},
    {Condition::kCloseWaitRead, always,
     "Nothing needs doing if the application has something left to send: ask again. From a minute "
     "on this counts as a leak."},
    {Condition::kCloseWaitRead, always,
     "Otherwise close the socket at end of file ('end' in Node.js), on every error and on a missed "
     "pong."},
    {Condition::kCloseWait, always, kCloseAtEnd},
    {Condition::kPeerUnacked, always, kPing},
    {Condition::kPeerUnacked, always,
     "The kernel gives up by itself after some 15 minutes (net.ipv4.tcp_retries2); "
     "TCP_USER_TIMEOUT "
     "on the socket makes that sooner."},
    {Condition::kPeerProbed, always,
     "Nothing needs doing for this one: the kernel ends it when as many probes as it was told to "
     "send have gone unanswered. Many at once are the network, or a host that went."},
    {Condition::kPeerSilent, always,
     "This cannot be told from a healthy peer that has nothing to say: ping every 30 s, and "
     "terminate after a missed pong, so that it can."},
    {Condition::kPeerNotReading, always, kBoundQueue},
    {Condition::kPeerNotReading, always, kSendLess},
    {Condition::kOwnFin, always,
     "Nothing needs doing: the kernel sends the rest and the FIN again, and gives up where nothing "
     "answers."},
    {Condition::kHalfClosed, [](const Case& c) { return c.subject.owner == nullptr; },
     "Nothing needs doing: the kernel ends it after net.ipv4.tcp_fin_timeout."},
    {Condition::kHalfClosed, [](const Case& c) { return c.subject.owner != nullptr; },
     "If the application waits for the peer's Close frame, let it give up after some seconds; "
     "after shutdown() alone the kernel waits for ever."},
    {Condition::kLastAck, always,
     "Nothing needs doing: the kernel sends the FIN again, and gives up where nothing answers."},
    {Condition::kClosing, always,
     "Nothing needs doing: the kernel sends the FIN again, and gives up where nothing answers."},
    {Condition::kNotSampled, always, "Nothing needs doing: ask again in some seconds."},
    {Condition::kStalled, always, kWatchApplication},
    {Condition::kCloseUnfinished, [](const Case& c) { return has_closed_both_ways(*c.websocket); },
     "Let the server close TCP once both Close frames are there (RFC 6455 section 7.1.1), and the "
     "client where it does not within some seconds."},
    {Condition::kCloseUnfinished, [](const Case& c) { return !has_closed_both_ways(*c.websocket); },
     "Libraries answer a Close frame at once: see whether that end still reads, and let the other "
     "one terminate after some seconds."},
    {Condition::kPingUnanswered, always,
     "Terminate the connection when a pong has not come within 10 s: the peer's onclose, or its "
     "next attempt, then tells you more than waiting does."},
    {Condition::kPingUnanswered, is_acknowledged,
     "The path is fine, since TCP has the ping acknowledged: look at the peer's application, such "
     "as a phone in the background, garbage collection or a blocked event loop."},
    {Condition::kOutOfStep, always,
     "Nothing needs doing about the connection: segments that overtook each other cannot be read. "
     "See the network where there are many, and reading goes on once frames are found again."},
    {Condition::kHealthy, always, "Nothing needs doing."},
};

template <typename Key, size_t kRowCount>
std::vector<std::string> advice_of(const AdviceRow<Key> (&rows)[kRowCount], Key key,
                                   const Case& c) {
  std::vector<std::string> advice;
  for (const AdviceRow<Key>& row : rows) {
    if (row.of == key && row.applies(c)) advice.emplace_back(row.text);
  }
  return advice;
}

std::string descriptors_of(const Case& c) {
  return fmt::format(
      "Its descriptor: `ss -tpe state close-wait '( sport = :{0} )'` shows it by its cookie "
      "sk:{1:x}, among those in /proc/{2}/fd.",
      c.connection.local_port, c.connection.cookie, c.subject.owner->pid);
}

bool hangs_in_close_wait(Condition condition) {
  return condition >= Condition::kCloseWaitStuck && condition <= Condition::kCloseWait;
}

void append(std::vector<std::string>& advice, std::vector<std::string> more) {
  std::move(more.begin(), more.end(), std::back_inserter(advice));
}

}  // namespace

std::vector<std::string> verdict_advice(const Case& c) {
  std::vector<std::string> advice = advice_of(kVerdictAdvice, c.verdict, c);
  append(advice, close_advice(c));
  if (c.verdict == Verdict::kUpgradeFailed) append(advice, upgrade_advice(c));
  if (c.evidence.fd_still_open) {
    advice.emplace_back(
        "The application still held the descriptor a second after the end: close the socket on "
        "errors, too, and read from it or poll it, so that it learns of them.");
  }
  return advice;
}

std::vector<std::string> condition_advice(const Case& c, Condition condition) {
  std::vector<std::string> advice = advice_of(kConditionAdvice, condition, c);
  if (condition == Condition::kUpgradeRefused || condition == Condition::kUpgradeAwaited) {
    append(advice, upgrade_advice(c));
  }
  if (hangs_in_close_wait(condition) && c.subject.owner != nullptr) {
    advice.push_back(descriptors_of(c));
  }
  return advice;
}

}  // namespace wsbpf
