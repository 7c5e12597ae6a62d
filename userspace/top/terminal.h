// The terminal: its size, what is drawn on it. With keyboard.cpp all that knows ncurses.
#pragma once

#include <memory>
#include <optional>

#include "core/result.h"
#include "top/frame.h"
#include "top/keys.h"

namespace wsbpf::top {

// Makes the C library measure and write UTF-8. Where the environment names no UTF-8 locale (a
// container, sudo, cron), C.UTF-8 is taken: the terminal at the other end speaks UTF-8 all the
// same.
void use_utf8_locale();

struct TerminalSize {
  int lines = 0;
  int columns = 0;
};

// Of the terminal that stdout is; nothing where it is none, or does not tell.
std::optional<TerminalSize> terminal_size();

// $COLUMNS, else the width of the terminal that stdout is, else 200: what reads a pipe can cut.
int batch_width();

// The screen in its alternate buffer, as long as it lives; the destructor restores what was there.
class Screen {
 public:
  // Fails when $TERM names no terminal that can be drawn on.
  static Result<std::unique_ptr<Screen>> open(bool color);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Of the terminal when the screen was opened or take_size() last called.
  int width() const;
  int height() const;

  // To be called after SIGWINCH. That signal must have a handler before open(), lest ncurses
  // install its own, which is heard of only by chance while one waits for more than keys.
  void take_size();

  // Gives the terminal back for as long as top is stopped, and takes it again. The same holds for
  // SIGTSTP.
  void suspend();
  void resume();

  void draw(const Frame& frame);

  // The next key pressed, or nothing; waits only for the rest of one that has begun to arrive.
  std::optional<Input> next_input();

 private:
  struct Curses;
  explicit Screen(std::unique_ptr<Curses> curses);
  std::unique_ptr<Curses> curses_;
};

}  // namespace wsbpf::top
