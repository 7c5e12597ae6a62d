// How each listener's connections were over the last minutes, as a chart shows them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/listener.h"

namespace wsbpf {

struct HistorySample {
  uint32_t connections = 0;
  uint32_t close_wait = 0;
  uint32_t close_wait_stuck = 0;
};

// A span of time in equal steps.
struct HistorySpan {
  uint64_t step_ns = 0;
  size_t steps = 0;
};

inline constexpr std::array<HistorySpan, 2> kHistorySpans = {
    {{1'000'000'000, 60}, {5'000'000'000, 180}}};

class History {
 public:
  // Takes the listeners as they are at `now_ns`, and forgets those that are not among them. Of what
  // falls into one step the greatest is kept.
  void note(uint64_t now_ns, const std::vector<ListenerSummary>& listeners);

  // The steps of kHistorySpans[span] until the one of the last note(), oldest first. Nothing where
  // the listener was not known.
  std::vector<std::optional<HistorySample>> of(const ListenerKey& key, size_t span) const;

  // When the newest step of kHistorySpans[span] ends; CLOCK_BOOTTIME.
  uint64_t end_ns(size_t span) const;

 private:
  // A ring: the sample of step n is in slot n % size.
  struct Slot {
    uint64_t step = 0;  // 0: never used, as the first steps after the machine's start
    HistorySample sample;
  };
  using Ring = std::vector<Slot>;
  struct Rings {
    std::array<Ring, kHistorySpans.size()> of_span;
    uint64_t noted_ns = 0;
  };

  std::map<ListenerKey, Rings> listeners_;
  uint64_t now_ns_ = 0;
};

}  // namespace wsbpf
