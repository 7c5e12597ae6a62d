// What the kernel programs read of a WebSocket (RFC 6455), and what follows from it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/connection.h"
#include "wsbpf_events.h"

namespace wsbpf {

// The phase machine: none → upgrading → open → closing → ended, or → rejected.
enum class Phase : uint8_t {
  kNoRequest,  // no request for a WebSocket has been seen
  kUpgrading,  // one has, without its answer
  kOpen,       // it was answered 101, or frames have proven themselves to be such
  kClosing,    // a Close frame or a FIN has been seen, either way
  kEnded,
  kRejected,  // the request was answered otherwise, or never
  kUnknown,   // it began before we looked, and has not proven itself to be one
};

inline constexpr std::array<std::string_view, 7> kPhaseNames = {
    "none", "upgrading", "open", "closing", "ended", "rejected", "unknown"};

constexpr std::string_view phase_name(Phase phase) {
  return kPhaseNames[static_cast<size_t>(phase)];
}

// What is known of one WebSocket. Times are nanoseconds of CLOCK_BOOTTIME; 0: it has not happened,
// or was not seen.
struct WebSocket {
  wsbpf_websocket_state state{};  // as the kernel had it at read_ns
  uint64_t read_ns = 0;
  uint64_t requested_ns = 0;
  uint64_t answered_ns = 0;
  std::array<uint64_t, WSBPF_DIRECTIONS> close_ns{};  // the first Close frame of a direction
  std::array<uint64_t, WSBPF_DIRECTIONS> ping_ns{};   // the last ping of a direction
  std::array<uint32_t, WSBPF_DIRECTIONS> rtt_us{};    // of the last that was answered; 0: none was
  std::array<uint32_t, WSBPF_DIRECTIONS> behind{};    // bytes that passed and were not read
  bool ended = false;                                 // the connection is in CLOSE
};

// Takes over what a record says. Records may come late, but of one socket they come in order.
void take_websocket(WebSocket& websocket, const wsbpf_websocket& record);

// Was it answered 101, or has it proven itself?
bool is_open_websocket(const WebSocket& websocket);

// Out of step with the frames, in one direction at least.
bool is_desynced(const WebSocket& websocket);

// In step with the frames of a direction, so that none of them goes unseen.
bool is_in_step(const WebSocket& websocket, int direction);

// The connection has ended, and both directions were followed in step to their last byte.
bool is_read_to_the_end(const WebSocket& websocket);

// The response's status; 0: there was none.
uint16_t upgrade_status(const WebSocket& websocket);

// The request had a Sec-WebSocket-Key, and no `Upgrade: websocket`, or came as HTTP/1.0: a proxy on
// the way has not passed the upgrade.
bool is_upgrade_stripped(const WebSocket& websocket);

// A request for a WebSocket was seen, and answered otherwise than by 101.
bool is_upgrade_refused(const WebSocket& websocket);

// One was seen, and nothing was sent after it that would be its answer, read or not.
// `server_bytes`: what the end that was asked has sent in the connection's life.
bool is_upgrade_unanswered(const WebSocket& websocket, uint64_t server_bytes);

// Our end sent the request.
bool is_websocket_client(const WebSocket& websocket);

// Is anything known of it that is a WebSocket's: a request for one, or its frames?
bool is_websocket(const WebSocket& websocket);

// Of a connection; nullptr: nothing was read of it.
Phase phase_of(const Connection& connection, const WebSocket* websocket);

// Why `phase_of()` and the counts are not to be had, or not the whole truth.
Unread unread_of(const Connection& connection, const WebSocket* websocket);

// A Close frame has been seen, either way.
bool has_close(const WebSocket& websocket);

// The direction of the first Close frame, WSBPF_IN or WSBPF_OUT. Nothing: there was none, or the
// other direction was not in step when it was seen, so that one may have been before it.
std::optional<int> first_close(const WebSocket& websocket);

// That of the Close frame that tells why the WebSocket was closed: the first, or the only one that
// was seen; where both were, and not which was first, the peer's.
std::optional<int> telling_close(const WebSocket& websocket);

// Both ends have sent a Close frame.
bool has_closed_both_ways(const WebSocket& websocket);

// The time of the last ping of a direction that still waits for its pong; 0: none does, or the
// pong may have gone unseen.
uint64_t unanswered_ping_ns(const WebSocket& websocket, int direction);

// The code of the telling Close frame, 1005 where it bore none; 1006 where the connection ended
// without one, and was read to its last byte. Else nothing.
std::optional<uint16_t> close_code(const WebSocket& websocket);

// What has arrived, or was sent, of the messages of a direction: the kernel counts a frame as its
// header passes, and what that announces may take long to come, or never do.
uint64_t message_bytes(const WebSocket& websocket, int direction);

// Those that are whole.
uint32_t messages(const WebSocket& websocket, int direction);

// There may have been more than was counted: its beginning, or a part of it, was not read.
bool counts_are_least(const WebSocket& websocket);

// Violations of RFC 6455 in both directions.
uint32_t violations(const WebSocket& websocket);

// When the last message of a direction began; 0: there was none. The kernel takes such times from
// its tick, up to 10 ms too early: they are held between the handshake's and the Close frame's.
uint64_t last_message_ns(const WebSocket& websocket, int direction);

// From message to message, in milliseconds, oldest first; at most eight. Messages of the same
// millisecond are one.
std::vector<uint32_t> message_gaps_ms(const WebSocket& websocket, int direction);

// The last of them; nothing: there was none.
std::optional<uint32_t> last_message_gap_ms(const WebSocket& websocket, int direction);

struct Frame {
  uint64_t time_ns = 0;
  int direction = 0;
  uint8_t opcode = 0;
  bool final = false;
  uint32_t length = 0;  // WSBPF_FRAME_LENGTH: or more
};

// "text", "binary", "close", …; "reserved 0x3" for others.
std::string_view opcode_name(uint8_t opcode);

// The last frames of both directions in the order of their times; at most four of each.
std::vector<Frame> last_frames(const WebSocket& websocket);

}  // namespace wsbpf
