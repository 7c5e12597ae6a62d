// The last line of the screen: the place in the list and the keys, or a prompt.
#pragma once

#include <optional>
#include <vector>

#include "top/frame.h"
#include "top/model.h"
#include "top/view.h"

namespace wsbpf::top {

struct Footer {
  std::vector<Line> lines;
  std::optional<Cursor> cursor;  // counted from the footer's first line
};

Footer footer(const Model& model, const View& view);

}  // namespace wsbpf::top
