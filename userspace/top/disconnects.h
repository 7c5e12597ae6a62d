// The table of connections that have ended lately.
#pragma once

#include <vector>

#include "top/body.h"

namespace wsbpf::top {

// How many ended by which verdict, in one line; none where none ended.
std::vector<Line> verdict_lines(const Model& model, int width);

// The window is within the rows that are loaded.
Body disconnects_body(const Model& model, const View& view, const Window& window);

}  // namespace wsbpf::top
