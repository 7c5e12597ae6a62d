// What keys and the mouse do to the view.
#pragma once

#include <string>

#include "top/frame.h"
#include "top/view.h"

namespace wsbpf::top {

enum class Key {
  kText,   // a character, in Input::text
  kPaste,  // text that was pasted, in Input::text
  kEnter,
  kEscape,
  kTab,
  kBackTab,
  kBackspace,
  kDelete,
  kUp,
  kDown,
  kLeft,
  kRight,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kEraseWord,
  kEraseToBegin,
  kEraseToEnd,
  kClick,
  kDoubleClick,
  kWheelUp,
  kWheelDown,
  kOther,
};

struct Input {
  Key key = Key::kOther;
  std::string text = {};
  int x = 0;  // of the mouse
  int y = 0;

  bool operator==(const Input&) const = default;
};

// A view that has been settled (render.h), after a key. Clicks: see click().
View press(View view, const Input& input);

View click(View view, const Spot& spot);

}  // namespace wsbpf::top
