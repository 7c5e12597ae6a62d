// The WebSocket's part of the evidence of an end, as JSON.
#pragma once

#include <fmt/format.h>

#include "core/verdict.h"

namespace wsbpf {

// An object, or null where nothing is known of a WebSocket.
void append_websocket_evidence(fmt::memory_buffer& out, const Evidence& evidence);

}  // namespace wsbpf
