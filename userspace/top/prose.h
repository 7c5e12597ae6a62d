// Text of any length as lines of styled text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "top/frame.h"

namespace wsbpf::top {

// Broken at spaces, each line indented.
std::vector<Line> wrapped(std::string_view text, Style style, int indent, int width);

// A label in the first `label_width` columns, the text beside it.
std::vector<Line> labelled(std::string_view label, std::string_view text, int label_width,
                           int width);

}  // namespace wsbpf::top
