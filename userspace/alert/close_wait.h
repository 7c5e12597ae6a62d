// CloseWaitAccumulation: an application that does not close what its peers have left.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "alert/alert.h"
#include "core/listener.h"

namespace wsbpf {

inline constexpr std::string_view kCloseWaitAccumulation = "CloseWaitAccumulation";

struct CloseWaitSettings {
  uint32_t threshold = 50;
  uint64_t for_ns = 3ull * 1'000'000'000;
};

class CloseWaitRule {
 public:
  // One finding for each server listener. Firing: more than `threshold` sockets that have each
  // been in CLOSE_WAIT for `for_ns` (the summaries must have been made with that); critical at ten
  // times the threshold, or when the number has risen in each of the last five minutes. Pending:
  // more than `threshold` are in CLOSE_WAIT, but not each of them for so long yet.
  std::vector<Finding> evaluate(uint64_t now_ns, const std::vector<ListenerSummary>& listeners,
                                const CloseWaitSettings& settings);

 private:
  struct Sample {
    uint64_t time_ns;
    uint32_t stuck;
  };

  bool is_growing(const ListenerKey& key, uint64_t now_ns, uint32_t stuck);

  std::map<ListenerKey, std::deque<Sample>> by_minute_;  // oldest first
};

}  // namespace wsbpf
