// The id by which a person names a connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace wsbpf {

struct ConnectionId {
  uint64_t cookie = 0;
  uint32_t generation = 0;  // counts connect() calls on one socket

  bool operator==(const ConnectionId&) const = default;
};

// Reads "6699", "6699.1", and the cookie in hexadecimal as "0x1a2b" or, as `ss -e` prints it,
// "sk:1a2b". Returns nothing for anything else.
std::optional<ConnectionId> parse_connection_id(std::string_view text);

}  // namespace wsbpf
