#include "top/terminal_type.h"

#include <curses.h>
#include <term.h>
#include <unistd.h>

namespace wsbpf::top {

bool can_be_drawn_on() {
  int error = 0;
  // With a place for the error it does not end the process.
  if (::setupterm(nullptr, STDOUT_FILENO, &error) != OK) return false;
  const char* const move_cursor = ::tigetstr("cup");
  const bool can = move_cursor != nullptr && move_cursor != reinterpret_cast<const char*>(-1);
  ::del_curterm(cur_term);
  return can;
}

}  // namespace wsbpf::top
