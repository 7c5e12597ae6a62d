// What the kernel told us, as one type. The records of the border header are plain, fixed-width
// data already; there is no second set of structs to keep in step with them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <variant>

#include "wsbpf_events.h"

namespace wsbpf {

using Event = std::variant<wsbpf_opened, wsbpf_state, wsbpf_closed, wsbpf_destroyed,
                           wsbpf_retransmit, wsbpf_reset, wsbpf_left, wsbpf_synack, wsbpf_websocket,
                           wsbpf_unreadable, wsbpf_discovered, wsbpf_socket, wsbpf_minisock>;

// Reads the record at the beginning of `bytes`, which may be longer. Returns nothing for a type
// that is not known, a record that is cut short, or a state or family the kernel does not have.
std::optional<Event> decode(std::span<const std::byte> bytes);

// The number of bytes that a record of this event takes in a stream of records.
size_t encoded_size(const Event& event);

inline const wsbpf_header& header_of(const Event& event) {
  return std::visit([](const auto& record) -> const wsbpf_header& { return record.header; }, event);
}

}  // namespace wsbpf
