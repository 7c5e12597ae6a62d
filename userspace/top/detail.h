// One connection in full: its timeline, verdict, evidence and advice.
#pragma once

#include <string>
#include <vector>

#include "top/frame.h"
#include "top/model.h"

namespace wsbpf::top {

std::vector<Line> connection_page(const Model& model, const std::string& id, int width);

}  // namespace wsbpf::top
