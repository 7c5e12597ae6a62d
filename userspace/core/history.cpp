#include "core/history.h"

#include <algorithm>

namespace wsbpf {
namespace {

HistorySample sample_of(const ListenerSummary& listener) {
  return {listener.connections(), listener.states[static_cast<size_t>(TcpState::kCloseWait)],
          listener.close_wait_stuck};
}

void raise(HistorySample& sample, const HistorySample& other) {
  sample.connections = std::max(sample.connections, other.connections);
  sample.close_wait = std::max(sample.close_wait, other.close_wait);
  sample.close_wait_stuck = std::max(sample.close_wait_stuck, other.close_wait_stuck);
}

}  // namespace

void History::note(uint64_t now_ns, const std::vector<ListenerSummary>& listeners) {
  now_ns_ = now_ns;
  for (const ListenerSummary& listener : listeners) {
    Rings& rings = listeners_[listener.key];
    rings.noted_ns = now_ns;
    for (size_t span = 0; span < kHistorySpans.size(); ++span) {
      const auto [step_ns, steps] = kHistorySpans[span];
      Ring& ring = rings.of_span[span];
      if (ring.empty()) ring.resize(steps);
      const uint64_t step = now_ns / step_ns;
      Slot& slot = ring[step % steps];
      if (slot.step != step) slot = {step, {}};
      raise(slot.sample, sample_of(listener));
    }
  }
  std::erase_if(listeners_,
                [now_ns](const auto& entry) { return entry.second.noted_ns != now_ns; });
}

std::vector<std::optional<HistorySample>> History::of(const ListenerKey& key, size_t span) const {
  const auto [step_ns, steps] = kHistorySpans[span];
  std::vector<std::optional<HistorySample>> samples(steps);
  const auto known = listeners_.find(key);
  if (known == listeners_.end()) return samples;
  const Ring& ring = known->second.of_span[span];
  const uint64_t newest = now_ns_ / step_ns;
  for (size_t i = 0; i < steps; ++i) {
    const uint64_t ago = steps - 1 - i;
    if (ago >= newest) continue;  // before the machine's start
    const Slot& slot = ring[(newest - ago) % steps];
    if (slot.step == newest - ago) samples[i] = slot.sample;
  }
  return samples;
}

uint64_t History::end_ns(size_t span) const {
  const uint64_t step_ns = kHistorySpans[span].step_ns;
  return (now_ns_ / step_ns + 1) * step_ns;
}

}  // namespace wsbpf
