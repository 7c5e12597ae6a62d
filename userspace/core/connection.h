// One TCP connection as the table keeps it: plain data, small because there may be a million.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/address.h"
#include "core/place.h"
#include "core/tcp_state.h"

namespace wsbpf {

// Whoever accepted is the server.
enum class Role : uint8_t { kServer, kClient };

constexpr std::string_view role_name(Role role) {
  return role == Role::kServer ? "server" : "client";
}

// Where a connection's beginning is known from.
enum class AgeSource : uint8_t {
  kExact,       // we saw it open
  kLowerBound,  // it was there when we first looked: it is at least this old
};

constexpr std::string_view age_source_name(AgeSource source) {
  return source == AgeSource::kExact ? "exact" : "lower_bound";
}

inline constexpr uint32_t kNone = UINT32_MAX;  // no index

// Why a connection's WebSocket cannot be read.
enum class Unread : uint8_t {
  kNo,        // it can, or nothing speaks against it
  kTls,       // it is encrypted
  kHttp2,     // it may be one of RFC 8441, among others on the same connection
  kOther,     // what was sent is no request for a WebSocket
  kDesynced,  // segments with headers were missed: what is counted is the least
  kOff,       // nobody reads: --no-websocket, or the kernel does not allow it
};

inline constexpr std::array<std::string_view, 6> kUnreadNames = {"",      "tls",      "http2",
                                                                 "other", "desynced", "off"};

constexpr std::string_view unread_name(Unread unread) {
  return kUnreadNames[static_cast<size_t>(unread)];
}

// It is read, if not all of it.
constexpr bool is_read(Unread unread) {
  return unread == Unread::kNo || unread == Unread::kDesynced;
}

// A connection whose peer may be gone without our end knowing.
enum class HalfOpen : uint8_t {
  kNo,
  kUnacked,  // what was sent is sent again and again, and nothing is heard
  kProbing,  // keepalive or window probes go unanswered
  kSilent,   // nothing is heard, and nothing is sent that would tell: not verifiable
};

inline constexpr std::array<std::string_view, 4> kHalfOpenNames = {"", "unacked", "probing",
                                                                   "silent"};

constexpr std::string_view half_open_name(HalfOpen kind) {
  return kHalfOpenNames[static_cast<size_t>(kind)];
}

// Something waits for the peer's answer, and none comes.
constexpr bool is_unanswered(HalfOpen kind) {
  return kind == HalfOpen::kUnacked || kind == HalfOpen::kProbing;
}

// Times are nanoseconds of CLOCK_BOOTTIME. Counters are as of the last sweep or, once closed, as
// of the entry into CLOSE.
struct Connection {
  uint64_t cookie = 0;  // the kernel's socket cookie, as `ss -e` prints it (in hexadecimal)
  uint64_t opened_ns = 0;
  uint64_t state_since_ns = 0;
  uint64_t sampled_ns = 0;     // when the counters were read
  uint64_t last_event_ns = 0;  // orders events against what a sweep saw
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;  // acknowledged by the peer
  Address local_address{};
  Address remote_address{};
  uint16_t local_port = 0;
  uint16_t remote_port = 0;
  uint32_t generation = 0;  // counts connect() calls on one socket
  uint32_t netns = 0;
  uint32_t listener = kNone;  // index into the table's listeners
  uint32_t owner = kNone;     // index into the table's processes
  uint32_t unread_bytes = 0;
  uint32_t unacked_bytes = 0;   // sent
  uint32_t unsent_bytes = 0;    // written, and not sent yet
  uint32_t zero_window_ms = 0;  // since the peer's closed window was first probed; 0: it is open
  uint32_t retransmits = 0;
  uint32_t srtt_us = 0;             // 0: not measured
  uint32_t idle_ms = 0;             // since data passed, either way
  uint32_t received_ms = 0;         // since data came from the peer
  uint32_t heard_ms = 0;            // since anything was heard of the peer
  uint32_t longest_silence_ms = 0;  // that it is known to have survived; seen by sweeps
  uint32_t evidence = kNone;        // index into the table's evidence of how it ends
  uint32_t websocket = kNone;       // index into the table's WebSockets
  uint32_t sweep_mark = 0;          // the last sweep of sockets that saw it
  uint32_t files_mark = 0;          // the last pass over file descriptors that saw it
  uint8_t family = 0;
  TcpState state{};
  Role role{};
  AgeSource age_source{};
  AgeSource state_age_source{};
  bool owner_confirmed = false;  // a file descriptor or close() has shown it, not the listener
  bool sampled = false;          // the counters have been read
  bool established = false;      // ever; a refused connect() was not
  bool judged = false;           // its verdict has been given
  HalfOpen half_open{};          // as of the last sweep
  Unread websocket_unread{};     // see unread_of()
};

// How long something that had been silent for `silent_ms` when it was last looked at is silent now.
// What had been silent for longer than it has not been looked at is taken to be silent still; what
// was busy, to be busy still.
inline uint64_t silent_ms_at(const Connection& connection, uint32_t silent_ms, uint64_t now_ns) {
  if (connection.state == TcpState::kClose || now_ns < connection.sampled_ns) return silent_ms;
  const uint64_t unseen_ms = (now_ns - connection.sampled_ns) / 1'000'000;
  if (silent_ms < unseen_ms) return silent_ms;
  // The kernel's ticks are coarser than the times of events.
  return std::min(silent_ms + unseen_ms, (now_ns - connection.opened_ns) / 1'000'000);
}

// How long no data has passed, in either direction; what is sent again counts.
inline uint64_t idle_ms_at(const Connection& connection, uint64_t now_ns) {
  return silent_ms_at(connection, connection.idle_ms, now_ns);
}

// How long no data has come from the peer.
inline uint64_t received_ms_at(const Connection& connection, uint64_t now_ns) {
  return silent_ms_at(connection, connection.received_ms, now_ns);
}

// What waits for the peer's acknowledgement, sent or not: the Send-Q of ss(8).
inline uint64_t send_queue_bytes(const Connection& connection) {
  return uint64_t{connection.unacked_bytes} + connection.unsent_bytes;
}

static_assert(sizeof(Connection) < 200, "a million of them must fit");

// "cookie" or, for a socket that connected more than once, "cookie.generation".
inline std::string connection_id(const Connection& connection) {
  std::string id = std::to_string(connection.cookie);
  if (connection.generation > 0) id += '.' + std::to_string(connection.generation);
  return id;
}

// A process as an owner. The start time tells it from a later one with the same pid.
struct Process {
  uint32_t pid = 0;
  uint64_t start_time = 0;  // clock ticks since boot, field 22 of /proc/PID/stat
  std::string comm;         // of the thread-group leader
  Place place = {};
};

}  // namespace wsbpf
