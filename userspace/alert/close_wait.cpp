#include "alert/close_wait.h"

#include <fmt/format.h>

#include <algorithm>

namespace wsbpf {
namespace {

constexpr uint64_t kMinute_ns = 60ull * 1'000'000'000;
constexpr size_t kGrowingMinutes = 5;
constexpr uint32_t kCriticalFactor = 10;

std::string summary_text(const ListenerSummary& listener, uint32_t count) {
  std::string text = fmt::format("{} connections in CLOSE_WAIT on port {}, owned by {}", count,
                                 listener.key.port, owners_text(listener));
  if (count == 0) return text;
  text += fmt::format(
      ", the oldest for {}{:.0f} s: their peers have closed and the application has not",
      listener.oldest_is_lower_bound ? "at least " : "", listener.oldest_close_wait_seconds);
  return text;
}

}  // namespace

std::vector<Finding> CloseWaitRule::evaluate(uint64_t now_ns,
                                             const std::vector<ListenerSummary>& listeners,
                                             const CloseWaitSettings& settings) {
  std::vector<Finding> findings;
  std::map<ListenerKey, std::deque<Sample>> still_there;
  for (const ListenerSummary& listener : listeners) {
    if (listener.key.role != Role::kServer) continue;
    const uint32_t in_close_wait = listener.states[static_cast<size_t>(TcpState::kCloseWait)];
    const uint32_t stuck = listener.close_wait_stuck;
    const bool growing = is_growing(listener.key, now_ns, stuck);
    still_there.insert(by_minute_.extract(listener.key));

    Finding finding;
    finding.alert = kCloseWaitAccumulation;
    finding.listener = listener.key;
    finding.comm = listener.comm;
    finding.place = listener.place;
    finding.value = stuck;
    finding.threshold = settings.threshold;
    if (stuck > settings.threshold) {
      finding.level = Finding::Level::kFiring;
    } else if (in_close_wait > settings.threshold) {
      finding.level = Finding::Level::kPending;
    }
    const uint64_t many = std::max<uint64_t>(settings.threshold, 1) * kCriticalFactor;
    const bool critical = stuck >= many || growing;
    finding.severity = critical ? Severity::kCritical : Severity::kWarning;
    finding.summary =
        summary_text(listener, finding.level == Finding::Level::kFiring ? stuck : in_close_wait);
    findings.push_back(std::move(finding));
  }
  by_minute_ = std::move(still_there);  // forgets listeners that are gone
  return findings;
}

bool CloseWaitRule::is_growing(const ListenerKey& key, uint64_t now_ns, uint32_t stuck) {
  std::deque<Sample>& samples = by_minute_[key];
  if (samples.empty() || now_ns - samples.back().time_ns >= kMinute_ns) {
    samples.push_back({now_ns, stuck});
    if (samples.size() > kGrowingMinutes + 1) samples.pop_front();
  }
  if (samples.size() <= kGrowingMinutes) return false;
  for (size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].stuck <= samples[i - 1].stuck) return false;
  }
  return true;
}

}  // namespace wsbpf
