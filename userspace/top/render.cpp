#include "top/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "top/connections.h"
#include "top/header.h"
#include "top/help.h"
#include "top/listeners.h"

namespace wsbpf::top {
namespace {

std::vector<Line> lines_above_connections(const Model& model, const View& view) {
  std::vector<Line> lines = header_lines(model, view);
  append_lines(lines, listener_lines(model, view));
  return lines;
}

std::string position_text(const Model& model, const View& view) {
  const int last = std::min(view.scroll + view.page_rows, view.row_count);
  const int first = std::min(view.scroll + 1, last);
  return fmt::format("{}-{} of {} by {} {}", first, last, model.connections_total,
                     sort_columns()[view.sort.column], view.sort.descending ? "↓" : "↑");
}

Line footer_line(const Model& model, const View& view) {
  return {{position_text(model, view), Style::kStrong},
          {"   q quit  s < > sort  r reverse  ? help", Style::kLabel}};
}

// The footer stays at the bottom of the screen while there is room for it.
void append_footer(std::vector<Line>& lines, const Model& model, const View& view) {
  const std::size_t last = static_cast<std::size_t>(std::max(1, view.height)) - 1;
  if (lines.size() < last) lines.resize(last);
  lines.push_back(footer_line(model, view));
}

std::vector<Line> all_lines(const Model& model, const View& view) {
  if (view.help) return help_lines(view.width);
  std::vector<Line> lines = lines_above_connections(model, view);
  append_lines(lines, connection_lines(model, view));
  if (!view.batch) append_footer(lines, model, view);
  return lines;
}

}  // namespace

View settle(View view, const Model& model) {
  constexpr int kTitlesAndFooter = 2;
  const int above = static_cast<int>(lines_above_connections(model, view).size());
  view.page_rows = std::max(0, view.height - above - kTitlesAndFooter);
  view.row_count = static_cast<int>(std::min<std::size_t>(model.connections_total, kMaxRows));
  view.scroll = std::clamp(view.scroll, 0, std::max(0, view.row_count - view.page_rows));
  return view;
}

Frame render(const Model& model, const View& view) {
  Frame frame{all_lines(model, settle(view, model))};
  const auto height = static_cast<std::size_t>(std::max(0, view.height));
  if (!view.batch && frame.lines.size() > height) frame.lines.resize(height);
  for (Line& line : frame.lines) line = clip_line(line, view.width);
  return frame;
}

}  // namespace wsbpf::top
