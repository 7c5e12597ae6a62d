#include "top/top.h"

#include <exception>

#include "top/batch.h"
#include "top/live.h"
#include "top/terminal.h"

namespace wsbpf::top {
Result<void> run(const Settings& settings) {
  const auto sort = parse_sort(settings.sort);
  if (!sort) return tl::unexpected(sort.error());
  if (auto checked = check_delay(settings.delay_seconds); !checked) return checked;
  use_utf8_locale();
  try {
    return settings.batch ? run_batch(settings, *sort) : run_live(settings, *sort);
  } catch (const std::exception& exception) {
    return fail(exception.what());
  }
}

}  // namespace wsbpf::top
