// One connection in full: its timeline, verdict, evidence and advice.
#pragma once

#include <vector>

#include "top/frame.h"
#include "top/model.h"
#include "top/view.h"

namespace wsbpf::top {

// The one that the view's page is about.
std::vector<Line> connection_page(const Model& model, const View& view);

}  // namespace wsbpf::top
