// The evidence of WebSockets: of those that have ended, that of their `closed` event.
#pragma once

#include <span>

#include "diagnose/evidence_table.h"

namespace wsbpf {

std::span<const EvidenceRow> ended_websocket_evidence();
std::span<const EvidenceRow> live_websocket_evidence();

}  // namespace wsbpf
