// The table of connections. Those in CLOSE_WAIT stand out, those stuck there more so.
#pragma once

#include <vector>

#include "top/frame.h"
#include "top/model.h"
#include "top/view.h"

namespace wsbpf::top {

// A line of titles and the connections from view.scroll on: view.page_rows of them, in batch mode
// all.
std::vector<Line> connection_lines(const Model& model, const View& view);

}  // namespace wsbpf::top
