// `wsbpf top`: a live view of a daemon, which it asks over HTTP through a function it is given.
#pragma once

#include "core/result.h"
#include "top/settings.h"

namespace wsbpf::top {

// Runs until q, Ctrl-C, SIGTERM or the last iteration, and leaves the terminal as it was. Fails
// with the error of the first answer if that is one, and for an illegal sort column (the legal
// ones: sort_columns()) or delay (exit code: usage).
Result<void> run(const Settings& settings);

}  // namespace wsbpf::top
