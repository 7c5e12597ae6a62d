// Rows under column titles, laid out for whatever width there is: narrow screens lose the columns
// that matter least, wide ones give the room left over to the columns that can use it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "top/frame.h"
#include "top/width.h"

namespace wsbpf::top {

// A column that stays however narrow the screen is.
constexpr int kAlways = 100;

struct Column {
  std::string_view title;
  int width = 0;      // columns it needs
  int max_width = 0;  // columns it can use
  Align align = Align::kLeft;
  Cut cut = Cut::kEnd;
  int importance = 0;  // the lowest goes first when not all columns fit
  Style title_style = Style::kTitle;
};

struct Cell {
  std::string text;
  Style style = Style::kPlain;
};

// A cell for each column, in their order; cells beyond the last column are not shown.
using Row = std::vector<Cell>;

// The line of titles and a line for each row, none wider than `width`.
std::vector<Line> table_lines(const std::vector<Column>& columns, const std::vector<Row>& rows,
                              int width);

}  // namespace wsbpf::top
