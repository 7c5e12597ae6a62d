// `/api/explain`: one connection, living or ended a while ago, explained.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "serve/journal.h"
#include "serve/observed.h"

namespace wsbpf {

struct ConnectionId {
  uint64_t cookie = 0;
  uint32_t generation = 0;

  bool operator==(const ConnectionId&) const = default;
};

// Reads "6699", "6699.1", and the cookie in hexadecimal as "0x1a2b" or, as `ss -e` prints it,
// "sk:1a2b". Returns nothing for anything else.
std::optional<ConnectionId> parse_connection_id(std::string_view text);

// Returns nothing for a connection that is not known (any more).
std::optional<nlohmann::ordered_json> explanation_json(ConnectionId id, const Observed& observed,
                                                       const Journal& journal, bool redact_peers);

}  // namespace wsbpf
