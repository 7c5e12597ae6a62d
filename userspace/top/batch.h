// Frames as plain text, one after another.
#pragma once

#include "core/result.h"
#include "top/settings.h"

namespace wsbpf::top {

// Writes settings.iterations frames (0: one) to stdout, separated by an empty line. Returns early
// after a stop signal. An answer that does not come is an error, however many came before: whoever
// reads the output should know that it ends there.
Result<void> run_batch(const Settings& settings, Sort sort);

}  // namespace wsbpf::top
