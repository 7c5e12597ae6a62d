// The top of the screen: who is watching what, and everything that is wrong right now.
#pragma once

#include <vector>

#include "top/frame.h"
#include "top/model.h"
#include "top/view.h"

namespace wsbpf::top {

// Identity and load, then a line or more for each thing to worry about: a daemon that is gone,
// firing alerts, events lost, degraded observation. On a screen these take at most a quarter of the
// height.
std::vector<Line> header_lines(const Model& model, const View& view);

}  // namespace wsbpf::top
