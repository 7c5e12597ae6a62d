#include "top/body.h"

namespace wsbpf::top {

TableSize table_size(const View& view, const Window& window) {
  if (view.batch) return {.width = view.width};
  TableSize size{.width = view.width, .gutter = 1};
  const int selected = view.place().selected;
  if (selected >= window.begin && selected < window.end) {
    size.selected = static_cast<std::size_t>(selected - window.begin);
  }
  return size;
}

}  // namespace wsbpf::top
