// A terminal that takes no output (Ctrl-S, or nobody reads it) blocks whoever writes to it for
// ever. Top ends all the same.
#pragma once

#include <termios.h>

#include <string>

namespace wsbpf::top {

// While it lives, end_even_if_stalled() ends the process with exit code 0 unless this object's own
// end comes within a second; the terminal then gets back the modes it had at this object's
// beginning, and `farewell` as far as it takes that at once. There can be one at a time.
class StalledTerminal {
 public:
  explicit StalledTerminal(const std::string& farewell);
  ~StalledTerminal();
  StalledTerminal(const StalledTerminal&) = delete;
  StalledTerminal& operator=(const StalledTerminal&) = delete;
};

// Called once more it does not wait for the second to pass. Safe in a signal handler.
void end_even_if_stalled() noexcept;

// Whether the terminal takes output now.
bool takes_output();

}  // namespace wsbpf::top
