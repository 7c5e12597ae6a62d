#include "top/view.h"

#include <algorithm>
#include <cstddef>

namespace wsbpf::top {
namespace {

View sorted_by(View view, Sort sort) {
  view.sort = sort;
  view.scroll = 0;
  return view;
}

View scrolled_to(View view, int scroll) {
  view.scroll = std::clamp(scroll, 0, std::max(0, view.row_count - view.page_rows));
  return view;
}

}  // namespace

View handle_key(View view, Key key) {
  if (view.help) {  // any key leaves the help, as a reader's first try should
    view.help = false;
    return view;
  }
  switch (key) {
    case Key::kOther:
      return view;
    case Key::kQuit:
      view.quit = true;
      return view;
    case Key::kHelp:
      view.help = true;
      return view;
    case Key::kNextColumn:
      return sorted_by(view, neighbour_sort(view.sort, 1));
    case Key::kPreviousColumn:
      return sorted_by(view, neighbour_sort(view.sort, -1));
    case Key::kReverse:
      return sorted_by(view, {.column = view.sort.column, .descending = !view.sort.descending});
    case Key::kUp:
      return scrolled_to(view, view.scroll - 1);
    case Key::kDown:
      return scrolled_to(view, view.scroll + 1);
    case Key::kPageUp:
      return scrolled_to(view, view.scroll - view.page_rows);
    case Key::kPageDown:
      return scrolled_to(view, view.scroll + view.page_rows);
    case Key::kHome:
      return scrolled_to(view, 0);
    case Key::kEnd:
      return scrolled_to(view, view.row_count);
  }
  return view;
}

Query query_for(const View& view) {
  if (view.batch) return {.sort = sort_text(view.sort), .max_rows = kAllRows};
  const int rows = std::clamp(view.scroll + view.height, 1, kMaxRows);
  return {.sort = sort_text(view.sort), .max_rows = static_cast<std::size_t>(rows)};
}

}  // namespace wsbpf::top
