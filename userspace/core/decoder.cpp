#include <sys/socket.h>

#include <cstring>
#include <type_traits>

#include "core/event.h"
#include "core/tcp_state.h"

namespace wsbpf {
namespace {

template <typename Record>
std::optional<Event> read(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(Record)) return std::nullopt;
  Record record;
  std::memcpy(&record, bytes.data(), sizeof(Record));
  const bool known_family = record.header.family == AF_INET || record.header.family == AF_INET6;
  // Resets may find a request socket: TCP_NEW_SYN_RECV, one past the states that have names.
  constexpr size_t kLastState =
      std::is_same_v<Record, wsbpf_reset> ? kTcpStateSlots : kTcpStateSlots - 1;
  const bool known_state = record.header.state != 0 && record.header.state <= kLastState;
  if (!known_family || !known_state) return std::nullopt;
  return record;
}

}  // namespace

std::optional<Event> decode(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(wsbpf_header)) return std::nullopt;
  switch (static_cast<uint8_t>(bytes[0])) {
    case WSBPF_RECORD_OPENED:
      return read<wsbpf_opened>(bytes);
    case WSBPF_RECORD_STATE:
      return read<wsbpf_state>(bytes);
    case WSBPF_RECORD_CLOSED:
      return read<wsbpf_closed>(bytes);
    case WSBPF_RECORD_DESTROYED:
      return read<wsbpf_destroyed>(bytes);
    case WSBPF_RECORD_RETRANSMIT:
      return read<wsbpf_retransmit>(bytes);
    case WSBPF_RECORD_RESET:
      return read<wsbpf_reset>(bytes);
    case WSBPF_RECORD_SOCKET:
      return read<wsbpf_socket>(bytes);
    case WSBPF_RECORD_LEFT:
      return read<wsbpf_left>(bytes);
    case WSBPF_RECORD_SYNACK:
      return read<wsbpf_synack>(bytes);
    case WSBPF_RECORD_WEBSOCKET:
      return read<wsbpf_websocket>(bytes);
    case WSBPF_RECORD_UNREADABLE:
      return read<wsbpf_unreadable>(bytes);
    case WSBPF_RECORD_DISCOVERED:
      return read<wsbpf_discovered>(bytes);
    case WSBPF_RECORD_MINISOCK:
      return read<wsbpf_minisock>(bytes);
    default:
      return std::nullopt;
  }
}

size_t encoded_size(const Event& event) {
  return std::visit([](const auto& record) { return sizeof(record); }, event);
}

}  // namespace wsbpf
