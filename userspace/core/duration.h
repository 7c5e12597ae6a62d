// Durations as they are written in flags: 300ms 3s 5m 2h.
#pragma once

#include <chrono>
#include <string_view>

#include "core/result.h"

namespace wsbpf {

// Reads a number, which may have a fraction, and one of the units ms, s, m, h.
// Errors name the text (exit code: usage).
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace wsbpf
