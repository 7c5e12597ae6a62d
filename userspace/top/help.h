// The page that '?' shows.
#pragma once

#include <vector>

#include "top/frame.h"

namespace wsbpf::top {

std::vector<Line> help_lines(int width);

}  // namespace wsbpf::top
