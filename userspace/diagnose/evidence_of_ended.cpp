// The evidence of connections that have ended: that of their `closed` event.
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "core/connection_record.h"
#include "diagnose/evidence_meaning.h"
#include "diagnose/evidence_of_websocket.h"
#include "diagnose/evidence_table.h"

namespace wsbpf {
namespace {

using Text = std::optional<std::string>;  // nothing: not known, or not so

Text flag_text(bool flag) { return flag ? "true" : "false"; }

bool is(const Case& c, Verdict verdict) { return c.verdict == verdict; }

// What was sent was not acknowledged to the end.
bool gave_up(const Case& c) {
  return c.evidence.error == ETIMEDOUT || is(c, Verdict::kUnreachable);
}

// --- of connections that have ended
// ---------------------------------------------------------------

Text first_fin(const Case& c) {
  if (c.evidence.left_to == TcpState::kCloseWait) return "remote";
  if (c.evidence.left_to == TcpState::kFinWait1) return "local";
  if (c.evidence.left_to == TcpState::kClose) return "none";
  return std::nullopt;
}

std::string first_fin_meaning(const Case& c) {
  if (c.evidence.left_to == TcpState::kCloseWait) return "the peer closed its end first";
  if (c.evidence.left_to == TcpState::kFinWait1) return "our end closed first";
  return "neither end closed in good order: ESTABLISHED was left for CLOSE at once";
}

std::string closed_from_meaning(const Case& c) {
  switch (c.evidence.closed_from) {
    case TcpState::kEstablished:
      return "it ended without any step of a close";
    case TcpState::kCloseWait:
      return "the peer had closed its end, and ours was still open";
    case TcpState::kLastAck:
      return "both ends had closed, and our FIN was the last thing to be acknowledged";
    case TcpState::kFinWait1:
      return "our FIN had not been acknowledged";
    case TcpState::kFinWait2:
      return "our FIN had been acknowledged";
    case TcpState::kClosing:
      return "both FINs were under way at once";
    default:
      return "the state before the end";
  }
}

std::string error_meaning(const Case& c) {
  switch (c.evidence.error) {
    case ETIMEDOUT:
      return "the kernel gave up waiting for an answer";
    case ECONNABORTED:
      return "only a deliberate destruction on this host sets this";
    case ECONNRESET:
      return is(c, Verdict::kDataAfterClose) ? "the kernel reports the peer's data as a reset, "
                                               "though it was our end that sent one"
                                             : "a reset ended it";
    case EPIPE:
      return "a reset came after the peer's FIN";
    default:
      return "an ICMP message, or a route or neighbour that is missing";
  }
}

std::string ago(const Case& c, uint32_t ms_ago, std::string_view what) {
  if (ms_ago < kJustNow_ms) return fmt::format("{} just before the end began", what);
  const bool pattern = is(c, Verdict::kPeerReset) || is(c, Verdict::kRemoteClose);
  return fmt::format(
      "{} so long before the end began{}", what,
      pattern ? "; one value on many connections is an idle timeout on the way" : "");
}

std::string idle_received_meaning(const Case& c) {
  if (is(c, Verdict::kServerStall)) {
    return "the last of the unread data had come so long before: the stall is at least as old";
  }
  return ago(c, c.at_end().received_ms_ago,
             c.connection.bytes_received > 0
                 ? "data last came from the peer"
                 : "no data ever came from the peer; it was established");
}

std::string idle_sent_meaning(const Case& c) {
  const bool sent_any = c.connection.bytes_sent > 0 || c.at_end().unacked_bytes > 0;
  return ago(c, c.at_end().sent_ms_ago,
             sent_any ? "data was last sent, or sent again,"
                      : "no data was ever sent to the peer; it was established");
}

std::string last_heard_meaning(const Case& c) {
  if (c.at_end().heard_ms_ago < kJustNow_ms) return "the peer was there just before the end began";
  return "nothing was heard from the peer for so long, not even a bare acknowledgement";
}

std::string longest_silence_meaning(const Case& c) {
  if (c.evidence.longest_silence_ms == 0) return "no silence was seen that it survived";
  return is(c, Verdict::kNatExpired)
             ? "the longest silence that it survived: the one before the end was clearly longer"
             : "the longest silence that it is known to have survived";
}

std::string unread_meaning(const Case& c) {
  if (c.unread_bytes() == 0) return "the application had read everything";
  if (is(c, Verdict::kUnreadDataReset)) return "close() found this unread, and so sent a reset";
  if (is(c, Verdict::kServerStall))
    return "the application had not read this when the peer gave up";
  return "received, and not read by the application when it ended";
}

std::string unacked_meaning(const Case& c) {
  if (c.at_end().unacked_bytes == 0) {
    return c.at_end().unsent_bytes > 0 ? "nothing was under way: what waited had not been sent"
                                       : "the peer had acknowledged all that was sent";
  }
  return gave_up(c) ? "sent, and never acknowledged"
                    : "sent, and not acknowledged when the end began";
}

std::string unsent_meaning(const Case& c) {
  if (c.at_end().unsent_bytes == 0) return "nothing waited in our socket to be sent";
  return c.zero_window_ms() > 0 ? "written by the application, and held back by the closed window"
                                : "written by the application, and not sent yet";
}

std::string zero_window_meaning(const Case& c) {
  if (c.zero_window_ms() == 0) return "the peer's receive window was open";
  return "the peer's receive window had been closed for so long: its application did not read";
}

Text close_wait_seconds(const Case& c) {
  if (c.evidence.left_to != TcpState::kCloseWait) return std::nullopt;
  return seconds_text((c.evidence.close_wait_ns + 500'000) / 1'000'000);
}

std::string close_wait_meaning(const Case& c) {
  if (is(c, Verdict::kResetAfterFin)) {
    return "from the peer's FIN until our end closed, or the reset came";
  }
  return c.evidence.close_wait_ns >= kCloseWaitLeak_ns
             ? "the application left its end open for so long after the peer had closed: a leak"
             : "the application took so long to close its end after the peer had";
}

std::string streak_meaning(const Case& c) {
  if (is(c, Verdict::kMtuBlackhole)) {
    return "each was as large as a segment may be: the path does not let such pass";
  }
  if (is(c, Verdict::kNatExpired)) return "what was sent after the silence was sent again in vain";
  if (gave_up(c)) return "what was sent was sent again and again, and never acknowledged";
  return "the last segments that had to be sent again; the verdict does not rest on them";
}

Text reset_value(const Case& c, const ResetSeen& reset) {
  if (reset.time_ns == 0) return std::nullopt;
  const std::string reason = reason_text(c, reset);
  return fmt::format("in {}{}", state_name(reset.state), reason.empty() ? "" : ", " + reason);
}

Text reset_received_value(const Case& c) {
  if (is_reset_doubtful(c.evidence) && c.evidence.reset_sent.time_ns != 0) return std::nullopt;
  return reset_value(c, c.evidence.reset_received);
}

std::string reset_sent_meaning(const Case& c) {
  switch (c.verdict) {
    case Verdict::kUnreadDataReset:
      return "close() sent it, since data was unread";
    case Verdict::kDataAfterClose:
      return "our end answered the peer's data by it";
    case Verdict::kKeepaliveTimeout:
      return "the kernel sends it when keepalive gives up, and before CLOSE: nothing else does";
    case Verdict::kLocalAbort:
      return "our end aborted instead of closing";
    case Verdict::kSocketDestroyed:
      return "the destruction told the peer by it";
    default:
      return "our end sent a reset";
  }
}

std::string reset_received_meaning(const Case& c) {
  if (c.evidence.reset_received.state == TcpState::kEstablished) {
    return "the peer's, or a middlebox's in its name, with nothing said before";
  }
  return "the peer's, or a middlebox's in its name, when a close was under way";
}

Text data_after_end_value(const Case& c) {
  if (c.evidence.data_after_end_ns == 0) return std::nullopt;
  return seconds_text((since(c.evidence.data_after_end_ns, c.evidence.closed_ns) + 500'000) /
                      1'000'000);
}

Text closed_by_value(const Case& c) {
  const wsbpf_closer& task = c.evidence.closer;
  if (task.pid == 0) return std::nullopt;
  return fmt::format("pid {}{}", task.pid, task.exiting != 0 ? ", which " + exit_text(task) : "");
}

std::string closed_by_meaning(const Case& c) {
  return c.evidence.closer.exiting != 0
             ? "our end was closed by the exit of this process, not by a close() of its own"
             : "this process made the call that closed our end";
}

Text abort_value(const Case& c) {
  const std::string_view cause = abort_cause(c.evidence);
  if (cause.empty()) return std::nullopt;
  return std::string(cause);
}

std::string abort_meaning(const Case& c) {
  const std::string_view cause = abort_cause(c.evidence);
  if (cause == "linger") return "SO_LINGER with zero made close() send a reset";
  if (cause == "listener_closed") return "nobody had accepted it when its listener was closed";
  return "connect() to AF_UNSPEC dissolved it";
}

std::string fd_meaning(const Case& c) {
  return c.evidence.fd_still_open ? "a second after the end the application still held the "
                                    "descriptor: it had not noticed"
                                  : "the application had let go of the descriptor";
}

std::string complete_meaning(const Case& c) {
  return c.evidence.complete && c.saw_close()
             ? "nothing of its end was missed"
             : "something of its end was missed, and so no verdict is given";
}

// As the evidence of a `closed` event has them, and in its order.
constexpr std::array<EvidenceRow, 20> kEvidence = {{
    {"complete", [](const Case& c) { return flag_text(c.evidence.complete && c.saw_close()); },
     complete_meaning},
    {"first_fin", first_fin, first_fin_meaning},
    {"closed_from",
     [](const Case& c) -> Text { return std::string(state_name(c.evidence.closed_from)); },
     closed_from_meaning},
    {"error",
     [](const Case& c) -> Text {
       if (c.evidence.error == 0) return std::nullopt;
       const char* const name = strerrorname_np(c.evidence.error);
       return name != nullptr ? Text(name) : std::nullopt;
     },
     error_meaning},
    {"idle_received_seconds",
     [](const Case& c) { return seconds_text(c.at_end().received_ms_ago); }, idle_received_meaning},
    {"idle_sent_seconds", [](const Case& c) { return seconds_text(c.at_end().sent_ms_ago); },
     idle_sent_meaning},
    {"last_heard_seconds", [](const Case& c) { return seconds_text(c.at_end().heard_ms_ago); },
     last_heard_meaning},
    {"longest_silence_seconds",
     [](const Case& c) { return seconds_text(c.evidence.longest_silence_ms); },
     longest_silence_meaning},
    {"unread_bytes", [](const Case& c) -> Text { return std::to_string(c.unread_bytes()); },
     unread_meaning},
    {"unacked_bytes",
     [](const Case& c) -> Text { return std::to_string(c.at_end().unacked_bytes); },
     unacked_meaning},
    {"unsent_bytes", [](const Case& c) -> Text { return std::to_string(c.at_end().unsent_bytes); },
     unsent_meaning},
    {"zero_window_seconds", [](const Case& c) { return seconds_text(c.zero_window_ms()); },
     zero_window_meaning},
    {"close_wait_seconds", close_wait_seconds, close_wait_meaning},
    {"retransmit_streak", streak_value, streak_meaning},
    {"reset_sent", [](const Case& c) { return reset_value(c, c.evidence.reset_sent); },
     reset_sent_meaning},
    {"reset_received", reset_received_value, reset_received_meaning},
    {"data_after_end_seconds", data_after_end_value,
     [](const Case&) -> std::string {
       return "so long after the end data came from the peer, and was answered by a reset";
     }},
    {"closed_by", closed_by_value, closed_by_meaning},
    {"abort", abort_value, abort_meaning},
    {"fd_still_open", [](const Case& c) { return flag_text(c.evidence.fd_still_open); },
     fd_meaning},
}};

// What a verdict rests on, most telling first.
constexpr WeightiestNames kWeightiest[] = {
    /* socket_destroyed */ {"error", "reset_sent", "closed_from"},
    /* process_exit */ {"closed_by", "first_fin", "close_wait_seconds"},
    /* unreachable */ {"error", "retransmit_streak", "last_heard_seconds", "unacked_bytes"},
    /* mtu_blackhole */ {"retransmit_streak", "error", "last_heard_seconds", "unacked_bytes"},
    /* keepalive_timeout */ {"reset_sent", "error", "last_heard_seconds", "unacked_bytes"},
    /* user_timeout */
    {"error", "last_heard_seconds", "retransmit_streak", "zero_window_seconds", "unacked_bytes"},
    /* nat_expired */
    {"retransmit_streak", "longest_silence_seconds", "last_heard_seconds", "reset_received",
     "error"},
    /* peer_vanished */ {"last_heard_seconds", "retransmit_streak", "unacked_bytes", "error"},
    /* upgrade_failed */
    {"upgrade_status", "upgrade_stripped", "first_fin", "idle_received_seconds", "unread_bytes"},
    /* slow_consumer */ {"zero_window_seconds", "unsent_bytes", "last_heard_seconds"},
    /* server_stall */ {"unread_bytes", "idle_received_seconds", "first_fin", "reset_received"},
    /* close_wait_leak */ {"close_wait_seconds", "first_fin", "unread_bytes", "closed_by"},
    /* unread_data_reset */ {"unread_bytes", "reset_sent", "closed_by", "first_fin"},
    /* data_after_close */
    {"first_fin", "reset_sent", "data_after_end_seconds", "closed_from", "closed_by"},
    /* reset_after_fin */
    {"first_fin", "reset_received", "closed_from", "unacked_bytes", "close_wait_seconds"},
    /* simultaneous_close */ {"closed_from", "first_fin", "closed_by"},
    /* local_abort */ {"abort", "reset_sent", "unread_bytes", "closed_by"},
    /* clean */ {"first_close", "close_code_received", "close_code_sent", "first_fin"},
    /* peer_reset */
    {"reset_received", "close_code", "idle_received_seconds", "idle_sent_seconds", "unacked_bytes",
     "closed_from"},
    /* local_close */
    {"first_fin", "close_code", "closed_by", "idle_received_seconds", "idle_sent_seconds"},
    /* remote_close */
    {"first_fin", "close_code", "close_wait_seconds", "idle_received_seconds", "idle_sent_seconds"},
    /* unknown */ {"complete", "error", "first_fin", "closed_from"},
};
static_assert(std::size(kWeightiest) == kVerdictNames.size());

const std::vector<EvidenceRow>& rows() {
  static const std::vector<EvidenceRow> kRows = joined(kEvidence, ended_websocket_evidence());
  return kRows;
}

}  // namespace

std::optional<std::string> streak_value(const Case& c) {
  const RetransmitStreak& streak = c.evidence.streak;
  if (streak.segments == 0) return std::nullopt;
  return fmt::format("{} after {} s",
                     count_of(streak.segments, streak.only_full_size ? "full segment" : "segment"),
                     *seconds_text(streak.silence_before_ms));
}

bool verdict_evidence_is_whole() { return have_rows(kWeightiest, rows()); }

std::vector<EvidenceItem> verdict_evidence(const Case& c) {
  if (!c.saw_close()) return {{"complete", "false", complete_meaning(c)}};
  return items_of(rows(), kWeightiest[static_cast<size_t>(c.verdict)], c);
}

std::vector<std::string_view> evidence_names() {
  std::vector<std::string_view> names;
  for (const EvidenceRow& row : rows()) names.push_back(row.name);
  return names;
}

}  // namespace wsbpf
