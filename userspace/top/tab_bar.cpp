#include "top/tab_bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "core/text.h"
#include "top/format.h"
#include "top/lists.h"
#include "top/width.h"

namespace wsbpf::top {
namespace {

// How many rows the list has, where that is known.
std::optional<std::int64_t> rows_of(Tab tab, const Model& model, const View& view) {
  const Status& status = model.status;
  switch (tab) {
    case Tab::kListeners:
      return status.listeners;
    case Tab::kConnections:
      return status.connections;
    case Tab::kDisconnects:
      return disconnects_total(model, view);
    case Tab::kAlerts:
      return status.alerts_firing + status.alerts_pending;
  }
  return std::nullopt;
}

Span tab_span(Tab tab, const Model& model, const View& view) {
  std::string text(kTabNames[index_of(tab)]);
  if (const auto rows = rows_of(tab, model, view)) text += " " + count_text(rows);
  const bool open = tab == view.tab;
  if (open) return {"[" + text + "]", Style::kSortedTitle};
  return {" " + text + " ", Style::kTitle};
}

// Whether time goes on at the right end of the tabs, where it moves nothing else.
Span time_span(const Model& model, const View& view) {
  if (view.frozen) return {fmt::format(" FROZEN since {} ", view.frozen_since), Style::kWarning};
  if (!view.news.empty()) return {" " + view.news + " ", Style::kStrong};
  if (view.banner.empty() || view.page != Page::kTable || !extent_of(model, view).loaded) return {};
  const double age = std::max(0.0, view.now_unix_seconds - taken_unix_seconds(model, view));
  return {fmt::format(" as of {} ago ", duration_text(age)), Style::kWarning};
}

bool is_filtered(const View& view) {
  return !view.filter.empty() && view.page == Page::kTable &&
         (view.tab == Tab::kConnections || view.tab == Tab::kDisconnects);
}

Line filter_line(const View& view) {
  constexpr char kHint[] = "   Esc: back";
  const int room = view.width - display_width("filter ") - display_width(kHint);
  return {{"filter ", Style::kLabel},
          {clip(printable(view.filter), std::max(room, 0)), Style::kNotice},
          {kHint, Style::kLabel}};
}

}  // namespace

TabBar tab_bar(const Model& model, const View& view) {
  TabBar result;
  const Span time = time_span(model, view);
  const int room = view.width - display_width(time.text);
  Line tabs;
  int x = 0;
  for (std::size_t i = 0; i < kTabNames.size(); ++i) {
    Span span = tab_span(static_cast<Tab>(i), model, view);
    const int width = display_width(span.text);
    result.spots.push_back({.kind = Spot::Kind::kTab, .x = x, .width = width, .index = i});
    x += width;
    tabs.push_back(std::move(span));
  }
  tabs = fit_line(std::move(tabs), std::max(0, room), Style::kTitle);
  if (!time.text.empty()) tabs.push_back(time);
  result.lines.push_back(clip_line(tabs, view.width));
  if (is_filtered(view)) result.lines.push_back(clip_line(filter_line(view), view.width));
  return result;
}

}  // namespace wsbpf::top
