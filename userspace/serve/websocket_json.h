// What is known of WebSockets, as JSON. Names and meanings are pinned: docs/api.md.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/listener.h"
#include "core/websocket.h"

namespace wsbpf {

// Appends a connection's `websocket` and `websocket_unread`, with a comma before each. `websocket`
// is nullptr where nothing was read of it.
void append_websocket(fmt::memory_buffer& out, const Connection& connection,
                      const WebSocket* websocket, uint64_t now_ns);

// Of a listener; `reading`: packets are read, else all but the connections that are not is unknown.
nlohmann::ordered_json websockets_json(const ListenerSummary& summary,
                                       const WebSocketTotals& totals, bool reading);

}  // namespace wsbpf
