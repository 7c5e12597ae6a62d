#include "core/websocket.h"

#include <algorithm>
#include <iterator>

namespace wsbpf {
namespace {

constexpr uint64_t kNsPerMs = 1'000'000;

// The time of which only the low 32 bits, in milliseconds, were kept, not long before `near_ns`.
uint64_t time_from_ms(uint32_t low_ms, uint64_t near_ns) {
  const auto ago_ms = static_cast<uint32_t>(near_ns / kNsPerMs) - low_ms;
  // What another CPU wrote meanwhile may lie a little ahead.
  if (ago_ms > UINT32_MAX / 2) return near_ns;
  return near_ns - std::min(near_ns, ago_ms * kNsPerMs);
}

int reading_of(const wsbpf_websocket_direction& direction) {
  return direction.reading & WSBPF_READING_MASK;
}

bool has(const WebSocket& websocket, uint32_t bit) { return (websocket.state.bits & bit) != 0; }

// Of the data frame whose header was the last to pass, what has not passed of it yet.
struct Pending {
  uint64_t bytes = 0;
  bool message = false;  // it is the last of one
};

Pending pending_of(const wsbpf_websocket_direction& from) {
  constexpr uint32_t kControl = 8;
  const uint32_t frame = from.frames[(from.slots - 1u) % WSBPF_FRAMES_KEPT];
  // While a part of a header is held, `skip` holds it.
  if (from.held != 0 || from.skip == 0 || reading_of(from) != WSBPF_READING_FRAMES) return {};
  if ((frame & WSBPF_FRAME_SEEN) == 0 || (frame >> WSBPF_FRAME_OPCODE_SHIFT & kControl) != 0) {
    return {};
  }
  // Of the four bytes of a mask some may not have passed, either.
  const uint32_t length = frame & WSBPF_FRAME_LENGTH;
  const uint64_t bytes =
      length == WSBPF_FRAME_LENGTH ? from.skip : std::min<uint64_t>(from.skip, length);
  return {std::min<uint64_t>(bytes, from.message_bytes), (frame & WSBPF_FRAME_FINAL) != 0};
}

// No frame lies before the answer that allowed it.
uint64_t not_before_answer(const WebSocket& websocket, uint64_t time_ns) {
  return std::max(time_ns, websocket.answered_ns);
}

int client_direction(const WebSocket& websocket) {
  return has(websocket, WSBPF_WEBSOCKET_IS_CLIENT) ? WSBPF_OUT : WSBPF_IN;
}

// The record that was written for a Close frame has its very time.
void take_closes(WebSocket& websocket, const wsbpf_websocket& record,
                 const wsbpf_websocket_state& before) {
  const auto is_new = [&](int direction) {
    return before.directions[direction].close_code == 0 &&
           record.state.directions[direction].close_code != 0;
  };
  const bool is_exact = record.news & WSBPF_NEWS_CLOSE && is_new(WSBPF_IN) != is_new(WSBPF_OUT);
  for (const int direction : {WSBPF_IN, WSBPF_OUT}) {
    if (!is_new(direction) || websocket.close_ns[direction] != 0) continue;
    // Other frames may have followed where the record of this one was lost.
    const uint32_t frame_ms = record.state.directions[direction].frame_ms;
    websocket.close_ns[direction] =
        not_before_answer(websocket, is_exact ? record.header.time_ns
                                              : time_from_ms(frame_ms, record.header.time_ns));
  }
  const auto first = first_close(websocket);
  if (first && has_closed_both_ways(websocket)) {
    uint64_t& second_ns = websocket.close_ns[1 - *first];
    second_ns = std::max(second_ns, websocket.close_ns[*first]);
  }
}

}  // namespace

void take_websocket(WebSocket& websocket, const wsbpf_websocket& record) {
  const wsbpf_websocket_state before = websocket.state;
  const uint64_t now_ns = record.header.time_ns;
  websocket.state = record.state;
  websocket.read_ns = now_ns;
  if (record.news & (WSBPF_NEWS_ENDED | WSBPF_NEWS_SWEPT)) {
    std::copy(std::begin(record.behind), std::end(record.behind), websocket.behind.begin());
  }
  if (record.news & WSBPF_NEWS_ENDED) websocket.ended = true;
  if (record.news & WSBPF_NEWS_ANSWER) {
    const int client = client_direction(websocket);
    websocket.requested_ns = 0;
    websocket.answered_ns = now_ns;
    if (has(websocket, WSBPF_WEBSOCKET_REQUEST)) {
      websocket.requested_ns = time_from_ms(record.state.directions[client].frame_ms, now_ns);
    }
  } else if (websocket.requested_ns == 0 && has(websocket, WSBPF_WEBSOCKET_REQUEST) &&
             upgrade_status(websocket) == 0) {
    websocket.requested_ns =
        time_from_ms(record.state.directions[client_direction(websocket)].frame_ms, now_ns);
  }
  take_closes(websocket, record, before);
  for (int direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
    if (record.state.ping_us[direction] != before.ping_us[direction]) {
      const auto ago_us = static_cast<uint32_t>(now_ns / 1'000) - record.state.ping_us[direction];
      websocket.ping_ns[direction] =
          ago_us > UINT32_MAX / 2 ? now_ns : now_ns - std::min(now_ns, ago_us * uint64_t{1'000});
    }
  }
  if (record.news & WSBPF_NEWS_PONG) {
    websocket.rtt_us[has(websocket, WSBPF_WEBSOCKET_PING_IN) ? WSBPF_IN : WSBPF_OUT] =
        record.state.rtt_us;
  }
}

bool is_open_websocket(const WebSocket& websocket) {
  return upgrade_status(websocket) == 101 || has(websocket, WSBPF_WEBSOCKET_PROVEN);
}

bool is_desynced(const WebSocket& websocket) {
  return std::any_of(std::begin(websocket.state.directions), std::end(websocket.state.directions),
                     [](const wsbpf_websocket_direction& direction) {
                       return reading_of(direction) == WSBPF_READING_LOST ||
                              reading_of(direction) == WSBPF_READING_REGAINED;
                     });
}

bool is_in_step(const WebSocket& websocket, int direction) {
  return reading_of(websocket.state.directions[direction]) == WSBPF_READING_FRAMES;
}

bool is_read_to_the_end(const WebSocket& websocket) {
  // Before the end, `behind` is as old as the last sweep.
  if (!websocket.ended || websocket.state.missed_bytes > 0) return false;
  for (int direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
    if (!is_in_step(websocket, direction)) return false;
    if (websocket.behind[direction] != 0) return false;
  }
  return true;
}

uint16_t upgrade_status(const WebSocket& websocket) {
  return static_cast<uint16_t>(websocket.state.bits & WSBPF_WEBSOCKET_STATUS);
}

bool is_upgrade_stripped(const WebSocket& websocket) {
  return has(websocket, WSBPF_WEBSOCKET_KEY) &&
         (!has(websocket, WSBPF_WEBSOCKET_UPGRADE) || has(websocket, WSBPF_WEBSOCKET_HTTP_1_0));
}

bool is_upgrade_refused(const WebSocket& websocket) {
  const uint16_t status = upgrade_status(websocket);
  return has(websocket, WSBPF_WEBSOCKET_REQUEST) && !is_open_websocket(websocket) && status != 0;
}

bool is_upgrade_unanswered(const WebSocket& websocket, uint64_t server_bytes) {
  if (!has(websocket, WSBPF_WEBSOCKET_REQUEST) || is_open_websocket(websocket)) return false;
  const int server = client_direction(websocket) == WSBPF_IN ? WSBPF_OUT : WSBPF_IN;
  // Part of a head is no answer yet.
  const int reading = reading_of(websocket.state.directions[server]);
  if (upgrade_status(websocket) != 0) return false;
  if (reading == WSBPF_READING_HEAD) return websocket.behind[server] == 0;
  // Before there is a head, what passed in that direction is not counted here.
  return reading == WSBPF_READING_NOTHING && server_bytes == 0;
}

bool is_websocket_client(const WebSocket& websocket) {
  return has(websocket, WSBPF_WEBSOCKET_IS_CLIENT);
}

bool is_websocket(const WebSocket& websocket) {
  return has(websocket, WSBPF_WEBSOCKET_REQUEST) || is_open_websocket(websocket);
}

Phase phase_of(const Connection& connection, const WebSocket* websocket) {
  const bool over = connection.state == TcpState::kClose;
  if (websocket == nullptr) {
    return connection.age_source == AgeSource::kExact ? Phase::kNoRequest : Phase::kUnknown;
  }
  if (is_open_websocket(*websocket)) {
    if (over) return Phase::kEnded;
    const bool closes = connection.state != TcpState::kEstablished || has_close(*websocket);
    return closes ? Phase::kClosing : Phase::kOpen;
  }
  if (upgrade_status(*websocket) != 0) return Phase::kRejected;
  if (has(*websocket, WSBPF_WEBSOCKET_REQUEST)) return over ? Phase::kRejected : Phase::kUpgrading;
  return connection.age_source == AgeSource::kExact ? Phase::kNoRequest : Phase::kUnknown;
}

Unread unread_of(const Connection& connection, const WebSocket* websocket) {
  if (websocket == nullptr) return connection.websocket_unread;
  const Phase phase = phase_of(connection, websocket);
  if (phase == Phase::kNoRequest || phase == Phase::kUnknown) return connection.websocket_unread;
  return is_desynced(*websocket) ? Unread::kDesynced : Unread::kNo;
}

bool has_close(const WebSocket& websocket) {
  return websocket.state.directions[WSBPF_IN].close_code != 0 ||
         websocket.state.directions[WSBPF_OUT].close_code != 0;
}

std::optional<int> first_close(const WebSocket& websocket) {
  if (has(websocket, WSBPF_WEBSOCKET_CLOSE_FIRST_IN)) return WSBPF_IN;
  if (has(websocket, WSBPF_WEBSOCKET_CLOSE_FIRST_OUT)) return WSBPF_OUT;
  return std::nullopt;
}

std::optional<int> telling_close(const WebSocket& websocket) {
  if (const auto first = first_close(websocket)) return first;
  for (const int direction : {WSBPF_IN, WSBPF_OUT}) {
    if (websocket.state.directions[direction].close_code != 0) return direction;
  }
  return std::nullopt;
}

bool has_closed_both_ways(const WebSocket& websocket) {
  return websocket.state.directions[WSBPF_IN].close_code != 0 &&
         websocket.state.directions[WSBPF_OUT].close_code != 0;
}

uint64_t unanswered_ping_ns(const WebSocket& websocket, int direction) {
  const bool waits = websocket.state.ping_tag[direction] != 0;
  return waits && is_in_step(websocket, 1 - direction) ? websocket.ping_ns[direction] : 0;
}

std::optional<uint16_t> close_code(const WebSocket& websocket) {
  constexpr uint16_t kNoCloseFrame = 1006;  // RFC 6455 section 7.1.5
  if (const auto direction = telling_close(websocket)) {
    return websocket.state.directions[*direction].close_code;
  }
  const bool abnormal = is_open_websocket(websocket) && is_read_to_the_end(websocket);
  return abnormal ? std::optional(kNoCloseFrame) : std::nullopt;
}

uint64_t message_bytes(const WebSocket& websocket, int direction) {
  const wsbpf_websocket_direction& from = websocket.state.directions[direction];
  return from.message_bytes - pending_of(from).bytes;
}

uint32_t messages(const WebSocket& websocket, int direction) {
  const wsbpf_websocket_direction& from = websocket.state.directions[direction];
  return from.messages - (pending_of(from).message ? 1 : 0);
}

bool counts_are_least(const WebSocket& websocket) {
  return has(websocket, WSBPF_WEBSOCKET_PROVEN) || websocket.state.missed_bytes > 0 ||
         is_desynced(websocket);
}

uint32_t violations(const WebSocket& websocket) {
  return uint32_t{websocket.state.directions[WSBPF_IN].violations} +
         websocket.state.directions[WSBPF_OUT].violations;
}

uint64_t last_message_ns(const WebSocket& websocket, int direction) {
  const wsbpf_websocket_direction& from = websocket.state.directions[direction];
  if (from.message_ms == 0) return 0;
  const uint64_t began_ns =
      not_before_answer(websocket, time_from_ms(from.message_ms, websocket.read_ns));
  const uint64_t close_ns = websocket.close_ns[direction];
  return close_ns != 0 ? std::min(began_ns, close_ns) : began_ns;
}

std::vector<uint32_t> message_gaps_ms(const WebSocket& websocket, int direction) {
  const wsbpf_websocket_direction& from = websocket.state.directions[direction];
  std::vector<uint32_t> gaps;
  if (from.message_ms == 0) return gaps;
  for (unsigned i = 0; i < WSBPF_GAPS; ++i) {
    const uint16_t gap = from.gaps[((from.slots >> 2) + i) % WSBPF_GAPS];
    if (gap != 0) gaps.push_back(wsbpf_gap_ms(gap));
  }
  return gaps;
}

std::optional<uint32_t> last_message_gap_ms(const WebSocket& websocket, int direction) {
  const wsbpf_websocket_direction& from = websocket.state.directions[direction];
  if (from.message_ms == 0) return std::nullopt;
  for (unsigned back = 1; back <= WSBPF_GAPS; ++back) {
    const uint16_t gap = from.gaps[((from.slots >> 2) - back) % WSBPF_GAPS];
    if (gap != 0) return wsbpf_gap_ms(gap);
  }
  return std::nullopt;
}

std::string_view opcode_name(uint8_t opcode) {
  // RFC 6455 section 11.8
  constexpr std::array<std::string_view, 16> kNames = {
      "continuation", "text",         "binary",       "reserved 0x3",
      "reserved 0x4", "reserved 0x5", "reserved 0x6", "reserved 0x7",
      "close",        "ping",         "pong",         "reserved 0xb",
      "reserved 0xc", "reserved 0xd", "reserved 0xe", "reserved 0xf"};
  return kNames[opcode & 0xf];
}

namespace {

// Of one direction, oldest first.
std::vector<Frame> frames_of(const WebSocket& websocket, int direction) {
  std::vector<Frame> frames;
  const wsbpf_websocket_direction& from = websocket.state.directions[direction];
  if (reading_of(from) < WSBPF_READING_FRAMES) return frames;
  uint64_t time_ns = time_from_ms(from.frame_ms, websocket.read_ns);
  for (unsigned back = 1; back <= WSBPF_FRAMES_KEPT; ++back) {
    const unsigned slot = (from.slots - back) % WSBPF_FRAMES_KEPT;
    const uint32_t frame = from.frames[slot];
    if ((frame & WSBPF_FRAME_SEEN) == 0) break;
    frames.push_back({not_before_answer(websocket, time_ns), direction,
                      static_cast<uint8_t>(frame >> WSBPF_FRAME_OPCODE_SHIFT & 0xf),
                      (frame & WSBPF_FRAME_FINAL) != 0, frame & WSBPF_FRAME_LENGTH});
    time_ns -= std::min(time_ns, wsbpf_gap_ms(from.frame_gaps[slot]) * kNsPerMs);
  }
  std::reverse(frames.begin(), frames.end());
  return frames;
}

// Of a server's and a client's frame of the same tick: was the server's first? A pong follows its
// ping, and a Close the first one; else what the client sent is taken for what was answered.
bool is_servers_first(const WebSocket& websocket, const Frame& server, const Frame& client) {
  constexpr uint8_t kClose = 8;
  constexpr uint8_t kPing = 9;
  constexpr uint8_t kPong = 10;
  if (server.opcode == kClose && client.opcode == kClose) {
    return first_close(websocket) == server.direction;
  }
  return server.opcode == kPing && client.opcode == kPong;
}

}  // namespace

std::vector<Frame> last_frames(const WebSocket& websocket) {
  const int client_at = client_direction(websocket);
  const auto clients = frames_of(websocket, client_at);
  const auto servers = frames_of(websocket, 1 - client_at);
  std::vector<Frame> frames;
  std::merge(clients.begin(), clients.end(), servers.begin(), servers.end(),
             std::back_inserter(frames), [&](const Frame& server, const Frame& client) {
               if (server.time_ns != client.time_ns) return server.time_ns < client.time_ns;
               return is_servers_first(websocket, server, client);
             });
  return frames;
}

}  // namespace wsbpf
