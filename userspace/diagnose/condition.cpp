#include "diagnose/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/connection_record.h"
#include "diagnose/close_code.h"
#include "diagnose/websocket_phrases.h"

namespace wsbpf {
namespace {

// So long a connection may be in CLOSE_WAIT while its application is about to close it.
constexpr uint64_t kBrief_ns = 3'000'000'000;

constexpr char kCloseWaitPage[] = "docs/alerts.md#CloseWaitAccumulation";
constexpr char kHalfOpenPage[] = "docs/alerts.md#HalfOpenAccumulation";

bool is_in(const Case& c, TcpState state) { return c.connection.state == state; }

bool is_in_close_wait(const Case& c) { return is_in(c, TcpState::kCloseWait); }

// The peer's FIN counts as one byte that waits to be read.
bool has_unread_in_close_wait(const Case& c, uint32_t least, uint32_t most) {
  const uint32_t unread = c.connection.unread_bytes;
  return is_in_close_wait(c) && c.is_sampled_in_state() && unread >= least && unread <= most;
}

std::string unheard(const Case& c) { return span_text_ms(c.connection.heard_ms); }

// So long the answers of the WebSocket's protocol may take: to a request, to a Close frame, and to
// a ping. Libraries wait for a pong for 10 s or more.
constexpr uint64_t kAnswer_ns = 3'000'000'000;
constexpr uint64_t kPong_ns = 10'000'000'000;

bool was_asked_in_vain(const Case& c) {
  if (c.websocket == nullptr) return false;
  const uint64_t server_bytes = is_websocket_client(*c.websocket)
                                    ? c.connection.bytes_received
                                    : c.connection.bytes_sent + c.connection.unacked_bytes;
  return is_upgrade_unanswered(*c.websocket, server_bytes) && c.websocket->requested_ns != 0 &&
         since(c.subject.now_ns, c.websocket->requested_ns) >= kAnswer_ns;
}

std::string asked_in_vain(const Case& c) {
  const std::string flaw = request_flaw(c);
  return fmt::format("{} asked for a WebSocket {} ago, and {} has not answered{}", asker(c),
                     span_text(since(c.subject.now_ns, c.websocket->requested_ns)), answerer(c),
                     flaw.empty() ? "" : fmt::format("; the request {}", flaw));
}

std::string refused(const Case& c) {
  const std::string flaw = request_flaw(c);
  return fmt::format("{} asked for a WebSocket, {} answered {}, and the connection is still open{}",
                     asker(c), answerer(c), status_text(upgrade_status(*c.websocket)),
                     flaw.empty() ? "" : fmt::format("; the request {}", flaw));
}

uint64_t since_close_ns(const Case& c) {
  return since(c.subject.now_ns, c.websocket->close_ns[*telling_close(*c.websocket)]);
}

bool is_close_unfinished(const Case& c) {
  return c.websocket != nullptr && is_in(c, TcpState::kEstablished) && has_close(*c.websocket) &&
         since_close_ns(c) >= kAnswer_ns;
}

std::string close_unfinished(const Case& c) {
  const std::string ago = span_text(since_close_ns(c));
  if (has_closed_both_ways(*c.websocket)) {
    return fmt::format(
        "both ends of the WebSocket with {} sent Close frames {} ago, and neither "
        "has closed TCP",
        peer_address(c), ago);
  }
  const int direction = *telling_close(*c.websocket);
  const std::string frame = close_frame_text(c.websocket->state.directions[direction].close_code);
  const std::string closer = direction == WSBPF_IN ? peer(c) : application(c);
  if (!is_in_step(*c.websocket, 1 - direction)) {
    return fmt::format("{} sent {} {} ago, and neither end has closed TCP", closer, frame, ago);
  }
  return fmt::format("{} sent {} {} ago, and {} has not answered it", closer, frame, ago,
                     direction == WSBPF_IN ? application(c) : peer(c));
}

uint64_t since_ping_ns(const Case& c) {
  return since(c.subject.now_ns, unanswered_ping_ns(*c.websocket, WSBPF_OUT));
}

bool is_ping_unanswered(const Case& c) {
  return c.websocket != nullptr && is_in(c, TcpState::kEstablished) &&
         is_open_websocket(*c.websocket) && !is_desynced(*c.websocket) &&
         unanswered_ping_ns(*c.websocket, WSBPF_OUT) != 0 && since_ping_ns(c) >= kPong_ns;
}

// A sweep since the ping has found nothing unacknowledged.
bool is_ping_acknowledged(const Case& c) {
  return c.connection.sampled_ns > unanswered_ping_ns(*c.websocket, WSBPF_OUT) &&
         c.connection.unacked_bytes == 0;
}

std::string ping_unanswered(const Case& c) {
  return fmt::format(
      "{} has not answered our ping of {} ago{}", peer(c), span_text(since_ping_ns(c)),
      is_ping_acknowledged(c) ? ", though its kernel has acknowledged it: its application is "
                                "paused, or answers no pings"
                              : "");
}

bool is_out_of_step(const Case& c) {
  return c.websocket != nullptr && is_open_websocket(*c.websocket) && is_desynced(*c.websocket);
}

struct Row {
  Condition condition;
  bool (*holds)(const Case&);
  std::string (*summary)(const Case&);
  std::string_view documentation = "";
};

constexpr std::array<Row, kConditionCount> kRows = {{
    {Condition::kEnded,
     [](const Case& c) { return is_in(c, TcpState::kClose) && !c.connection.judged; },
     [](const Case& c) {
       return fmt::format(
           "the connection with {} ended {} ago, and its verdict falls within a second",
           peer_address(c), state_age(c));
     },
     "docs/verdicts.md#when-the-verdict-falls"},
    {Condition::kDescriptorOpen, [](const Case& c) { return is_in(c, TcpState::kClose); },
     [](const Case& c) {
       return fmt::format("the connection with {} ended {} ago, and {} still holds its descriptor",
                          peer_address(c), state_age(c), application(c));
     },
     "docs/verdicts.md#when-the-verdict-falls"},
    {Condition::kConnecting, [](const Case& c) { return is_in(c, TcpState::kSynSent); },
     [](const Case& c) {
       return fmt::format("{} has been connecting to {} for {}, without an answer", application(c),
                          peer_address(c), state_age(c));
     }},
    {Condition::kCloseWaitBrief,
     [](const Case& c) { return is_in_close_wait(c) && c.state_age_ns() < kBrief_ns; },
     [](const Case& c) {
       return fmt::format("{} closed its end {} ago, and {} has yet to close its own", peer(c),
                          state_age(c), application(c));
     },
     kCloseWaitPage},
    {Condition::kCloseWaitStuck, [](const Case& c) { return has_unread_in_close_wait(c, 1, 1); },
     [](const Case& c) {
       return fmt::format(
           "{} closed its end {} ago, and {} has not even read the end of file: it is "
           "stuck, or does not look at this socket",
           peer(c), state_age(c), application(c));
     },
     kCloseWaitPage},
    {Condition::kCloseWaitUnread,
     [](const Case& c) { return has_unread_in_close_wait(c, 2, UINT32_MAX); },
     [](const Case& c) {
       return fmt::format(
           "{} closed its end {} ago, and {} has not read the last {} before that: it "
           "is stuck, or does not look at this socket",
           peer(c), state_age(c), application(c), count_of(c.connection.unread_bytes - 1, "byte"));
     },
     kCloseWaitPage},
    {Condition::kCloseWaitLeaked,
     [](const Case& c) {
       return has_unread_in_close_wait(c, 0, 0) && c.state_age_ns() >= kCloseWaitLeak_ns;
     },
     [](const Case& c) {
       return fmt::format(
           "{} closed its end {} ago, and {} has read the end of file but never closed "
           "its own: the connection leaks",
           peer(c), state_age(c), application(c));
     },
     kCloseWaitPage},
    {Condition::kCloseWaitRead, [](const Case& c) { return has_unread_in_close_wait(c, 0, 0); },
     [](const Case& c) {
       return fmt::format(
           "{} closed its end {} ago, and {} has read the end of file and not closed its own yet",
           peer(c), state_age(c), application(c));
     },
     kCloseWaitPage},
    {Condition::kCloseWait, is_in_close_wait,
     [](const Case& c) {
       return fmt::format("{} closed its end {} ago, and {} has not closed its own", peer(c),
                          state_age(c), application(c));
     },
     kCloseWaitPage},
    {Condition::kPeerUnacked,
     [](const Case& c) { return c.connection.half_open == HalfOpen::kUnacked; },
     [](const Case& c) {
       const uint32_t segments = c.has_current_streak() ? c.evidence.streak.segments : 0;
       return fmt::format(
           "{} may be gone: nothing has been heard from it for {} while {} unacknowledged{}",
           peer(c), unheard(c), count_of(c.connection.unacked_bytes, "byte") + " remained",
           segments > 0 ? fmt::format(" in spite of {}", count_of(segments, "retransmission"))
                        : "");
     },
     kHalfOpenPage},
    {Condition::kPeerProbed,
     [](const Case& c) { return c.connection.half_open == HalfOpen::kProbing; },
     [](const Case& c) {
       return fmt::format(
           "{} may be gone: nothing has been heard from it for {}, and the kernel's "
           "probes go unanswered",
           peer(c), unheard(c));
     },
     kHalfOpenPage},
    {Condition::kPeerSilent,
     [](const Case& c) { return c.connection.half_open == HalfOpen::kSilent; },
     [](const Case& c) {
       return fmt::format(
           "{} has not been heard for {}, and nothing is being sent that would show "
           "whether it is still there",
           peer(c), unheard(c));
     },
     kHalfOpenPage},
    {Condition::kPeerNotReading,
     [](const Case& c) { return c.connection.zero_window_ms >= kZeroWindowLimit_ms; },
     [](const Case& c) {
       return fmt::format(
           "{} does not read: its receive window has been closed for {}, and {} to be sent",
           peer(c), span_text_ms(c.connection.zero_window_ms),
           count_of(c.connection.unsent_bytes, "byte") +
               (c.connection.unsent_bytes == 1 ? " waits" : " wait"));
     },
     "docs/verdicts.md#slow_consumer"},
    {Condition::kOwnFin, [](const Case& c) { return is_in(c, TcpState::kFinWait1); },
     [](const Case& c) {
       return fmt::format("our end sent its FIN {} ago, and {} has not acknowledged it",
                          state_age(c), peer(c));
     }},
    {Condition::kHalfClosed, [](const Case& c) { return is_in(c, TcpState::kFinWait2); },
     [](const Case& c) {
       return fmt::format("our end has sent its FIN, and {} has not closed its own end for {}",
                          peer(c), state_age(c));
     }},
    {Condition::kLastAck, [](const Case& c) { return is_in(c, TcpState::kLastAck); },
     [](const Case& c) {
       return fmt::format("both ends have closed, and {} has not acknowledged our FIN for {}",
                          peer(c), state_age(c));
     }},
    {Condition::kClosing, [](const Case& c) { return is_in(c, TcpState::kClosing); },
     [](const Case& c) {
       return fmt::format(
           "both ends closed at the same time {} ago, and {} has not acknowledged our "
           "FIN",
           state_age(c), peer(c));
     }},
    {Condition::kNotSampled, [](const Case& c) { return !c.connection.sampled; },
     [](const Case& c) {
       return fmt::format(
           "the connection with {} has been {} for {}, and its counters have not been "
           "read yet",
           peer_address(c), state_name(c.connection.state), state_age(c));
     }},
    {Condition::kStalled,
     [](const Case& c) {
       return c.connection.unread_bytes > 0 && c.connection.received_ms >= kStallLimit_ms;
     },
     [](const Case& c) {
       return fmt::format("{} has not read {} from {}, the last of which came {} ago or earlier",
                          application(c), count_of(c.connection.unread_bytes, "byte"),
                          peer_address(c),
                          span_text_ms(received_ms_at(c.connection, c.subject.now_ns)));
     },
     "docs/verdicts.md#server_stall"},
    {Condition::kUpgradeRefused,
     [](const Case& c) { return c.websocket != nullptr && is_upgrade_refused(*c.websocket); },
     refused, "docs/verdicts.md#upgrade_failed"},
    {Condition::kUpgradeAwaited, was_asked_in_vain, asked_in_vain,
     "docs/verdicts.md#upgrade_failed"},
    {Condition::kCloseUnfinished, is_close_unfinished, close_unfinished, "docs/verdicts.md#clean"},
    {Condition::kPingUnanswered, is_ping_unanswered, ping_unanswered, "docs/explain.md#websockets"},
    {Condition::kOutOfStep, is_out_of_step,
     [](const Case& c) {
       const uint32_t missed = c.websocket->state.missed_bytes;
       return fmt::format(
           "the connection with {} is {} old, and {} of its WebSocket could not be read: what is "
           "counted of it is the least",
           peer_address(c), life(c), missed > 0 ? count_of(missed, "byte") : "a part");
     },
     "docs/explain.md#websockets"},
    {Condition::kHealthy, [](const Case&) { return true; },
     [](const Case& c) {
       const bool silent = c.connection.bytes_received + c.connection.bytes_sent == 0;
       return fmt::format(
           "the connection with {} is healthy: it is {} old, and {}", peer_address(c), life(c),
           silent ? "no data has passed yet"
                  : fmt::format("{} {} ago", data_last_passed(c.connection.retransmits),
                                span_text_ms(idle_ms_at(c.connection, c.subject.now_ns))));
     }},
}};

consteval bool is_in_order() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].condition) != i) return false;
  }
  return true;
}
static_assert(is_in_order(), "one row for each condition, in their order");

}  // namespace

Condition condition_of(const Case& c) {
  return std::find_if(kRows.begin(), kRows.end(), [&c](const Row& row) { return row.holds(c); })
      ->condition;
}

std::string condition_summary(const Case& c, Condition condition) {
  return sentence(kRows[static_cast<size_t>(condition)].summary(c));
}

std::string_view condition_documentation(Condition condition) {
  return kRows[static_cast<size_t>(condition)].documentation;
}

}  // namespace wsbpf
