#include "serve/websocket_json.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "serve/json.h"

namespace wsbpf {
namespace {

using Json = nlohmann::ordered_json;

// Times, codes and statuses are 0 where there is none.
template <typename Number>
OrNull<Number> unless_zero(Number value) {
  return {value != 0 ? std::optional(value) : std::nullopt};
}

OrNull<Milliseconds> ago(uint64_t then_ns, uint64_t now_ns) {
  if (then_ns == 0) return {};
  return {milliseconds_between(then_ns, now_ns)};
}

OrNull<Microseconds> round_trip(uint32_t microseconds) {
  if (microseconds == 0) return {};
  return {Microseconds{microseconds}};
}

OrNull<uint64_t> average_message_bytes(const WebSocket& websocket) {
  const uint64_t count = uint64_t{messages(websocket, WSBPF_IN)} + messages(websocket, WSBPF_OUT);
  if (count == 0) return {};
  const uint64_t bytes = message_bytes(websocket, WSBPF_IN) + message_bytes(websocket, WSBPF_OUT);
  return {(bytes + count / 2) / count};
}

OrNull<Milliseconds> last_gap(const WebSocket& websocket) {
  const bool ours_is_last =
      last_message_ns(websocket, WSBPF_OUT) > last_message_ns(websocket, WSBPF_IN);
  const auto gap_ms = last_message_gap_ms(websocket, ours_is_last ? WSBPF_OUT : WSBPF_IN);
  if (!gap_ms) return {};
  return {Milliseconds{*gap_ms}};
}

// Of a request that was not seen nobody knows.
std::string_view stripped_text(const WebSocket& websocket) {
  constexpr uint32_t kSeen = WSBPF_WEBSOCKET_REQUEST | WSBPF_WEBSOCKET_KEY;
  if ((websocket.state.bits & kSeen) == 0) return "null";
  return is_upgrade_stripped(websocket) ? "true" : "false";
}

// There is nothing to say but the phase.
void append_phase(fmt::memory_buffer& out, Phase phase) {
  fmt::format_to(
      std::back_inserter(out),
      FMT_COMPILE(R"(,"websocket":{{"phase":"{}","messages_received":null,"messages_sent":null,)"
                  R"("last_message_gap_seconds":null,"average_message_bytes":null,)"
                  R"("last_ping_seconds":null,"ping_rtt_seconds":null,"close_code":null,)"
                  R"("close_code_received":null,"close_code_sent":null,"upgrade_status":null,)"
                  R"("upgrade_stripped":null,"message_bytes_received":null,)"
                  R"("message_bytes_sent":null,"last_message_received_seconds":null,)"
                  R"("last_message_sent_seconds":null,"last_ping_received_seconds":null,)"
                  R"("last_ping_sent_seconds":null,"pong_delay_seconds":null,"violations":null,)"
                  R"("missed_bytes":null,"counts_at_least":null}})"),
      phase_name(phase));
}

void append_known(fmt::memory_buffer& out, Phase phase, const WebSocket& websocket,
                  uint64_t now_ns) {
  const auto to = std::back_inserter(out);
  const wsbpf_websocket_direction& received = websocket.state.directions[WSBPF_IN];
  const wsbpf_websocket_direction& sent = websocket.state.directions[WSBPF_OUT];
  const auto& [ping_received_ns, ping_sent_ns] = websocket.ping_ns;
  fmt::format_to(
      to,
      FMT_COMPILE(R"(,"websocket":{{"phase":"{}","messages_received":{},"messages_sent":{},)"
                  R"("last_message_gap_seconds":{},"average_message_bytes":{},)"
                  R"("last_ping_seconds":{},"ping_rtt_seconds":{},"close_code":{},)"),
      phase_name(phase), messages(websocket, WSBPF_IN), messages(websocket, WSBPF_OUT),
      last_gap(websocket), average_message_bytes(websocket),
      ago(std::max(ping_received_ns, ping_sent_ns), now_ns),
      round_trip(websocket.rtt_us[WSBPF_OUT]), OrNull<uint16_t>{close_code(websocket)});
  fmt::format_to(
      to,
      FMT_COMPILE(R"("close_code_received":{},"close_code_sent":{},"upgrade_status":{},)"
                  R"("upgrade_stripped":{},"message_bytes_received":{},"message_bytes_sent":{},)"
                  R"("last_message_received_seconds":{},"last_message_sent_seconds":{},)"),
      unless_zero(received.close_code), unless_zero(sent.close_code),
      unless_zero(upgrade_status(websocket)), stripped_text(websocket),
      message_bytes(websocket, WSBPF_IN), message_bytes(websocket, WSBPF_OUT),
      ago(last_message_ns(websocket, WSBPF_IN), now_ns),
      ago(last_message_ns(websocket, WSBPF_OUT), now_ns));
  fmt::format_to(to,
                 FMT_COMPILE(R"("last_ping_received_seconds":{},"last_ping_sent_seconds":{},)"
                             R"("pong_delay_seconds":{},"violations":{},"missed_bytes":{},)"
                             R"("counts_at_least":{}}})"),
                 ago(ping_received_ns, now_ns), ago(ping_sent_ns, now_ns),
                 round_trip(websocket.rtt_us[WSBPF_IN]), violations(websocket),
                 websocket.state.missed_bytes, counts_are_least(websocket));
}

std::string upgrade_text(UpgradeStatus status) {
  if (status == kUpgradeUnanswered) return "no_response";
  return status == kUpgradeTimedOut ? "timeout" : std::to_string(status);
}

}  // namespace

void append_websocket(fmt::memory_buffer& out, const Connection& connection,
                      const WebSocket* websocket, uint64_t now_ns) {
  const Unread unread = unread_of(connection, websocket);
  const Phase phase = phase_of(connection, websocket);
  if (!is_read(unread)) {
    append(out, R"(,"websocket":null)");
  } else if (phase == Phase::kNoRequest || phase == Phase::kUnknown) {
    append_phase(out, phase);
  } else {
    append_known(out, phase, *websocket, now_ns);
  }
  if (unread == Unread::kNo) {
    append(out, R"(,"websocket_unread":null)");
  } else {
    fmt::format_to(std::back_inserter(out), FMT_COMPILE(R"(,"websocket_unread":"{}")"),
                   unread_name(unread));
  }
}

Json websockets_json(const ListenerSummary& summary, const WebSocketTotals& totals, bool reading) {
  Json unread = Json::object();
  for (size_t i = 1; i < kUnreadNames.size(); ++i) {
    unread[std::string(kUnreadNames[i])] = summary.unread[i];
  }
  if (!reading) {
    return {{"phases", nullptr},
            {"unread", std::move(unread)},
            {"upgrades", nullptr},
            {"stripped_upgrades", nullptr},
            {"messages_received", nullptr},
            {"messages_sent", nullptr},
            {"violations", nullptr},
            {"missed_bytes", nullptr}};
  }
  Json phases = Json::object();
  for (size_t i = 0; i < kPhaseNames.size(); ++i) {
    phases[std::string(kPhaseNames[i])] = summary.phases[i];
  }
  Json upgrades = Json::object();
  for (const auto& [status, count] : totals.upgrades) upgrades[upgrade_text(status)] = count;
  return {{"phases", std::move(phases)},
          {"unread", std::move(unread)},
          {"upgrades", std::move(upgrades)},
          {"stripped_upgrades", totals.stripped_upgrades},
          {"messages_received", totals.messages[WSBPF_IN]},
          {"messages_sent", totals.messages[WSBPF_OUT]},
          {"violations", totals.violations},
          {"missed_bytes", totals.missed_bytes}};
}

}  // namespace wsbpf
