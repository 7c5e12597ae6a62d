// One line a listener: its connections by state, its accept queue, its rates.
#pragma once

#include <vector>

#include "top/frame.h"
#include "top/model.h"
#include "top/view.h"

namespace wsbpf::top {

// A line of titles and the listeners, those with stuck connections first. On a screen they take at
// most a quarter of the height, and a line says how many are missing.
std::vector<Line> listener_lines(const Model& model, const View& view);

}  // namespace wsbpf::top
