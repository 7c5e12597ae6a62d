// Rows under column titles, laid out for whatever width there is: narrow screens lose the columns
// that matter least, wide ones give the room left over to the columns that can use it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "top/frame.h"
#include "top/width.h"

namespace wsbpf::top {

// A column that stays however narrow the screen is.
constexpr int kAlways = 100;
// A column that is never shown.
constexpr int kNever = -1;

struct Column {
  std::string_view title;
  int width = 0;      // columns it needs
  int max_width = 0;  // columns it can use
  Align align = Align::kLeft;
  Cut cut = Cut::kEnd;
  int importance = 0;  // the lowest goes first when not all columns fit
  Style title_style = Style::kTitle;
  bool shows_whole = false;  // gets room for its longest text before others get more than they need
  bool is_idle = false;      // says nothing now, and makes room for texts that would be cut
};

struct Cell {
  std::string text = {};
  Style style = Style::kPlain;
  std::function<Line(int width)> draw = {};  // what fills exactly so many columns, instead of text
};

// A cell for each column, in their order; cells beyond the last column are not shown.
using Row = std::vector<Cell>;

struct TableSize {
  int width = 80;
  int gutter = 0;  // columns before the first one, where the selected row is marked
  std::optional<std::size_t> selected = {};  // index into the rows
};

// A column that is shown, by its index, and where.
struct ShownColumn {
  std::size_t index = 0;
  int x = 0;
  int width = 0;
};

struct Table {
  Line titles;
  std::vector<Line> rows;
  std::vector<ShownColumn> shown;
};

// None of its lines is wider than size.width.
Table lay_out(const std::vector<Column>& columns, const std::vector<Row>& rows,
              const TableSize& size);

}  // namespace wsbpf::top
