#include "alert/events_lost.h"

#include <fmt/format.h>

namespace wsbpf {

Finding EventsLostRule::evaluate(uint64_t now_ns, const std::map<std::string, uint64_t>& lost) {
  const bool was_held = last_loss_ns_ != 0 && now_ns - last_loss_ns_ < kLossHeld_ns;
  if (!was_held) before_ = last_;
  bool more = false;
  for (const auto& [reason, total] : lost) more = more || total > last_[reason];
  last_ = lost;
  if (more) last_loss_ns_ = now_ns;

  Finding finding;
  finding.alert = kEventsLost;
  uint64_t sum = 0;
  std::string reasons;
  for (const auto& [reason, total] : lost) {
    const uint64_t count = total - before_[reason];
    if (count == 0) continue;
    sum += count;
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", count, reason);
  }
  finding.value = static_cast<double>(sum);
  finding.threshold = 0;
  if (more || was_held) {
    finding.level = Finding::Level::kFiring;
    finding.summary = fmt::format(
        "{} events were lost ({}): gauges are repaired from the kernel, verdicts that rest on what "
        "was lost are `unknown`",
        sum, reasons);
  } else {
    finding.summary = "no events were lost in the last 15 minutes";
  }
  return finding;
}

}  // namespace wsbpf
