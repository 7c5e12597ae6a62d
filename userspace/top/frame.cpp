#include "top/frame.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "top/width.h"

namespace wsbpf::top {

void append_lines(std::vector<Line>& lines, std::vector<Line> more) {
  std::move(more.begin(), more.end(), std::back_inserter(lines));
}

int line_width(const Line& line) {
  int width = 0;
  for (const Span& span : line) width += display_width(span.text);
  return width;
}

Line clip_line(const Line& line, int width) {
  Line clipped;
  for (const Span& span : line) {
    if (width <= 0) break;
    clipped.push_back({clip(span.text, width), span.style, span.selected});
    width -= display_width(clipped.back().text);
  }
  return clipped;
}

Line fit_line(Line line, int width, Style filling) {
  line = clip_line(line, width);
  const int missing = width - line_width(line);
  if (missing > 0) line.push_back({std::string(static_cast<std::size_t>(missing), ' '), filling});
  return line;
}

const Spot* spot_at(const Frame& frame, int x, int y) {
  const auto found = std::find_if(frame.spots.begin(), frame.spots.end(), [x, y](const Spot& spot) {
    return spot.y == y && x >= spot.x && x < spot.x + spot.width;
  });
  return found == frame.spots.end() ? nullptr : &*found;
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
