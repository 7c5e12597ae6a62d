#include "diagnose/websocket_phrases.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "diagnose/close_code.h"

namespace wsbpf {
namespace {

bool has(const WebSocket& websocket, uint32_t bit) { return (websocket.state.bits & bit) != 0; }

bool our_end_asked(const Case& c) {
  return c.websocket != nullptr && has(*c.websocket, WSBPF_WEBSOCKET_IS_CLIENT);
}

}  // namespace

std::string_view sender(int direction) { return direction == WSBPF_IN ? "the peer" : "our end"; }

std::string status_text(uint16_t status) {
  // RFC 9110 section 15, RFC 6585
  constexpr std::pair<uint16_t, std::string_view> kNames[] = {
      {101, "Switching Protocols"},
      {200, "OK"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {426, "Upgrade Required"},
      {429, "Too Many Requests"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  };
  for (const auto& [known, name] : kNames) {
    if (known == status) return fmt::format("{} ({})", status, name);
  }
  return std::to_string(status);
}

std::string asker(const Case& c) { return our_end_asked(c) ? application(c) : peer(c); }

std::string answerer(const Case& c) { return our_end_asked(c) ? peer(c) : application(c); }

std::string request_flaw(const Case& c) {
  if (c.websocket == nullptr) return "";
  const WebSocket& websocket = *c.websocket;
  if (has(websocket, WSBPF_WEBSOCKET_HTTP_1_0)) return "came as HTTP/1.0";
  const std::pair<uint32_t, std::string_view> needed[] = {
      {WSBPF_WEBSOCKET_UPGRADE, "`Upgrade: websocket`"},
      {WSBPF_WEBSOCKET_CONNECTION, "`Connection: Upgrade`"},
      {WSBPF_WEBSOCKET_KEY, "Sec-WebSocket-Key"},
      {WSBPF_WEBSOCKET_VERSION_13, "`Sec-WebSocket-Version: 13`"},
  };
  std::string lacked;
  for (const auto& [bit, header] : needed) {
    if (has(websocket, bit)) continue;
    lacked += (lacked.empty() ? "lacked " : " and ") + std::string(header);
  }
  return lacked;
}

bool is_abnormal(const Case& c) {
  return c.websocket != nullptr && !has_close(*c.websocket) && close_code(*c.websocket) == 1006;
}

bool is_unanswered_close(const Case& c, int direction) {
  if (c.websocket == nullptr || !is_read_to_the_end(*c.websocket)) return false;
  const auto& directions = c.websocket->state.directions;
  return directions[direction].close_code != 0 && directions[!direction].close_code == 0;
}

std::string close_note(const Case& c) {
  if (is_abnormal(c)) return "without a Close frame (1006)";
  if (c.websocket == nullptr) return "";
  if (has_closed_both_ways(*c.websocket)) return "after Close frames both ways";
  const auto direction = telling_close(*c.websocket);
  if (!direction) return "";
  return fmt::format("after {} from {}{}",
                     close_frame_text(c.websocket->state.directions[*direction].close_code),
                     sender(*direction),
                     is_unanswered_close(c, *direction)
                         ? fmt::format(", which {} did not answer", sender(!*direction))
                         : "");
}

}  // namespace wsbpf
