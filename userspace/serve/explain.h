// `/api/explain`: one connection, living or ended a while ago, explained.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "core/connection_id.h"
#include "serve/journal.h"
#include "serve/observed.h"

namespace wsbpf {

// Returns nothing for a connection that is not known (any more).
std::optional<nlohmann::ordered_json> explanation_json(ConnectionId id, const Observed& observed,
                                                       const Journal& journal, bool redact_peers);

}  // namespace wsbpf
