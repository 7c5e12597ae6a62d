// A line of text being typed, with a cursor in it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wsbpf::top {

class InputLine {
 public:
  InputLine() = default;
  explicit InputLine(std::string text) : text_(std::move(text)), cursor_(text_.size()) {}

  const std::string& text() const { return text_; }

  // At the cursor, as valid UTF-8 without control characters; line breaks and tabs become spaces.
  // What would make the line longer than 64 KiB is left out.
  void insert(std::string_view text);
  void erase_before();  // one character
  void erase_after();
  void erase_word_before();
  void erase_to_begin();
  void erase_to_end();
  void move_left();
  void move_right();
  void move_to_begin() { cursor_ = 0; }
  void move_to_end() { cursor_ = text_.size(); }

  // The part around the cursor that fits into `width` columns, escapes shown, and the column of the
  // cursor in it.
  struct Shown {
    std::string text;
    int cursor = 0;
  };
  Shown shown(int width) const;

  bool operator==(const InputLine&) const = default;

 private:
  std::string text_;
  std::size_t cursor_ = 0;  // bytes before it
};

}  // namespace wsbpf::top
