#include "serve/websocket_evidence.h"

#include <fmt/compile.h>

#include <iterator>
#include <string>
#include <string_view>

#include "serve/json.h"

namespace wsbpf {
namespace {

std::string number_or_null(uint64_t number) {
  return number == 0 ? "null" : fmt::format(FMT_COMPILE("{}"), number);
}

std::string_view first_close_json(const WebSocket& websocket) {
  const auto direction = first_close(websocket);
  if (!direction) return "null";
  return *direction == WSBPF_IN ? R"("remote")" : R"("local")";
}

std::string gaps_json(const WebSocket& websocket, int direction) {
  std::string json = "[";
  for (const uint32_t gap_ms : message_gaps_ms(websocket, direction)) {
    if (json.size() > 1) json += ',';
    fmt::format_to(std::back_inserter(json), FMT_COMPILE("{}"), Milliseconds{gap_ms});
  }
  return json + ']';
}

// From `then_ns` to the end; null where that never came.
std::string seconds_before_end(const Evidence& evidence, uint64_t then_ns) {
  if (then_ns == 0) return "null";
  return fmt::format(FMT_COMPILE("{}"), milliseconds_between(then_ns, evidence.closed_ns));
}

}  // namespace

void append_websocket_evidence(fmt::memory_buffer& out, const Evidence& evidence) {
  if (!evidence.websocket || !is_websocket(*evidence.websocket)) {
    append(out, "null");
    return;
  }
  const WebSocket& websocket = *evidence.websocket;
  const auto& [received, sent] = websocket.state.directions;
  const auto to = std::back_inserter(out);
  fmt::format_to(
      to,
      FMT_COMPILE(R"({{"first_close":{},"close_code_received":{},"close_code_sent":{},)"
                  R"("closes_crossed":{},"read_to_the_end":{},"fin_without_close":{},)"
                  R"("close_without_fin":{},"upgrade_status":{},"upgrade_stripped":{},)"
                  R"("violations":{},"missed_bytes":{},)"),
      first_close_json(websocket), number_or_null(received.close_code),
      number_or_null(sent.close_code), (websocket.state.bits & WSBPF_WEBSOCKET_CLOSES_CROSSED) != 0,
      is_open_websocket(websocket) && is_read_to_the_end(websocket), is_fin_without_close(evidence),
      is_close_without_fin(evidence), number_or_null(upgrade_status(websocket)),
      is_upgrade_stripped(websocket), violations(websocket), websocket.state.missed_bytes);
  fmt::format_to(to,
                 FMT_COMPILE(R"("gaps_received_seconds":{},"gaps_sent_seconds":{},)"
                             R"("seconds_since_message_received":{},)"
                             R"("seconds_since_message_sent":{},"ping_unanswered_seconds":{}}})"),
                 gaps_json(websocket, WSBPF_IN), gaps_json(websocket, WSBPF_OUT),
                 seconds_before_end(evidence, last_message_ns(websocket, WSBPF_IN)),
                 seconds_before_end(evidence, last_message_ns(websocket, WSBPF_OUT)),
                 seconds_before_end(evidence, unanswered_ping_ns(websocket, WSBPF_OUT)));
}

}  // namespace wsbpf
