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

void add_frames(std::vector<TimelineEntry>& moments, const Case& c, int direction) {
  const WebSocket& websocket = *c.websocket;
  const wsbpf_websocket_direction& from = websocket.state.directions[direction];
  const bool received = direction == WSBPF_IN;
  add(moments, last_message_ns(websocket, direction),
      received ? "last_message_received" : "last_message_sent",
      fmt::format("{} sent {}", sender(direction),
                  from.messages == 1 ? "its only message"
                                     : fmt::format("the last of {} messages", from.messages)));
  add(moments, websocket.close_ns[direction], received ? "close_received" : "close_sent",
      fmt::format("{} sent {}", sender(direction), close_frame_text(from.close_code)));
  add(moments, unanswered_ping_ns(websocket, direction), received ? "ping_received" : "ping_sent",
      fmt::format("{} sent a ping, and no pong came after it", sender(direction)));
}

}  // namespace

std::vector<TimelineEntry> websocket_moments(const Case& c) {
  std::vector<TimelineEntry> moments;
  if (c.websocket == nullptr) return moments;
  add_handshake(moments, c);
  if (!is_open_websocket(*c.websocket)) return moments;
  for (const int direction : {WSBPF_IN, WSBPF_OUT}) add_frames(moments, c, direction);
  return moments;
}

}  // namespace wsbpf
