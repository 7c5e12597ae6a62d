#include "top/table.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace wsbpf::top {
namespace {

struct Placed {
  std::size_t column = 0;
  int width = 0;
};

int total_width(const std::vector<Placed>& placed) {
  const int gaps = static_cast<int>(placed.size()) - 1;
  return std::accumulate(placed.begin(), placed.end(), gaps,
                         [](int sum, const Placed& place) { return sum + place.width; });
}

void drop_until_fitting(std::vector<Placed>& placed, const std::vector<Column>& columns,
                        int width) {
  const auto less_important = [&columns](const Placed& a, const Placed& b) {
    return columns[a.column].importance < columns[b.column].importance;
  };
  while (total_width(placed) > width) {
    const auto least = std::min_element(placed.begin(), placed.end(), less_important);
    if (least == placed.end() || columns[least->column].importance >= kAlways) return;
    placed.erase(least);
  }
}

// One column of the terminal to each in turn, so that what is left is shared evenly.
void share_room(std::vector<Placed>& placed, const std::vector<Column>& columns, int room) {
  for (bool widened = true; widened && room > 0;) {
    widened = false;
    for (Placed& place : placed) {
      if (room == 0 || place.width >= columns[place.column].max_width) continue;
      ++place.width;
      --room;
      widened = true;
    }
  }
}

std::vector<Placed> place_columns(const std::vector<Column>& columns, int width) {
  std::vector<Placed> placed;
  for (std::size_t i = 0; i < columns.size(); ++i) placed.push_back({i, columns[i].width});
  drop_until_fitting(placed, columns, width);
  share_room(placed, columns, width - total_width(placed));
  return placed;
}

Line title_line(const std::vector<Column>& columns, const std::vector<Placed>& placed, int width) {
  Line line;
  for (const Placed& place : placed) {
    const Column& column = columns[place.column];
    if (!line.empty()) line.push_back({" ", Style::kTitle});
    line.push_back({fit(column.title, place.width, column.align), column.title_style});
  }
  const int rest = std::max(0, width - total_width(placed));
  line.push_back({std::string(static_cast<std::size_t>(rest), ' '), Style::kTitle});
  return clip_line(line, width);
}

Line row_line(const Row& row, const std::vector<Column>& columns, const std::vector<Placed>& placed,
              int width) {
  Line line;
  for (const Placed& place : placed) {
    const Column& column = columns[place.column];
    const Cell& cell = row[place.column];
    if (!line.empty()) line.push_back({" ", Style::kPlain});
    line.push_back({fit(cell.text, place.width, column.align, column.cut), cell.style});
  }
  return clip_line(line, width);
}

}  // namespace

std::vector<Line> table_lines(const std::vector<Column>& columns, const std::vector<Row>& rows,
                              int width) {
  const std::vector<Placed> placed = place_columns(columns, width);
  std::vector<Line> lines{title_line(columns, placed, width)};
  for (const Row& row : rows) lines.push_back(row_line(row, columns, placed, width));
  return lines;
}

}  // namespace wsbpf::top
