#include "top/frame.h"

#include <cstddef>
#include <iterator>
#include <utility>

#include "top/width.h"

namespace wsbpf::top {

void append_lines(std::vector<Line>& lines, std::vector<Line> more) {
  std::move(more.begin(), more.end(), std::back_inserter(lines));
}

Line clip_line(const Line& line, int width) {
  Line clipped;
  for (const Span& span : line) {
    if (width <= 0) break;
    clipped.push_back({clip(span.text, width), span.style});
    width -= display_width(clipped.back().text);
  }
  return clipped;
}

std::string plain_text(const Frame& frame) {
  std::string text;
  for (const Line& line : frame.lines) {
    const std::size_t begin = text.size();
    for (const Span& span : line) text += span.text;
    while (text.size() > begin && text.back() == ' ') text.pop_back();
    text += '\n';
  }
  return text;
}

}  // namespace wsbpf::top
