// A listener: all sockets that listen on one port of a network namespace, and the connections they
// accepted; for the client role, all connections to one remote port.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/connection.h"
#include "core/histogram.h"
#include "core/verdict.h"
#include "core/websocket.h"

namespace wsbpf {

struct ListenerKey {
  uint32_t netns = 0;
  uint16_t port = 0;
  Role role{};

  auto operator<=>(const ListenerKey&) const = default;
};

using StateCounts = std::array<uint32_t, kTcpStateSlots>;  // by the kernel's number of the state

// A reset's direction ("sent", "received") and the kernel's number for its reason (-1: none).
using ResetKey = std::pair<uint8_t, int32_t>;

using DisconnectKey = std::pair<Verdict, Initiator>;

// What became of requests for a WebSocket: the status of the answer, or one of these.
using UpgradeStatus = uint16_t;
inline constexpr UpgradeStatus kUpgradeUnanswered = 0;  // it ended without an answer
inline constexpr UpgradeStatus kUpgradeTimedOut = 1;    // after having waited for ten seconds

// The first Close frame's code and who it came from; code 0: there was none, and it is not certain
// that there was none.
using CloseCodeKey = std::pair<uint16_t, Initiator>;

// Of the listener's WebSockets, counted as they are read.
struct WebSocketTotals {
  std::map<UpgradeStatus, uint64_t> upgrades;
  uint64_t stripped_upgrades = 0;  // requests that a proxy has not passed whole
  std::array<uint64_t, WSBPF_DIRECTIONS> messages{};
  std::array<uint64_t, WSBPF_DIRECTIONS> message_bytes{};
  std::map<CloseCodeKey, uint64_t> close_codes;
  uint64_t violations = 0;
  uint64_t missed_bytes = 0;
  PingHistogram ping_rtt;
};

using PhaseCounts = std::array<uint32_t, kPhaseNames.size()>;
using UnreadCounts = std::array<uint32_t, kUnreadNames.size()>;  // slot 0: those that are read
using RaceCounts = std::array<uint64_t, kRaceNames.size()>;

// Connections by how they are half-open; slot 0 counts those that are not.
using HalfOpenCounts = std::array<uint32_t, kHalfOpenNames.size()>;

// Request sockets (SYN_RECV) and timewait sockets, which no event tells of.
struct Minisocks {
  StateCounts states{};
  uint32_t stuck_handshakes = 0;  // request sockets whose SYN+ACK had to be sent again
};

// What the table keeps of a listener: what cannot be counted from its sockets.
struct Listener {
  ListenerKey key;
  uint64_t last_used_ns = 0;
  std::string comm;  // of the owner, kept after the sockets have gone
  Place place;       // likewise
  uint64_t opened_total = 0;
  uint64_t closed_total = 0;
  uint64_t retransmitted_total = 0;
  uint64_t synacks_retransmitted_total = 0;
  uint64_t accept_drops_total = 0;  // handshakes and connections refused by a full accept queue
  std::map<ResetKey, uint64_t> resets;
  std::map<DisconnectKey, uint64_t> disconnects;
  RaceCounts races{};
  DurationHistogram duration;
  DurationHistogram idle_at_close;
  WebSocketTotals websocket;
  Minisocks minisocks;       // as of the last sweep
  Minisocks next_minisocks;  // those counted by the sweep that is under way
};

// One socket in LISTEN.
struct ListenSocket {
  uint64_t cookie = 0;
  uint64_t last_event_ns = 0;
  uint32_t listener = kNone;
  uint32_t backlog = 0;        // connections waiting for accept()
  uint32_t backlog_limit = 0;  // 0: not read yet
  uint32_t drops = 0;          // the kernel's sk_drops when it was last read
  bool drops_known = false;
  uint32_t sweep_mark = 0;
  std::vector<uint32_t> owners;       // indexes of processes
  std::vector<uint32_t> next_owners;  // those found by the pass that is under way
};

// A listener at one moment, with everything that a reader may ask of it.
struct ListenerSummary {
  uint32_t index = kNone;  // the table's listener
  ListenerKey key;
  std::string comm;
  Place place;  // of the first owner, also when it is gone
  std::vector<Process> owners;
  bool listening = false;
  StateCounts states{};
  std::array<double, kTcpStateSlots> state_age_max_seconds{};
  uint32_t close_wait_stuck = 0;          // each in CLOSE_WAIT for at least the time asked for
  double oldest_close_wait_seconds = -1;  // -1: none
  bool oldest_is_lower_bound = false;     // it was in CLOSE_WAIT when we first looked
  HalfOpenCounts half_open{};
  PhaseCounts phases{};
  UnreadCounts unread{};
  uint32_t half_open_stuck = 0;   // unacked or probing, and each unheard of for 15 s
  uint32_t stuck_handshakes = 0;  // in SYN_RECV, with the SYN+ACK sent more than once
  uint32_t accept_queue = 0;
  uint32_t accept_queue_limit = 0;
  bool accept_queue_full = false;  // of one socket at least
  uint64_t accept_drops_total = 0;
  uint64_t opened_total = 0;
  uint64_t closed_total = 0;

  uint32_t connections() const {
    uint32_t total = 0;
    for (const uint32_t count : states) total += count;
    return total;
  }

  // It listens, or has connections or timewait sockets; else it is only remembered for a while.
  bool is_live() const { return listening || connections() > 0; }
};

}  // namespace wsbpf
