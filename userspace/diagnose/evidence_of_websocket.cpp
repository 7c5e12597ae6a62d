#include "diagnose/evidence_of_websocket.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>

#include "core/connection_record.h"
#include "diagnose/close_code.h"
#include "diagnose/websocket_phrases.h"

namespace wsbpf {
namespace {

using Text = std::optional<std::string>;  // nothing: not known, or not so

bool is_open(const Case& c) { return c.websocket != nullptr && is_open_websocket(*c.websocket); }

Text true_if(bool holds) { return holds ? Text("true") : std::nullopt; }

Text number_unless_0(uint64_t number) {
  return number != 0 ? Text(std::to_string(number)) : std::nullopt;
}

// --- of all
// -----------------------------------------------------------------------------------------

Text status_value(const Case& c) {
  return c.websocket == nullptr ? std::nullopt : number_unless_0(upgrade_status(*c.websocket));
}

std::string status_meaning(const Case& c) {
  const uint16_t status = upgrade_status(*c.websocket);
  if (status == 101) return "the request for a WebSocket was granted";
  return fmt::format("the request for a WebSocket was answered {}", status_text(status));
}

Text stripped_value(const Case& c) {
  return true_if(c.websocket != nullptr && is_upgrade_stripped(*c.websocket));
}

std::string stripped_meaning(const Case& c) {
  return fmt::format("the request {}: a proxy on the way did not pass the upgrade",
                     request_flaw(c));
}

Text first_close_value(const Case& c) {
  const auto direction = c.websocket == nullptr ? std::nullopt : first_close(*c.websocket);
  if (!direction) return std::nullopt;
  return *direction == WSBPF_IN ? "remote" : "local";
}

std::string first_close_meaning(const Case& c) {
  return fmt::format("{} sent the first Close frame", sender(*first_close(*c.websocket)));
}

Text close_code_value(const Case& c, int direction) {
  if (c.websocket == nullptr) return std::nullopt;
  return number_unless_0(c.websocket->state.directions[direction].close_code);
}

std::string close_code_text(const Case& c, int direction) {
  const uint16_t code = c.websocket->state.directions[direction].close_code;
  return fmt::format("{} sent {}{}", sender(direction), close_frame_text(code),
                     is_unanswered_close(c, direction)
                         ? fmt::format(", which {} did not answer", sender(!direction))
                         : "");
}

Text gaps_value(const Case& c, int direction) {
  if (c.websocket == nullptr) return std::nullopt;
  std::string text;
  for (const uint32_t gap_ms : message_gaps_ms(*c.websocket, direction)) {
    text += (text.empty() ? "" : ", ") + *seconds_text(gap_ms);
  }
  return text.empty() ? std::nullopt : Text(text);
}

std::string gaps_meaning(int direction) {
  return fmt::format("the last gaps between messages from {}, the oldest first", sender(direction));
}

Text violations_value(const Case& c) {
  return c.websocket == nullptr ? std::nullopt : number_unless_0(violations(*c.websocket));
}

std::string violations_meaning(const Case&) { return "frames, or codes, that break RFC 6455"; }

Text missed_value(const Case& c) {
  return c.websocket == nullptr ? std::nullopt : number_unless_0(c.websocket->state.missed_bytes);
}

std::string missed_meaning(const Case&) {
  return "passed without being read: what is counted is the least";
}

Text messages_value(const Case& c, int direction) {
  if (!is_open(c)) return std::nullopt;
  return fmt::format("{}{}", counts_are_least(*c.websocket) ? ">=" : "",
                     messages(*c.websocket, direction));
}

// When the evidence was taken.
uint64_t seen_ns(const Case& c) { return c.saw_close() ? c.evidence.closed_ns : c.subject.now_ns; }

Text span_since(const Case& c, uint64_t then_ns) {
  if (then_ns == 0) return std::nullopt;
  return seconds_text((since(seen_ns(c), then_ns) + 500'000) / 1'000'000);
}

Text since_message(const Case& c, int direction) {
  return c.websocket == nullptr ? std::nullopt
                                : span_since(c, last_message_ns(*c.websocket, direction));
}

Text ping_unanswered_value(const Case& c) {
  return is_open(c) ? span_since(c, unanswered_ping_ns(*c.websocket, WSBPF_OUT)) : std::nullopt;
}

std::string ping_unanswered_meaning(const Case&) {
  return "since our end sent a ping; the peer's pong has not come";
}

// --- of connections that have ended
// ---------------------------------------------------------------

constexpr std::array<EvidenceRow, 17> kEnded = {{
    {"close_code",
     [](const Case& c) -> Text {
       if (!is_open(c)) return std::nullopt;
       const auto code = close_code(*c.websocket);
       return code ? Text(std::to_string(*code)) : std::nullopt;
     },
     [](const Case& c) -> std::string {
       if (is_abnormal(c)) return "no Close frame was sent: none was overlooked up to the end";
       return fmt::format("of {} Close frame: {}", first_close(*c.websocket) ? "the first" : "a",
                          close_code_meaning(*close_code(*c.websocket)));
     }},
    {"first_close", first_close_value, first_close_meaning},
    {"close_code_received", [](const Case& c) { return close_code_value(c, WSBPF_IN); },
     [](const Case& c) { return close_code_text(c, WSBPF_IN); }},
    {"close_code_sent", [](const Case& c) { return close_code_value(c, WSBPF_OUT); },
     [](const Case& c) { return close_code_text(c, WSBPF_OUT); }},
    {"closes_crossed",
     [](const Case& c) {
       return true_if(c.websocket != nullptr &&
                      (c.websocket->state.bits & WSBPF_WEBSOCKET_CLOSES_CROSSED) != 0);
     },
     [](const Case&) -> std::string {
       return "the peer sent its Close frame before ours had arrived: neither answers the other";
     }},
    {"fin_without_close", [](const Case& c) { return true_if(is_fin_without_close(c.evidence)); },
     [](const Case& c) -> std::string {
       return c.evidence.left_to == TcpState::kCloseWait
                  ? "the peer closed TCP first, and had sent no Close frame"
                  : "our end closed TCP first, and had sent no Close frame";
     }},
    {"close_without_fin", [](const Case& c) { return true_if(is_close_without_fin(c.evidence)); },
     [](const Case&) -> std::string {
       return "a Close frame was sent, and then neither end closed TCP in good order";
     }},
    {"upgrade_status", status_value, status_meaning},
    {"upgrade_stripped", stripped_value, stripped_meaning},
    {"ping_unanswered_seconds", ping_unanswered_value, ping_unanswered_meaning},
    {"seconds_since_message_received", [](const Case& c) { return since_message(c, WSBPF_IN); },
     [](const Case&) -> std::string { return "the peer's last message began so long before"; }},
    {"seconds_since_message_sent", [](const Case& c) { return since_message(c, WSBPF_OUT); },
     [](const Case&) -> std::string { return "our end's last message began so long before"; }},
    {"gaps_received_seconds", [](const Case& c) { return gaps_value(c, WSBPF_IN); },
     [](const Case&) { return gaps_meaning(WSBPF_IN); }},
    {"gaps_sent_seconds", [](const Case& c) { return gaps_value(c, WSBPF_OUT); },
     [](const Case&) { return gaps_meaning(WSBPF_OUT); }},
    {"read_to_the_end",
     [](const Case& c) -> Text {
       if (!is_open(c)) return std::nullopt;
       return is_read_to_the_end(*c.websocket) ? "true" : "false";
     },
     [](const Case& c) -> std::string {
       return is_read_to_the_end(*c.websocket)
                  ? "both directions were followed in step to their last byte: no Close frame was "
                    "overlooked"
                  : "they were not both followed in step to their last byte: a Close frame may "
                    "have been overlooked";
     }},
    {"violations", violations_value, violations_meaning},
    {"missed_bytes", missed_value, missed_meaning},
}};

// --- of connections that live
// -----------------------------------------------------------------------

constexpr std::array<EvidenceRow, 15> kLive = {{
    {"phase",
     [](const Case& c) -> Text {
       if (c.websocket == nullptr) return std::nullopt;
       return std::string(phase_name(phase_of(c.connection, c.websocket)));
     },
     [](const Case& c) -> std::string {
       switch (phase_of(c.connection, c.websocket)) {
         case Phase::kUpgrading:
           return "a WebSocket was asked for, and there is no answer yet";
         case Phase::kOpen:
           return upgrade_status(*c.websocket) == 101
                      ? "the handshake was seen to succeed"
                      : "its frames show it to be one; the handshake was not seen";
         case Phase::kClosing:
           return "a Close frame or a FIN has been seen";
         case Phase::kRejected:
           return "the request for a WebSocket was not answered by 101";
         default:
           return "of the WebSocket";
       }
     }},
    {"upgrade_status", status_value, status_meaning},
    {"upgrade_stripped", stripped_value, stripped_meaning},
    {"close_code_received", [](const Case& c) { return close_code_value(c, WSBPF_IN); },
     [](const Case& c) { return close_code_text(c, WSBPF_IN); }},
    {"close_code_sent", [](const Case& c) { return close_code_value(c, WSBPF_OUT); },
     [](const Case& c) { return close_code_text(c, WSBPF_OUT); }},
    {"ping_unanswered_seconds", ping_unanswered_value, ping_unanswered_meaning},
    {"ping_rtt_seconds",
     [](const Case& c) -> Text {
       if (c.websocket == nullptr || c.websocket->rtt_us[WSBPF_OUT] == 0) return std::nullopt;
       return fmt::format("{:.6f}", c.websocket->rtt_us[WSBPF_OUT] / 1e6);
     },
     [](const Case&) -> std::string { return "from our end's last ping to the peer's pong"; }},
    {"messages_received", [](const Case& c) { return messages_value(c, WSBPF_IN); },
     [](const Case&) -> std::string { return "messages from the peer that were seen"; }},
    {"messages_sent", [](const Case& c) { return messages_value(c, WSBPF_OUT); },
     [](const Case&) -> std::string { return "messages to the peer that were seen"; }},
    {"last_message_received_seconds", [](const Case& c) { return since_message(c, WSBPF_IN); },
     [](const Case&) -> std::string { return "since the peer's last message"; }},
    {"last_message_sent_seconds", [](const Case& c) { return since_message(c, WSBPF_OUT); },
     [](const Case&) -> std::string { return "since our end's last message"; }},
    {"gaps_received_seconds", [](const Case& c) { return gaps_value(c, WSBPF_IN); },
     [](const Case&) { return gaps_meaning(WSBPF_IN); }},
    {"gaps_sent_seconds", [](const Case& c) { return gaps_value(c, WSBPF_OUT); },
     [](const Case&) { return gaps_meaning(WSBPF_OUT); }},
    {"violations", violations_value, violations_meaning},
    {"missed_bytes", missed_value, missed_meaning},
}};

}  // namespace

std::span<const EvidenceRow> ended_websocket_evidence() { return kEnded; }
std::span<const EvidenceRow> live_websocket_evidence() { return kLive; }

}  // namespace wsbpf
