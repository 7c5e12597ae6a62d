#include "top/footer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/text.h"
#include "top/connections.h"
#include "top/lists.h"
#include "top/prose.h"
#include "top/width.h"

namespace wsbpf::top {
namespace {

struct Hint {
  std::string_view key;
  std::string_view what;
};

using Hints = std::vector<Hint>;

// What matters most first: the rest is left out where the screen is narrow.
Hints hints_of(const View& view) {
  if (view.help) return {{"arrows", "read on"}, {"any other key", "back"}};
  if (view.page != Page::kTable) return {{"Esc", "back"}, {"arrows", "read on"}, {"?", "help"}};
  const Hint freeze{"space", view.frozen ? "go on" : "freeze"};
  switch (view.tab) {
    case Tab::kListeners:
      return {{"Enter", "connections"}, {"Tab", "next"}, {"?", "help"}, {"q", "quit"}, freeze};
    case Tab::kConnections:
      return {{"Enter", "why"}, {"/", "filter"}, {"s", "sort"}, {"Tab", "next"},
              {"?", "help"},    {"q", "quit"},   freeze};
    case Tab::kDisconnects:
      return {{"Enter", "why"}, {"/", "filter"}, {"Tab", "next"},
              {"?", "help"},    {"q", "quit"},   freeze};
    case Tab::kAlerts:
      return {{"Enter", "all of it"}, {"Tab", "next"}, {"?", "help"}, {"q", "quit"}, freeze};
  }
  return {};
}

std::string order_text(const View& view) {
  if (view.tab == Tab::kDisconnects) return " newest first";
  if (view.tab != Tab::kConnections) return {};
  return fmt::format(" by {} {}", sort_title(view.sort), view.sort.descending ? "↓" : "↑");
}

std::string position_text(const Model& model, const View& view) {
  if (view.shows_text()) {
    const int last = std::min(view.text_first + view.page_rows, view.text_lines);
    return fmt::format("lines {}-{} of {}", std::min(view.text_first + 1, last), last,
                       view.text_lines);
  }
  const Extent extent = extent_of(model, view);
  if (!extent.loaded) return "-";
  const int first = view.place().first;
  const int last = std::min(first + view.page_rows, extent.total);
  return fmt::format("{}-{} of {}{}", std::min(first + 1, last), last, extent.total,
                     order_text(view));
}

Line hint_line(const Model& model, const View& view) {
  Line line{{position_text(model, view), Style::kStrong}};
  if (!view.hint.empty()) {
    line.push_back({"   " + view.hint, Style::kWarning});
    return line;
  }
  int used = line_width(line);
  for (const auto& [key, what] : hints_of(view)) {
    used += 4 + display_width(key) + display_width(what);
    if (used > view.width) break;
    line.push_back({fmt::format("   {}", key), Style::kStrong});
    line.push_back({fmt::format(" {}", what), Style::kLabel});
  }
  return line;
}

// The first line says what is wrong; others, where there are some, show the place, and must not be
// broken.
std::vector<Line> error_lines(std::string_view error, int width) {
  constexpr std::size_t kMostLines = 4;
  const std::size_t first_length = error.find('\n');
  std::vector<Line> lines =
      wrapped(printable(error.substr(0, first_length)), Style::kWarning, 0, width);
  while (error.find('\n') != std::string_view::npos) {
    error.remove_prefix(error.find('\n') + 1);
    lines.push_back({{printable(error.substr(0, error.find('\n'))), Style::kLabel}});
  }
  if (lines.size() > kMostLines) lines.resize(kMostLines);
  return lines;
}

Footer prompt_footer(const Prompt& prompt, const View& view) {
  const std::string label = prompt.kind == Prompt::Kind::kFilter ? "filter: " : "seconds: ";
  const int label_width = std::min(display_width(label), std::max(0, view.width - 1));
  const auto shown = prompt.line.shown(view.width - label_width);
  Footer footer;
  footer.lines.push_back({{fit(label, label_width), Style::kStrong}, {shown.text}});
  footer.cursor = Cursor{.x = label_width + shown.cursor, .y = 0};
  if (prompt.asked) {
    footer.lines.push_back({{"asking the daemon …", Style::kLabel}});
  } else if (!prompt.error.empty()) {
    append_lines(footer.lines, error_lines(prompt.error, view.width));
  } else {
    footer.lines.push_back({{"Enter", Style::kStrong},
                            {" applies   ", Style::kLabel},
                            {"Esc", Style::kStrong},
                            {" leaves it   ", Style::kLabel},
                            {"Ctrl-U Ctrl-W", Style::kStrong},
                            {" erase", Style::kLabel}});
  }
  return footer;
}

}  // namespace

Footer footer(const Model& model, const View& view) {
  if (view.prompt) return prompt_footer(*view.prompt, view);
  return {.lines = {hint_line(model, view)}, .cursor = {}};
}

}  // namespace wsbpf::top
