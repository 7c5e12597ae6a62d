#include "diagnose/websocket_timeline.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "diagnose/close_code.h"
#include "diagnose/websocket_phrases.h"

namespace wsbpf {
namespace {

void add(std::vector<TimelineEntry>& moments, uint64_t time_ns, std::string_view what,
         std::string text) {
  if (time_ns != 0) moments.push_back({time_ns, what, std::move(text)});
}

bool is_client(const WebSocket& websocket) {
  return (websocket.state.bits & WSBPF_WEBSOCKET_IS_CLIENT) != 0;
}

void add_handshake(std::vector<TimelineEntry>& moments, const Case& c) {
  const WebSocket& websocket = *c.websocket;
  const int asking = is_client(websocket) ? WSBPF_OUT : WSBPF_IN;
  const std::string flaw = request_flaw(c);
  add(moments, websocket.requested_ns, "upgrade_requested",
      fmt::format("{} asked for a WebSocket{}", sender(asking),
                  flaw.empty() ? "" : fmt::format(": the request {}", flaw)));
  add(moments, websocket.answered_ns, "upgrade_answered",
      fmt::format("{} answered {}", sender(!asking), status_text(upgrade_status(websocket))));
}

std::string message_text(const WebSocket& websocket, int direction) {
  const uint32_t count = messages(websocket, direction);
  if (count == 0) return "the beginning of a message";
  if (counts_are_least(websocket)) return fmt::format("the last of at least {} messages", count);
  return count == 1 ? "its only message" : fmt::format("the last of {} messages", count);
}

void add_last_message(std::vector<TimelineEntry>& moments, const Case& c, int direction) {
  add(moments, last_message_ns(*c.websocket, direction),
      direction == WSBPF_IN ? "last_message_received" : "last_message_sent",
      fmt::format("{} sent {}", sender(direction), message_text(*c.websocket, direction)));
}

void add_unanswered_ping(std::vector<TimelineEntry>& moments, const Case& c, int direction) {
  add(moments, unanswered_ping_ns(*c.websocket, direction),
      direction == WSBPF_IN ? "ping_received" : "ping_sent",
      fmt::format("{} sent a ping, and no pong came after it", sender(direction)));
}

void add_close(std::vector<TimelineEntry>& moments, const Case& c, int direction) {
  const uint16_t code = c.websocket->state.directions[direction].close_code;
  add(moments, c.websocket->close_ns[direction],
      direction == WSBPF_IN ? "close_received" : "close_sent",
      fmt::format("{} sent {}", sender(direction), close_frame_text(code)));
}

}  // namespace

std::vector<TimelineEntry> websocket_moments(const Case& c) {
  std::vector<TimelineEntry> moments;
  if (c.websocket == nullptr) return moments;
  add_handshake(moments, c);
  if (!is_open_websocket(*c.websocket)) return moments;
  // What falls into one moment stays in this order.
  for (const int direction : {WSBPF_IN, WSBPF_OUT}) add_last_message(moments, c, direction);
  for (const int direction : {WSBPF_IN, WSBPF_OUT}) add_unanswered_ping(moments, c, direction);
  const int first = first_close(*c.websocket).value_or(WSBPF_IN);
  for (const int direction : {first, 1 - first}) add_close(moments, c, direction);
  return moments;
}

}  // namespace wsbpf
