#include "top/table.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace wsbpf::top {
namespace {

using Shown = std::vector<ShownColumn>;

int total_width(const Shown& shown) {
  int width = static_cast<int>(shown.size()) - 1;  // the gaps
  for (const ShownColumn& column : shown) width += column.width;
  return width;
}

void drop_until_fitting(Shown& shown, const std::vector<Column>& columns, int width) {
  const auto importance = [&columns](const ShownColumn& column) {
    return columns[column.index].importance;
  };
  std::erase_if(shown, [&](const ShownColumn& column) { return importance(column) <= kNever; });
  while (total_width(shown) > width) {
    const auto least = std::min_element(
        shown.begin(), shown.end(),
        [&](const ShownColumn& a, const ShownColumn& b) { return importance(a) < importance(b); });
    if (least == shown.end() || importance(*least) >= kAlways) return;
    shown.erase(least);
  }
}

// One column of the terminal to each in turn, up to `widest`, so that what is left is shared
// evenly.
void share_room(Shown& shown, const std::vector<int>& widest, int room) {
  for (bool widened = true; widened && room > 0;) {
    widened = false;
    for (ShownColumn& column : shown) {
      if (room == 0 || column.width >= widest[column.index]) continue;
      ++column.width;
      --room;
      widened = true;
    }
  }
}

// What each column takes to show its rows whole, where it wants that.
std::vector<int> wanted_widths(const std::vector<Column>& columns, const std::vector<Row>& rows) {
  std::vector<int> wanted;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    int width = columns[i].width;
    if (columns[i].shows_whole) {
      for (const Row& row : rows) width = std::max(width, display_width(row[i].text));
      width = std::min(width, columns[i].max_width);
    }
    wanted.push_back(width);
  }
  return wanted;
}

// How much wider the shown columns would be.
int missing_width(const Shown& shown, const std::vector<int>& wanted) {
  int width = 0;
  for (const ShownColumn& column : shown) width += wanted[column.index] - column.width;
  return width;
}

void drop_idle(Shown& shown, const std::vector<Column>& columns, const std::vector<int>& wanted,
               int width) {
  while (total_width(shown) + missing_width(shown, wanted) > width) {
    const auto idle = std::find_if(shown.rbegin(), shown.rend(), [&](const ShownColumn& column) {
      return columns[column.index].is_idle;
    });
    if (idle == shown.rend()) return;
    shown.erase(std::next(idle).base());
  }
}

Shown place_columns(const std::vector<Column>& columns, const std::vector<Row>& rows,
                    const TableSize& size) {
  Shown shown;
  for (std::size_t i = 0; i < columns.size(); ++i) shown.push_back({i, 0, columns[i].width});
  const int width = size.width - size.gutter;
  const std::vector<int> wanted = wanted_widths(columns, rows);
  drop_until_fitting(shown, columns, width);
  drop_idle(shown, columns, wanted, width);
  share_room(shown, wanted, width - total_width(shown));
  std::vector<int> most;
  for (const Column& column : columns) most.push_back(column.max_width);
  share_room(shown, most, width - total_width(shown));
  int x = size.gutter;
  for (ShownColumn& column : shown) {
    column.x = x;
    x += column.width + 1;
  }
  return shown;
}

std::string spaces(int count) { return std::string(static_cast<std::size_t>(count), ' '); }

Line title_line(const std::vector<Column>& columns, const Shown& shown, const TableSize& size) {
  Line line;
  if (size.gutter > 0) line.push_back({spaces(size.gutter), Style::kTitle});
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const Column& column = columns[shown[i].index];
    if (i > 0) line.push_back({" ", Style::kTitle});
    line.push_back({fit(column.title, shown[i].width, column.align), column.title_style});
  }
  return fit_line(std::move(line), size.width, Style::kTitle);
}

Line row_line(const Row& row, const std::vector<Column>& columns, const Shown& shown,
              const TableSize& size, bool selected) {
  Line line;
  if (size.gutter > 0) {
    const std::string mark = selected ? ">" : "";
    line.push_back({fit(mark, size.gutter), Style::kStrong});
  }
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const Column& column = columns[shown[i].index];
    const Cell& cell = row[shown[i].index];
    if (i > 0) line.push_back({" "});
    if (cell.draw) {
      for (Span& span : cell.draw(shown[i].width)) line.push_back(std::move(span));
    } else {
      line.push_back({fit(cell.text, shown[i].width, column.align, column.cut), cell.style});
    }
  }
  if (!selected) return clip_line(line, size.width);
  line = fit_line(std::move(line), size.width);
  for (Span& span : line) span.selected = true;
  return line;
}

}  // namespace

Table lay_out(const std::vector<Column>& columns, const std::vector<Row>& rows,
              const TableSize& size) {
  Table table;
  table.shown = place_columns(columns, rows, size);
  table.titles = title_line(columns, table.shown, size);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    table.rows.push_back(row_line(rows[i], columns, table.shown, size, i == size.selected));
  }
  return table;
}

}  // namespace wsbpf::top
