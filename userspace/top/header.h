// What comes first on the screen: who is watched, and what is wrong.
#pragma once

#include <vector>

#include "top/frame.h"
#include "top/model.h"
#include "top/view.h"

namespace wsbpf::top {

// The node and its load.
std::vector<Line> header_lines(const Model& model, const View& view);

// Why the screen may be out of date; none when it is not.
std::vector<Line> banner_lines(const View& view);

// Firing alerts, lost events, whatever else is amiss, the worst first; in at most `most` lines, in
// batch mode in as many as it takes.
std::vector<Line> notice_lines(const Model& model, const View& view, int most);

}  // namespace wsbpf::top
