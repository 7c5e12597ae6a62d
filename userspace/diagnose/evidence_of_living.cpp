// The evidence of connections that live: what the last sweep saw.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/connection_record.h"
#include "diagnose/evidence_meaning.h"
#include "diagnose/evidence_of_websocket.h"
#include "diagnose/evidence_table.h"

namespace wsbpf {
namespace {

using Text = std::optional<std::string>;  // nothing: not known, or not so

// --- of connections that live
// -----------------------------------------------------------------------

std::string live_unread_meaning(const Case& c) {
  const uint32_t unread = c.connection.unread_bytes;
  const bool close_wait = c.connection.state == TcpState::kCloseWait;
  if (!close_wait) {
    return unread == 0 ? "the application has read everything"
                       : "received, and not read by the application";
  }
  if (unread == 0) return "the application has read the end of file, and has not closed";
  if (unread == 1) {
    return "only the peer's FIN is unread: the application never read the end of file, so it is "
           "stuck or ignores the socket";
  }
  return "data, and the peer's FIN behind it, wait for the application to read them";
}

std::string state_meaning(const Case& c) {
  switch (c.connection.state) {
    case TcpState::kEstablished:
      return "both ends are open, as far as our kernel knows";
    case TcpState::kCloseWait:
      return "the peer has closed its end, and our application has not closed its own";
    case TcpState::kFinWait1:
      return "our end has sent its FIN, which the peer has not acknowledged";
    case TcpState::kFinWait2:
      return "our end has closed, and the peer has not";
    case TcpState::kLastAck:
      return "both have closed, and our FIN waits to be acknowledged";
    case TcpState::kClosing:
      return "both have closed at once, and our FIN waits to be acknowledged";
    case TcpState::kClose:
      return "it is over, and the socket remains until its descriptor is closed";
    default:
      return "the handshake is not complete";
  }
}

std::string half_open_meaning(const Case& c) {
  switch (c.connection.half_open) {
    case HalfOpen::kUnacked:
      return "what is sent is sent again and again, and nothing is heard: the peer is gone, or "
             "cannot be reached";
    case HalfOpen::kProbing:
      return "the kernel probes the peer, and hears nothing";
    default:
      return "nobody has heard from the peer for a minute or more, and nothing would tell if it "
             "were gone";
  }
}

Text when_sampled(const Case& c, Text text) { return c.connection.sampled ? text : std::nullopt; }

constexpr std::array<EvidenceRow, 13> kLiveEvidence = {{
    {"state", [](const Case& c) -> Text { return std::string(state_name(c.connection.state)); },
     state_meaning},
    {"state_age_seconds",
     [](const Case& c) {
       return seconds_text(since(c.subject.now_ns, c.connection.state_since_ns) / 1'000'000);
     },
     [](const Case& c) -> std::string {
       return c.connection.state_age_source == AgeSource::kLowerBound
                  ? "since it was first seen, in this state already"
                  : "since it entered this state";
     }},
    {"half_open",
     [](const Case& c) -> Text {
       if (c.connection.half_open == HalfOpen::kNo) return std::nullopt;
       return std::string(half_open_name(c.connection.half_open));
     },
     half_open_meaning},
    {"last_heard_seconds",
     [](const Case& c) { return when_sampled(c, seconds_text(c.connection.heard_ms)); },
     [](const Case& c) -> std::string {
       if (c.shows_age_of_fin()) {
         return "when it was last looked at, so long nothing had been heard from the peer: its FIN "
                "is at least as old";
       }
       return c.connection.heard_ms < kJustNow_ms
                  ? "the peer was there when it was last looked at"
                  : "when it was last looked at, so long nothing had been heard from the peer, not "
                    "even a bare acknowledgement";
     }},
    {"unread_bytes",
     [](const Case& c) -> Text {  // whether the FIN was read shows only after it came
       const bool close_wait = c.connection.state == TcpState::kCloseWait;
       if (close_wait && !c.is_sampled_in_state()) return std::nullopt;
       return when_sampled(c, std::to_string(c.connection.unread_bytes));
     },
     live_unread_meaning},
    {"unacked_bytes",
     [](const Case& c) { return when_sampled(c, std::to_string(c.connection.unacked_bytes)); },
     [](const Case& c) -> std::string {
       if (c.connection.unacked_bytes > 0) return "sent, and not acknowledged by the peer yet";
       return c.connection.unsent_bytes > 0 ? "nothing is under way: what waits has not been sent"
                                            : "the peer has acknowledged all that was sent";
     }},
    {"unsent_bytes",
     [](const Case& c) { return when_sampled(c, std::to_string(c.connection.unsent_bytes)); },
     [](const Case& c) -> std::string {
       if (c.connection.unsent_bytes == 0) return "nothing waits in our socket to be sent";
       return c.connection.zero_window_ms > 0
                  ? "written by the application, and held back by the peer's closed window"
                  : "written by the application, and not sent yet";
     }},
    {"zero_window_seconds",
     [](const Case& c) -> Text {
       if (c.connection.zero_window_ms == 0) return std::nullopt;
       return when_sampled(c, seconds_text(c.connection.zero_window_ms));
     },
     [](const Case&) -> std::string {
       return "the peer's receive window has been closed for so long: its application does not "
              "read";
     }},
    {"retransmit_streak",
     [](const Case& c) { return c.has_current_streak() ? streak_value(c) : std::nullopt; },
     [](const Case&) -> std::string { return "sent again, and nothing new was acknowledged"; }},
    {"idle_seconds",
     [](const Case& c) {
       return when_sampled(c, seconds_text(idle_ms_at(c.connection, c.subject.now_ns)));
     },
     [](const Case& c) -> std::string {
       const Connection& connection = c.connection;
       const uint64_t passed =
           connection.bytes_received + connection.bytes_sent + connection.unacked_bytes;
       return passed > 0 ? "since data last passed, or was sent again"
                         : "since it was established: no data has passed yet";
     }},
    {"idle_received_seconds",
     [](const Case& c) {
       return when_sampled(c, seconds_text(received_ms_at(c.connection, c.subject.now_ns)));
     },
     [](const Case& c) -> std::string {
       return c.connection.bytes_received > 0 ? "since data last came from the peer"
                                              : "no data ever came from the peer";
     }},
    {"retransmits", [](const Case& c) -> Text { return std::to_string(c.connection.retransmits); },
     [](const Case& c) -> std::string {
       return c.connection.retransmits == 0 ? "nothing had to be sent again in its life"
                                            : "segments sent again in its life";
     }},
    {"longest_silence_seconds",
     [](const Case& c) -> Text {
       if (c.connection.longest_silence_ms == 0) return std::nullopt;
       return seconds_text(c.connection.longest_silence_ms);
     },
     [](const Case&) -> std::string {
       return "the longest silence that it is known to have survived";
     }},
}};

constexpr WeightiestNames kLiveWeightiest[] = {
    /* kEnded */ {"state", "state_age_seconds"},
    /* kDescriptorOpen */ {"state", "state_age_seconds"},
    /* kConnecting */ {"state", "state_age_seconds"},
    /* kCloseWaitBrief */ {"state_age_seconds", "unread_bytes", "state"},
    /* kCloseWaitStuck */ {"unread_bytes", "state_age_seconds", "state"},
    /* kCloseWaitUnread */ {"unread_bytes", "state_age_seconds", "state"},
    /* kCloseWaitLeaked */ {"unread_bytes", "state_age_seconds", "state"},
    /* kCloseWaitRead */ {"unread_bytes", "state_age_seconds", "state"},
    /* kCloseWait */ {"state_age_seconds", "state"},
    /* kPeerUnacked */ {"half_open", "last_heard_seconds", "unacked_bytes", "retransmit_streak"},
    /* kPeerProbed */ {"half_open", "last_heard_seconds", "unacked_bytes"},
    /* kPeerSilent */
    {"half_open", "last_heard_seconds", "idle_seconds", "longest_silence_seconds"},
    /* kPeerNotReading */
    {"zero_window_seconds", "unsent_bytes", "unacked_bytes", "last_heard_seconds"},
    /* kOwnFin */ {"state", "state_age_seconds", "unacked_bytes", "last_heard_seconds"},
    /* kHalfClosed */ {"state", "state_age_seconds", "last_heard_seconds"},
    /* kLastAck */ {"state", "state_age_seconds", "unacked_bytes", "last_heard_seconds"},
    /* kClosing */ {"state", "state_age_seconds", "unacked_bytes", "last_heard_seconds"},
    /* kNotSampled */ {"state", "state_age_seconds"},
    /* kStalled */ {"unread_bytes", "idle_received_seconds", "last_heard_seconds"},
    /* kUpgradeRefused */ {"upgrade_status", "upgrade_stripped", "state", "idle_seconds"},
    /* kUpgradeAwaited */ {"phase", "upgrade_stripped", "unread_bytes", "idle_seconds"},
    /* kCloseUnfinished */ {"close_code_received", "close_code_sent", "state", "idle_seconds"},
    /* kPingUnanswered */
    {"ping_unanswered_seconds", "unacked_bytes", "last_heard_seconds",
     "last_message_received_seconds"},
    /* kOutOfStep */ {"missed_bytes", "phase", "idle_seconds", "last_heard_seconds"},
    /* kHealthy */ {"state", "idle_seconds", "last_heard_seconds", "unread_bytes", "unacked_bytes"},
};
static_assert(std::size(kLiveWeightiest) == kConditionCount);

const std::vector<EvidenceRow>& rows() {
  static const std::vector<EvidenceRow> kRows = joined(kLiveEvidence, live_websocket_evidence());
  return kRows;
}

}  // namespace

bool condition_evidence_is_whole() { return have_rows(kLiveWeightiest, rows()); }

std::vector<EvidenceItem> condition_evidence(const Case& c, Condition condition) {
  return items_of(rows(), kLiveWeightiest[static_cast<size_t>(condition)], c);
}

}  // namespace wsbpf
