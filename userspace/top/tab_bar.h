// The tabs above a list, and the filter that it passes through.
#pragma once

#include <vector>

#include "top/frame.h"
#include "top/model.h"
#include "top/view.h"

namespace wsbpf::top {

struct TabBar {
  std::vector<Line> lines;  // the first holds the tabs
  std::vector<Spot> spots;
};

TabBar tab_bar(const Model& model, const View& view);

}  // namespace wsbpf::top
