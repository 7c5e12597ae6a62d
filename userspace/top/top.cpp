#include "top/top.h"

#include <exception>

#include "top/batch.h"
#include "top/live.h"
#include "top/terminal.h"

namespace wsbpf::top {
namespace {

constexpr double kShortestDelay_seconds = 0.1;
constexpr double kLongestDelay_seconds = 24 * 3600.0;

}  // namespace

Result<void> run(const Settings& settings) {
  const auto sort = parse_sort(settings.sort);
  if (!sort) return tl::unexpected(sort.error());
  const bool delay_in_range = settings.delay_seconds >= kShortestDelay_seconds &&
                              settings.delay_seconds <= kLongestDelay_seconds;
  if (!delay_in_range) return fail("the delay must be from 0.1 to 86400 seconds", ExitCode::kUsage);
  use_utf8_locale();
  try {
    return settings.batch ? run_batch(settings, *sort) : run_live(settings, *sort);
  } catch (const std::exception& exception) {
    return fail(exception.what());
  }
}

}  // namespace wsbpf::top
