#include "top/input_line.h"

#include <algorithm>

#include "core/text.h"
#include "top/width.h"

namespace wsbpf::top {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Spaces for line breaks and tabs, nothing for other control characters.
std::string without_controls(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\r' || c == '\t') {
      clean += ' ';
    } else if (byte >= 0x20 && byte != 0x7f) {
      clean += c;
    }
  }
  return clean;
}

}  // namespace

void InputLine::insert(std::string_view text) {
  std::string clean = without_controls(valid_utf8(text));
  const std::size_t room = kMostBytes - std::min(kMostBytes, text_.size());
  if (clean.size() > room) {
    std::size_t length = room;
    while (length > 0 && is_continuation(clean[length])) --length;
    clean.resize(length);
  }
  text_.insert(cursor_, clean);
  cursor_ += clean.size();
}

void InputLine::erase_before() {
  const std::size_t end = cursor_;
  move_left();
  text_.erase(cursor_, end - cursor_);
}

void InputLine::erase_after() {
  const std::size_t begin = cursor_;
  move_right();
  text_.erase(begin, cursor_ - begin);
  cursor_ = begin;
}

void InputLine::erase_word_before() {
  std::size_t begin = cursor_;
  while (begin > 0 && text_[begin - 1] == ' ') --begin;
  while (begin > 0 && text_[begin - 1] != ' ') --begin;
  text_.erase(begin, cursor_ - begin);
  cursor_ = begin;
}

void InputLine::erase_to_begin() {
  text_.erase(0, cursor_);
  cursor_ = 0;
}

void InputLine::erase_to_end() { text_.resize(cursor_); }

void InputLine::move_left() {
  if (cursor_ == 0) return;
  do --cursor_;
  while (cursor_ > 0 && is_continuation(text_[cursor_]));
}

void InputLine::move_right() {
  if (cursor_ == text_.size()) return;
  do ++cursor_;
  while (cursor_ < text_.size() && is_continuation(text_[cursor_]));
}

InputLine::Shown InputLine::shown(int width) const {
  if (width <= 0) return {};
  const std::string_view all = text_;
  // More bytes than this on either side of the cursor cannot be seen; combining characters that
  // pile up beyond it are not worth their time.
  const std::size_t most = static_cast<std::size_t>(width) * 32;
  std::size_t begin = cursor_ - std::min(cursor_, most);
  while (begin < cursor_ && is_continuation(all[begin])) ++begin;
  std::string before = printable(all.substr(begin, cursor_ - begin));
  if (display_width(before) > width - 1) before = clip(before, width - 1, Cut::kFront);
  const int column = display_width(before);
  const std::string after = printable(valid_utf8(all.substr(cursor_, most)));
  return {before + clip(after, width - column), column};
}

}  // namespace wsbpf::top
