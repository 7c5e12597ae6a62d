#include "top/width.h"

#include <algorithm>
#include <cwchar>

namespace wsbpf::top {
namespace {

constexpr std::string_view kEllipsis = "…";

struct Glyph {
  std::string_view shown;
  std::size_t length = 1;  // bytes of the text it stands for
  int width = 1;
};

// The first character of a text that is not empty. What the C library cannot measure (a character
// newer than its tables, a stray byte) is shown as a question mark: a terminal that disagreed about
// its width would shift the rest of the line.
Glyph first_glyph(std::string_view text) {
  wchar_t character = 0;
  std::mbstate_t state{};
  const std::size_t length = std::mbrtowc(&character, text.data(), text.size(), &state);
  if (length == 0 || length > text.size()) return {.shown = "?", .length = 1, .width = 1};
  const int width = ::wcwidth(character);
  if (width < 0) return {.shown = "?", .length = length, .width = 1};
  return {.shown = text.substr(0, length), .length = length, .width = width};
}

std::vector<Glyph> glyphs(std::string_view text) {
  std::vector<Glyph> result;
  while (!text.empty()) {
    result.push_back(first_glyph(text));
    text.remove_prefix(result.back().length);
  }
  return result;
}

template <typename Iterator>
std::string join(Iterator first, Iterator last) {
  std::string text;
  for (; first != last; ++first) text += first->shown;
  return text;
}

// Past the longest run from `first` that takes at most `width` columns.
template <typename Iterator>
Iterator longest_fit(Iterator first, Iterator last, int width) {
  for (; first != last && first->width <= width; ++first) width -= first->width;
  return first;
}

std::string clip_end(const std::vector<Glyph>& all, int width) {
  return join(all.begin(), longest_fit(all.begin(), all.end(), width - 1)).append(kEllipsis);
}

std::string clip_front(const std::vector<Glyph>& all, int width) {
  auto begin = longest_fit(all.rbegin(), all.rend(), width - 1).base();
  // Combining characters whose base was cut off would land on the ellipsis.
  while (begin != all.end() && begin->width == 0) ++begin;
  return std::string(kEllipsis).append(join(begin, all.end()));
}

constexpr int kLeastName = 2;  // a character and the ellipsis

std::string clip_name(std::string_view text, const std::vector<Glyph>& all, int width) {
  const std::size_t bracket = text.rfind('[');
  if (bracket == std::string_view::npos) return clip_end(all, width);
  const auto rest = glyphs(text.substr(bracket));
  int room = width;
  for (const Glyph& glyph : rest) room -= glyph.width;
  if (room < kLeastName) return clip_front(all, width);
  return clip_end(glyphs(text.substr(0, bracket)), room).append(join(rest.begin(), rest.end()));
}

// Bytes to put on the first line: as many words as fit, or a piece of one that is too long; never
// none, so that wrapping ends.
std::size_t line_length(std::string_view text, int width) {
  std::size_t length = 0;
  std::size_t last_space = 0;
  while (length < text.size()) {
    const Glyph glyph = first_glyph(text.substr(length));
    if (glyph.shown == " ") last_space = length;
    width -= glyph.width;
    if (width < 0 && length > 0) return last_space > 0 ? last_space : length;
    length += glyph.length;
  }
  return length;
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  for (const Glyph& glyph : glyphs(text)) width += glyph.width;
  return width;
}

std::string clip(std::string_view text, int width, Cut cut) {
  if (width <= 0) return {};
  const auto all = glyphs(text);
  if (longest_fit(all.begin(), all.end(), width) == all.end()) return join(all.begin(), all.end());
  if (cut == Cut::kName) return clip_name(text, all, width);
  return cut == Cut::kEnd ? clip_end(all, width) : clip_front(all, width);
}

std::string fit(std::string_view text, int width, Align align, Cut cut) {
  std::string clipped = clip(text, width, cut);
  const int missing = width - display_width(clipped);
  if (missing <= 0) return clipped;
  const std::string padding(static_cast<std::size_t>(missing), ' ');
  return align == Align::kLeft ? clipped + padding : padding + clipped;
}

std::vector<std::string> wrap_text(std::string_view text, int width, std::size_t max_lines) {
  std::vector<std::string> lines;
  while (lines.size() + 1 < max_lines && display_width(text) > width) {
    const std::size_t length = line_length(text, width);
    const std::string_view line = text.substr(0, length);
    lines.push_back(clip(line.substr(0, line.find_last_not_of(' ') + 1), width));
    text.remove_prefix(length);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  if (!text.empty() || lines.empty()) lines.push_back(clip(text, width));
  return lines;
}

}  // namespace wsbpf::top
