// Keys, pastes and the mouse as ncurses reads them from the terminal.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "top/keys.h"

namespace wsbpf::top {

// Names the sequences that ncurses does not know: pastes, and the mouse, whose coordinates ncurses
// reads in a form that ends at column 223. To be called once the screen is open.
void define_keys();

// What the terminal is to be told, so that it sends those sequences; and so that it stops.
inline constexpr char kExtrasOn[] = "\033[?2004h\033[?1000h\033[?1006h";
inline constexpr char kExtrasOff[] = "\033[?1006l\033[?1000l\033[?2004l";

class Keyboard {
 public:
  // The next of them, or nothing; waits only for the rest of what has begun to arrive.
  std::optional<Input> next();

 private:
  Input mouse();
  Input paste();
  bool is_second_click(int x, int y);

  std::chrono::steady_clock::time_point clicked_at_{};
  int clicked_x_ = -1;
  int clicked_y_ = -1;
};

}  // namespace wsbpf::top
