#include "top/ascii.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "top/width.h"

namespace wsbpf::top {
namespace {

constexpr std::pair<std::string_view, char> kLikes[] = {
    {"▁", '_'}, {"▂", '.'}, {"▃", ':'}, {"▄", '-'}, {"▅", '='}, {"▆", '+'}, {"▇", '*'},
    {"█", '#'}, {"▏", '|'}, {"▎", '|'}, {"▍", '|'}, {"▌", '='}, {"▋", '='}, {"▊", '='},
    {"▉", '#'}, {"…", '~'}, {"≥", '>'}, {"↑", '^'}, {"↓", 'v'}, {"•", '*'},
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string like(std::string_view character) {
  if (character.size() == 1) return std::string(character);
  const auto known = std::find_if(std::begin(kLikes), std::end(kLikes),
                                  [&](const auto& pair) { return pair.first == character; });
  if (known != std::end(kLikes)) return {known->second};
  return std::string(static_cast<std::size_t>(display_width(character)), '?');
}

std::string ascii_text(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < text.size() && is_continuation(text[length])) ++length;
    result += like(text.substr(0, length));
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace

Frame to_ascii(Frame frame) {
  for (Line& line : frame.lines) {
    for (Span& span : line) span.text = ascii_text(span.text);
  }
  return frame;
}

}  // namespace wsbpf::top
