// Why a connection ended: one verdict from the evidence that was gathered on the way.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/tcp_state.h"
#include "core/websocket.h"
#include "wsbpf_events.h"

namespace wsbpf {

// In the order in which they are tried: the first that fits is given. Those that need more than one
// connection tells are not here yet.
enum class Verdict : uint8_t {
  kSocketDestroyed,
  kProcessExit,
  kUnreachable,
  kMtuBlackhole,
  kKeepaliveTimeout,
  kUserTimeout,
  kNatExpired,
  kPeerVanished,
  kUpgradeFailed,
  kSlowConsumer,
  kServerStall,
  kCloseWaitLeak,
  kUnreadDataReset,
  kDataAfterClose,
  kResetAfterFin,
  kSimultaneousClose,
  kLocalAbort,
  kClean,
  kPeerReset,
  kLocalClose,
  kRemoteClose,
  kUnknown,
};

inline constexpr std::array<std::string_view, 22> kVerdictNames = {
    "socket_destroyed",  "process_exit",
    "unreachable",       "mtu_blackhole",
    "keepalive_timeout", "user_timeout",
    "nat_expired",       "peer_vanished",
    "upgrade_failed",    "slow_consumer",
    "server_stall",      "close_wait_leak",
    "unread_data_reset", "data_after_close",
    "reset_after_fin",   "simultaneous_close",
    "local_abort",       "clean",
    "peer_reset",        "local_close",
    "remote_close",      "unknown"};

constexpr std::string_view verdict_name(Verdict verdict) {
  return kVerdictNames[static_cast<size_t>(verdict)];
}

// A FIN and a reset, or two FINs, that crossed or came where they were not expected.
enum class Race : uint8_t {
  kUnreadDataReset,   // close() with data unread: the kernel sends a reset instead of a FIN
  kDataAfterClose,    // data from the peer after our close(), answered by a reset
  kResetAfterFin,     // the peer's FIN, then its reset, before we closed
  kResetDuringClose,  // the peer's reset while our own FIN was under way
  kSimultaneousClose,
  kLateReset,  // a reset for a connection that had ended
};

inline constexpr std::array<std::string_view, 6> kRaceNames = {
    "unread_data_reset",  "data_after_close",   "reset_after_fin",
    "reset_during_close", "simultaneous_close", "late_reset"};

constexpr std::string_view race_name(Race race) { return kRaceNames[static_cast<size_t>(race)]; }

// Who sent the first Close frame if one was seen, else the first FIN or reset; the kernel where a
// timer or ICMP ended it.
enum class Initiator : uint8_t { kLocal, kRemote, kKernel, kUnknown };

inline constexpr std::array<std::string_view, 4> kInitiatorNames = {"local", "remote", "kernel",
                                                                    "unknown"};

constexpr std::string_view initiator_name(Initiator initiator) {
  return kInitiatorNames[static_cast<size_t>(initiator)];
}

enum class Mechanism : uint8_t { kFin, kReset, kTimeout, kDestroyed, kUnknown };

inline constexpr std::array<std::string_view, 5> kMechanismNames = {"fin", "rst", "timeout",
                                                                    "destroyed", "unknown"};

constexpr std::string_view mechanism_name(Mechanism mechanism) {
  return kMechanismNames[static_cast<size_t>(mechanism)];
}

// Segments sent again and again while the peer acknowledged nothing new.
struct RetransmitStreak {
  uint64_t began_ns = 0;           // the first of them; 0: there is no streak
  uint32_t unacked_from = 0;       // the sequence number that was not acknowledged
  uint32_t segments = 0;           // how many were sent again
  uint32_t silence_before_ms = 0;  // nothing was heard for so long before what is sent again
  bool only_full_size = true;      // each was as large as a segment may be
};

// A reset as it was seen.
struct ResetSeen {
  uint64_t time_ns = 0;         // 0: none was
  TcpState state{};             // of the socket at that time
  int32_t reason = -1;          // the kernel's, for one that was sent
  uint32_t answered_bytes = 0;  // what the segment carried that it answers
};

// All that is known of a connection's end. What was captured at a moment that has not come is zero.
struct Evidence {
  RetransmitStreak streak;
  // Leaving ESTABLISHED. CLOSE_WAIT: the peer's FIN came first, FIN_WAIT1: ours did, CLOSE:
  // neither.
  TcpState left_to{};
  uint64_t left_ns = 0;
  wsbpf_counters at_departure{};
  // The call by which our end was closed, where a process made it.
  wsbpf_closer closer{};
  uint64_t own_close_ns = 0;
  uint64_t close_wait_ns = 0;  // how long it had been in CLOSE_WAIT; the least where that is all
  // Entering CLOSE.
  TcpState closed_from{};
  uint64_t closed_ns = 0;
  int32_t error = 0;  // sk_err
  wsbpf_counters at_close{};
  ResetSeen reset_sent;
  ResetSeen reset_received;
  uint64_t data_after_end_ns = 0;      // the peer's data met a timewait socket, within a second
  std::optional<WebSocket> websocket;  // as it was at the entry into CLOSE
  uint32_t longest_silence_ms =
      0;                       // between messages, that the connection is known to have survived
  bool crossed = false;        // both FINs were under way at once (CLOSING)
  bool complete = true;        // no transition is known to have been missed
  bool fd_still_open = false;  // judged before the application closed its descriptor
};

// nullptr: nothing was read of it.
inline const WebSocket* websocket_of(const Evidence& evidence) {
  return evidence.websocket ? &*evidence.websocket : nullptr;
}

struct Judgement {
  Verdict verdict = Verdict::kUnknown;
  Initiator initiator = Initiator::kUnknown;
  Mechanism mechanism = Mechanism::kUnknown;
  std::optional<Race> race;
  double confidence = 0;  // that the verdict is right, as docs/verdicts.md says for each rule
};

// How long a state must have lasted before the end to be its reason.
inline constexpr uint32_t kZeroWindowLimit_ms = 3'000;
inline constexpr uint32_t kStallLimit_ms = 3'000;
inline constexpr uint64_t kCloseWaitLeak_ns = 60ull * 1'000'000'000;

// A silence that a middlebox may have forgotten the connection over. None is known to forget
// sooner; RFC 5382 section 5 asks for two hours, and many use a minute.
inline constexpr uint32_t kLongSilence_ms = 10'000;

Judgement judge(const Evidence& evidence);

// The bytes that the application had not read, without the peer's FIN, which takes one.
uint32_t unread_data(const wsbpf_counters& counters);

// Who began the end by TCP alone, whatever Close frames were seen.
Initiator tcp_initiator(const Evidence& evidence);

// The end that sent the first FIN had sent no Close frame: all that it sent was read, and there was
// none.
bool is_fin_without_close(const Evidence& evidence);

// A Close frame was seen, and then neither end closed TCP in good order: a reset or a timeout ended
// the connection.
bool is_close_without_fin(const Evidence& evidence);

// How a call came to send a reset although everything had been read: "linger" (SO_LINGER 0),
// "listener_closed" (nobody had accepted the connection yet), "disconnect" (connect(AF_UNSPEC)); ""
// where none did.
std::string_view abort_cause(const Evidence& evidence);

// How long nothing had been heard of the peer when that was sent which was then not answered.
uint32_t silence_before_send_ms(const Evidence& evidence);

// Has no process held the socket since it entered CLOSE? Then its destruction has followed at once.
bool is_orphaned(const Evidence& evidence);

// Was a reset reported that may not have been one? Data that meets a socket in FIN_WAIT1 or
// FIN_WAIT2 after close() is reported as a reset received, too, and then answered by one.
bool is_reset_doubtful(const Evidence& evidence);

}  // namespace wsbpf
