// What the person at the keyboard looks at: size, order, place in the list; and how keys move it.
#pragma once

#include <string>

#include "top/fetch.h"
#include "top/sort.h"

namespace wsbpf::top {

enum class Key {
  kOther,
  kQuit,
  kHelp,
  kNextColumn,
  kPreviousColumn,
  kReverse,
  kUp,
  kDown,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
};

struct View {
  int width = 80;
  int height = 24;     // not used in batch mode
  bool batch = false;  // every row and nothing about keys
  Sort sort;
  int scroll = 0;     // connections above the first one shown
  int page_rows = 0;  // connections that fit below the rest; render.h's settle() finds both
  int row_count = 0;  // connections that can be scrolled to
  bool help = false;
  bool quit = false;
  std::string banner;  // why the model may be out of date; empty when it is not
};

// Nobody scrolls further than this; the other end of the list is one 'r' away.
constexpr int kMaxRows = 1000;

View handle_key(View view, Key key);

// What to ask the daemon for. A screenful from the scroll position is somewhat more than fits, so
// that the next few steps down need not wait for an answer.
Query query_for(const View& view);

}  // namespace wsbpf::top
