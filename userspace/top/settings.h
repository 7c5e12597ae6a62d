// What `wsbpf top` is told on its command line.
#pragma once

#include <string>

#include "core/result.h"
#include "top/fetch.h"
#include "top/sort.h"

namespace wsbpf::top {

inline constexpr double kShortestDelay_seconds = 0.1;
inline constexpr double kLongestDelay_seconds = 3600;
inline constexpr char kDelayRange[] = "from 0.1 to 3600 seconds";

// From one round of questions to the next; exit code: usage.
Result<void> check_delay(double seconds);

struct Settings {
  // Called on another thread, one call at a time. If it hangs it is left behind when top ends, so
  // it must own, or share, what it uses.
  Fetch fetch;
  double delay_seconds = 1.0;  // as check_delay() takes it
  std::string sort = "state";  // as parse_sort() reads it
  std::string filter;          // empty: all
  bool batch = false;
  int iterations = 0;  // frames to show; 0: until told to stop, in batch mode one
  bool color = true;   // false for NO_COLOR and --color never
  bool ascii = false;  // draw with ASCII alone
};

}  // namespace wsbpf::top
