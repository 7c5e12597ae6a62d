#include "top/prose.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "top/width.h"

namespace wsbpf::top {
namespace {

constexpr std::size_t kMostLines = 100;
constexpr int kLeastWidth = 8;

}  // namespace

std::vector<Line> wrapped(std::string_view text, Style style, int indent, int width) {
  std::vector<Line> lines;
  const int room = std::max(kLeastWidth, width - indent);
  for (std::string& part : wrap_text(text, room, kMostLines)) {
    Line& line = lines.emplace_back();
    if (indent > 0) line.push_back({std::string(static_cast<std::size_t>(indent), ' ')});
    line.push_back({std::move(part), style});
  }
  return lines;
}

std::vector<Line> labelled(std::string_view label, std::string_view text, int label_width,
                           int width) {
  std::vector<Line> lines = wrapped(text, Style::kPlain, label_width, width);
  lines.front().front() = {fit(label, label_width), Style::kLabel};
  return lines;
}

}  // namespace wsbpf::top
