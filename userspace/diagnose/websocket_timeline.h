// What happened to a connection's WebSocket, and when.
#pragma once

#include <vector>

#include "diagnose/phrases.h"

namespace wsbpf {

// In no particular order; empty where nothing is known of one.
std::vector<TimelineEntry> websocket_moments(const Case& c);

}  // namespace wsbpf
