// The metrics of WebSockets.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/listener.h"
#include "serve/exposition.h"

namespace wsbpf {

// What is exported of the WebSockets of listeners that share one set of labels.
struct WebSocketGroup {
  bool reading = false;  // packets are read
  PhaseCounts phases{};
  UnreadCounts unread{};
  std::map<std::string, uint64_t> upgrades;                           // by the label
  std::map<std::pair<std::string, Initiator>, uint64_t> close_codes;  // likewise
  std::array<uint64_t, WSBPF_DIRECTIONS> messages{};
  std::array<uint64_t, WSBPF_DIRECTIONS> message_bytes{};
  uint64_t stripped_upgrades = 0;
  uint64_t violations = 0;
  uint64_t missed_bytes = 0;
  PingHistogram ping_rtt;

  void add(const ListenerSummary& summary, const WebSocketTotals& totals, bool is_reading);

  // There are any, or were: else there is nothing to count.
  bool has_websockets() const;

  // How many series it takes, its histogram included.
  size_t series() const;
};

struct LabelledWebSockets {
  Labels labels;
  const WebSocketGroup* group;
};

// All but the histogram.
void add_websockets(Exposition& out, const std::vector<LabelledWebSockets>& groups);

struct LabelledPings {
  Labels labels;
  const PingHistogram* ping_rtt;
};

// Of those that have any.
void add_pings(Exposition& out, const std::vector<LabelledPings>& groups);

}  // namespace wsbpf
