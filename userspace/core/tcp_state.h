// The kernel's TCP states and their names.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace wsbpf {

// Numbers as in include/net/tcp_states.h.
enum class TcpState : uint8_t {
  kEstablished = 1,
  kSynSent,
  kSynRecv,
  kFinWait1,
  kFinWait2,
  kTimeWait,
  kClose,
  kCloseWait,
  kLastAck,
  kListen,
  kClosing,
};

inline constexpr size_t kTcpStateSlots = 12;  // indexed by the kernel's number; slot 0 is unused

inline constexpr std::array<std::string_view, kTcpStateSlots> kTcpStateNames = {
    "",          "established", "syn_sent",   "syn_recv", "fin_wait1", "fin_wait2",
    "time_wait", "close",       "close_wait", "last_ack", "listen",    "closing"};

// The state's name in JSON, metrics and filters; "" for a number the kernel does not have.
constexpr std::string_view state_name(TcpState state) {
  const auto number = static_cast<size_t>(state);
  return number < kTcpStateSlots ? kTcpStateNames[number] : std::string_view{};
}

}  // namespace wsbpf
