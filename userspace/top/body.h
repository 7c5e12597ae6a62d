// The list of a tab: its columns, the rows that are on the screen, what a click on them does.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "top/frame.h"
#include "top/model.h"
#include "top/table.h"
#include "top/view.h"

namespace wsbpf::top {

// The rows of a list from `begin` up to `end`, as they are counted from the first of the list.
struct Window {
  int begin = 0;
  int end = 0;
};

struct Body {
  Table table;
  std::vector<Spot> titles = {};  // where columns can be sorted by; y is 0
  std::string empty = {};         // what to say where there are no rows
};

// In batch mode without a gutter and a selected row.
TableSize table_size(const View& view, const Window& window);

}  // namespace wsbpf::top
