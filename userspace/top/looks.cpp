#include "top/looks.h"

#include <cstddef>

namespace wsbpf::top {
namespace {

// The first eight colours, as curses numbers them.
constexpr short kRed = 1;
constexpr short kYellow = 3;
constexpr short kCyan = 6;

// Of the palette of 256, chosen to be read on dark and on light.
constexpr short kBar = 238;  // behind titles and tabs
constexpr short kOnBar = 252;
constexpr short kSelection = 24;  // behind the selected row
constexpr short kSlate = 66;
constexpr short kAmber = 172;
constexpr short kOrange = 208;
constexpr short kCoral = 203;

struct Looks {
  Look none;
  Look basic;
  Look rich;
  short on_selection;  // the rich foreground on the selected row
};

// In the order of the enum.
constexpr Looks kLooks[kStyles] = {
    /* kPlain */ {{}, {}, {}, 255},
    /* kLabel */ {{}, {.foreground = kCyan}, {.foreground = kSlate}, 152},
    /* kStrong */ {{.bold = true}, {.bold = true}, {.bold = true}, 255},
    /* kTitle */
    {{.reverse = true},
     {.foreground = kCyan, .reverse = true},
     {.foreground = kOnBar, .background = kBar},
     kOnBar},
    /* kSortedTitle */
    {{.bold = true, .reverse = true},
     {.foreground = kYellow, .reverse = true},
     {.foreground = 222, .background = kBar, .bold = true},
     222},
    /* kNotice */ {{.bold = true}, {.foreground = kYellow}, {.foreground = kAmber}, 222},
    /* kWarning */
    {{.bold = true},
     {.foreground = kYellow, .bold = true},
     {.foreground = kOrange, .bold = true},
     222},
    /* kCritical */
    {{.bold = true, .underline = true},
     {.foreground = kRed, .bold = true},
     {.foreground = kCoral, .bold = true},
     217},
};

}  // namespace

Look look_of(Style style, bool selected, Colors colors) {
  const Looks& looks = kLooks[static_cast<std::size_t>(style)];
  Look look = colors == Colors::kRich    ? looks.rich
              : colors == Colors::kBasic ? looks.basic
                                         : looks.none;
  if (!selected) return look;
  if (colors == Colors::kRich) {
    look.foreground = looks.on_selection;
    look.background = kSelection;
  } else {
    look.reverse = true;
  }
  return look;
}

}  // namespace wsbpf::top
