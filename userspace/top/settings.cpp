#include "top/settings.h"

#include <fmt/format.h>

namespace wsbpf::top {

Result<void> check_delay(double seconds) {
  // Not a number is not in range either.
  if (seconds >= kShortestDelay_seconds && seconds <= kLongestDelay_seconds) return {};
  return fail(fmt::format("the delay must be {}", kDelayRange), ExitCode::kUsage);
}

}  // namespace wsbpf::top
