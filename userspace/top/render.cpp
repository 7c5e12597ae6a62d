#include "top/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "core/text.h"
#include "top/alerts.h"
#include "top/ascii.h"
#include "top/detail.h"
#include "top/disconnects.h"
#include "top/footer.h"
#include "top/format.h"
#include "top/header.h"
#include "top/help.h"
#include "top/listeners.h"
#include "top/lists.h"
#include "top/prose.h"
#include "top/tab_bar.h"

namespace wsbpf::top {
namespace {

// Column titles and three rows: before there is room for these, nothing else gets any.
constexpr int kLeastList = 4;

// All around the list or the page that is read.
struct Around {
  std::vector<Line> header;
  std::vector<Line> banner;
  std::vector<Line> notices;
  std::vector<Line> strip;  // the listeners, or how many ended by which verdict
  TabBar tabs;
  Footer footer;

  int height() const {
    return static_cast<int>(header.size() + banner.size() + notices.size() + strip.size() +
                            tabs.lines.size() + footer.lines.size());
  }
};

// Gives room to lines while there is some.
void take(std::vector<Line>& into, std::vector<Line> lines, int& room) {
  if (static_cast<int>(lines.size()) > room) {
    lines.resize(static_cast<std::size_t>(std::max(0, room)));
  }
  room -= static_cast<int>(lines.size());
  into = std::move(lines);
}

std::vector<Line> strip_lines(const Model& model, const View& view, int height) {
  if (view.tab == Tab::kDisconnects) {
    return extent_of(model, view).loaded ? verdict_lines(model, view.width) : std::vector<Line>{};
  }
  if (view.tab != Tab::kConnections || height < 2) return {};
  return listener_strip(model, view, height);
}

// In the order of what matters most: the terminal may be of any height.
Around around(const Model& model, const View& view) {
  const int quarter = view.height / 4;
  int room = view.height - (view.prompt ? 0 : kLeastList);
  Around result;
  result.footer = footer(model, view);
  take(result.footer.lines, std::exchange(result.footer.lines, {}), room);
  if (view.prompt) room -= std::min(room, kLeastList);
  if (view.help) return result;
  take(result.banner, banner_lines(view), room);
  result.tabs = tab_bar(model, view);
  take(result.tabs.lines, std::exchange(result.tabs.lines, {}), room);
  take(result.header, header_lines(model, view), room);
  if (view.page != Page::kTable) return result;
  take(result.notices, notice_lines(model, view, quarter), room);
  const int strip = std::min(room, std::max(2, quarter));
  take(result.strip, strip_lines(model, view, strip), room);
  return result;
}

std::vector<Line> text_of(const Model& model, const View& view) {
  if (view.help) return help_lines(view.width);
  if (view.page == Page::kAlert) return alert_page(model, view.page_id, view.width);
  return connection_page(model, view);
}

// The titles of a list take a line, where there is more than one.
int titles_height(int height) { return height > 1 ? 1 : 0; }

View settle_text(View view, const Model& model, int height) {
  view.page_rows = std::max(0, height);
  view.text_lines = static_cast<int>(text_of(model, view).size());
  view.text_first = std::clamp(view.text_first, 0, std::max(0, view.text_lines - view.page_rows));
  return view;
}

// Follows the selected row to where it has gone, if that is on the screen and loaded.
void follow(Place& place, const Model& model, const View& view, const Extent& extent) {
  const int begin = std::max(place.first, extent.first);
  const int end = std::min(place.first + view.page_rows, extent.first + extent.count);
  if (!place.id.empty()) {
    for (int row = begin; row < end; ++row) {
      if (row_id(model, view, row) == place.id) place.selected = row;
    }
  }
  const bool is_loaded =
      place.selected >= extent.first && place.selected < extent.first + extent.count;
  place.id = is_loaded ? row_id(model, view, place.selected) : "";
}

View settle_list(View view, const Model& model, int height) {
  const Extent extent = extent_of(model, view);
  view.page_rows = std::max(0, height - titles_height(height));
  view.rows_begin = view.frozen ? extent.first : 0;
  view.rows_end = view.frozen ? extent.first + extent.count : extent.total;
  if (!extent.loaded) return view;  // the place is to be kept until then

  Place& place = view.place();
  const int last = std::max(view.rows_begin, view.rows_end - 1);
  const int last_first = std::max(view.rows_begin, view.rows_end - view.page_rows);
  place.selected = std::clamp(place.selected, view.rows_begin, last);
  place.first = std::clamp(place.first, view.rows_begin, last_first);
  place.first =
      std::clamp(place.first, place.selected - std::max(0, view.page_rows - 1), place.selected);
  follow(place, model, view, extent);

  view.chosen_filter.clear();
  if (view.tab == Tab::kListeners && !place.id.empty()) {
    const auto selected = static_cast<std::size_t>(place.selected);
    view.chosen_filter = listener_filter(ordered_listeners(model)[selected]->key);
  }
  return view;
}

View settle_around(View view, const Model& model, const Around& around) {
  const int height = view.height - around.height();
  return view.shows_text() ? settle_text(std::move(view), model, height)
                           : settle_list(std::move(view), model, height);
}

void append_spots(Frame& frame, const std::vector<Spot>& spots, int y) {
  for (Spot spot : spots) {
    spot.y += y;
    frame.spots.push_back(spot);
  }
}

// What is said in the place of rows; empty where there are some.
std::vector<Line> instead_of_rows(const Model& model, const View& view, const Body& body) {
  const Extent extent = extent_of(model, view);
  const bool asked = view.prompt && view.prompt->asked;
  if (model.refused && !view.prompt) {
    return wrapped(printable(model.refused->message), Style::kWarning, 0, view.width);
  }
  if (!extent.loaded) {
    return wrapped(not_loaded_text(view), Style::kLabel, 0, view.width);
  }
  if (extent.total == 0 && !asked) return wrapped(body.empty, Style::kLabel, 0, view.width);
  return {};
}

// The rows on the screen, blank where they are not loaded.
void append_list(Frame& frame, const Model& model, const View& view, bool titles) {
  const Extent extent = extent_of(model, view);
  const int first = view.batch ? 0 : view.place().first;
  const int rows = view.batch ? extent.count : view.page_rows;
  Window window{.begin = std::max(first, extent.first),
                .end = std::min(first + rows, extent.first + extent.count)};
  window.end = std::max(window.begin, window.end);
  Body body = body_of(model, view, window);

  if (titles) {
    append_spots(frame, body.titles, static_cast<int>(frame.lines.size()));
    frame.lines.push_back(std::move(body.table.titles));
  }
  if (auto lines = instead_of_rows(model, view, body); !lines.empty()) {
    append_lines(frame.lines, std::move(lines));
    return;
  }
  const int blank = std::min(rows, window.begin - first);
  frame.lines.resize(frame.lines.size() + static_cast<std::size_t>(std::max(0, blank)));
  int row = window.begin;
  for (Line& line : body.table.rows) {
    frame.spots.push_back({.kind = Spot::Kind::kRow,
                           .x = 0,
                           .y = static_cast<int>(frame.lines.size()),
                           .width = view.width,
                           .index = static_cast<std::size_t>(row++)});
    frame.lines.push_back(std::move(line));
  }
}

void append_text(Frame& frame, const Model& model, const View& view) {
  const std::vector<Line> lines = text_of(model, view);
  const auto first = static_cast<std::size_t>(view.text_first);
  for (std::size_t i = first;
       i < lines.size() && i < first + static_cast<std::size_t>(view.page_rows); ++i) {
    frame.lines.push_back(lines[i]);
  }
}

// How much of everything the filter lets through.
Line filter_line(const Model& model, const View& view) {
  return {{fmt::format("{} of {}, filter {}", model.connections.total,
                       count_text(model.status.connections), printable(view.filter)),
           Style::kLabel}};
}

Frame batch_frame(const Model& model, const View& view) {
  Frame frame{.lines = header_lines(model, view), .spots = {}, .cursor = {}};
  append_lines(frame.lines, notice_lines(model, view, 0));
  append_lines(frame.lines, listener_strip(model, view, 0));
  if (!view.filter.empty()) frame.lines.push_back(filter_line(model, view));
  append_list(frame, model, view, true);
  return frame;
}

Frame screen_frame(const Model& model, View view) {
  Around sides = around(model, view);
  const bool titles = titles_height(view.height - sides.height()) > 0;
  view = settle_around(std::move(view), model, sides);
  sides.footer = footer(model, view);  // now that the place in the list is known
  Frame frame;
  append_lines(frame.lines, std::move(sides.header));
  append_lines(frame.lines, std::move(sides.banner));
  append_lines(frame.lines, std::move(sides.notices));
  if (!sides.tabs.lines.empty()) {
    append_spots(frame, sides.tabs.spots, static_cast<int>(frame.lines.size()));
  }
  append_lines(frame.lines, std::move(sides.tabs.lines));
  append_lines(frame.lines, std::move(sides.strip));
  if (view.shows_text()) {
    append_text(frame, model, view);
  } else {
    append_list(frame, model, view, titles);
  }

  // The footer stays at the bottom of the screen while there is room for it.
  const auto height = static_cast<std::size_t>(std::max(0, view.height));
  const bool has_footer = view.prompt || view.height > kLeastList;
  const std::size_t footer_height = has_footer ? std::min(height, sides.footer.lines.size()) : 0;
  frame.lines.resize(height - footer_height);
  sides.footer.lines.resize(footer_height);
  if (footer_height > 0) frame.cursor = sides.footer.cursor;
  if (frame.cursor) frame.cursor->y += static_cast<int>(frame.lines.size());
  append_lines(frame.lines, std::move(sides.footer.lines));
  return frame;
}

}  // namespace

View settle(View view, const Model& model) {
  const Around sides = around(model, view);
  return settle_around(std::move(view), model, sides);
}

Frame render(const Model& model, const View& view) {
  Frame frame = view.batch ? batch_frame(model, view) : screen_frame(model, view);
  for (Line& line : frame.lines) line = clip_line(line, view.width);
  return view.ascii ? to_ascii(std::move(frame)) : frame;
}

}  // namespace wsbpf::top
