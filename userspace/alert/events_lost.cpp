#include "alert/events_lost.h"

#include <fmt/format.h>

#include <utility>

namespace wsbpf {

Finding EventsLostRule::evaluate(uint64_t now_ns, const std::map<std::string, uint64_t>& lost) {
  Finding finding;
  finding.alert = kEventsLost;
  uint64_t sum = 0;
  std::string reasons;
  for (const auto& [reason, total] : lost) {
    std::deque<Loss>& losses = losses_[reason];
    const uint64_t more = total - std::exchange(totals_[reason], total);
    if (more > 0) losses.push_back({now_ns, more});
    while (!losses.empty() && now_ns - losses.front().time_ns >= kLossHeld_ns) losses.pop_front();

    uint64_t count = 0;
    for (const Loss& loss : losses) count += loss.count;
    if (count == 0) continue;
    sum += count;
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", count, reason);
    const uint64_t forgiven = reason == "unseen" ? kUnseenForgiven : 0;
    if (count > forgiven) finding.level = Finding::Level::kFiring;
  }
  finding.value = static_cast<double>(sum);
  finding.threshold = 0;
  finding.summary = sum == 0 ? "no events were lost in the last 15 minutes"
                             : fmt::format(
                                   "{} events were lost ({}): gauges are repaired from the kernel, "
                                   "verdicts that rest on what was lost are `unknown`",
                                   sum, reasons);
  return finding;
}

}  // namespace wsbpf
