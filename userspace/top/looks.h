// How the styles look, by what the terminal can do.
#pragma once

#include "top/frame.h"

namespace wsbpf::top {

enum class Colors { kNone, kBasic, kRich };  // none, 8 or 16, 256

// A colour of -1 is the terminal's own.
struct Look {
  short foreground = -1;
  short background = -1;
  bool bold = false;
  bool reverse = false;
  bool underline = false;
};

Look look_of(Style style, bool selected, Colors colors);

}  // namespace wsbpf::top
