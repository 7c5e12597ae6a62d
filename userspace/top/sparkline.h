// Small drawings out of block characters.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "top/frame.h"

namespace wsbpf::top {

// `count` as its share of `total`, to an eighth of a column; what is not 0 is always seen. Exactly
// `width` columns.
Line bar(std::int64_t count, std::int64_t total, int width, Style style);

// The values, the oldest first, in at most `width` columns, each as high as the greatest of the
// values that share it. The top is the greatest of all or the threshold, so that one sees how far
// off it is; above it a value is critical. What is not known is a blank. Exactly `width` columns.
Line sparkline(const std::vector<std::optional<std::int64_t>>& values,
               std::optional<std::int64_t> threshold, int width);

}  // namespace wsbpf::top
