#include "top/listeners.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "top/format.h"
#include "top/sparkline.h"

namespace wsbpf::top {
namespace {

constexpr int kNumberWidth = 5;

struct Field {
  Column column;
  Cell (*cell)(const Listener& listener, const Model& model);
};

Cell plain(std::string text) { return {.text = std::move(text)}; }

std::int64_t all_states(const StateCounts& states) {
  return states.established + states.close_wait + states.fin_wait + states.time_wait + states.other;
}

// A count with its share of the listener's connections as a bar, where there is room for one.
Cell counted(std::int64_t count, const Listener& listener, Style bar_style, Style style) {
  const std::int64_t total = all_states(listener.states);
  return {.draw = [=](int width) {
    Line line = bar(count, total, std::max(0, width - kNumberWidth - 1), bar_style);
    if (width > kNumberWidth) line.push_back({" "});
    line.push_back({fit(count_text(count), std::min(width, kNumberWidth), Align::kRight), style});
    return line;
  }};
}

Cell calm_count(std::int64_t count, const Listener& listener) {
  return counted(count, listener, Style::kLabel, Style::kPlain);
}

Cell port_cell(const Listener& listener, const Model&) {
  return {.text = listener.key.port ? fmt::format("{}", *listener.key.port) : kUnknown,
          .style = Style::kStrong};
}

Cell role_cell(const Listener& listener, const Model&) { return plain(listener.key.role); }

// Workers that share the port by SO_REUSEPORT or fork are one listener with several owners.
Cell owner_cell(const Listener& listener, const Model&) {
  const std::string first = owner_text(listener.owners.empty() ? Owner{} : listener.owners.front());
  if (listener.owners.size() < 2) return plain(first);
  return plain(fmt::format("{}+{}", first, listener.owners.size() - 1));
}

Cell established_cell(const Listener& listener, const Model&) {
  return calm_count(listener.states.established, listener);
}

Cell close_wait_cell(const Listener& listener, const Model&) {
  const Style style = listener.states.close_wait > 0 ? Style::kNotice : Style::kPlain;
  return counted(listener.states.close_wait, listener, style, style);
}

Style stuck_style(std::int64_t stuck, std::optional<std::int64_t> threshold) {
  if (stuck == 0) return Style::kPlain;
  return threshold && stuck > *threshold ? Style::kCritical : Style::kNotice;
}

Cell stuck_cell(const Listener& listener, const Model& model) {
  const auto threshold = model.status.close_wait_threshold;
  return {
      .text = fmt::format("{}/{}", count_text(listener.close_wait_stuck), count_text(threshold)),
      .style = stuck_style(listener.close_wait_stuck, threshold)};
}

Cell history_cell(const Listener& listener, const Model& model) {
  const auto found = std::find_if(
      model.history.begin(), model.history.end(),
      [&listener](const History& history) { return history.listener == listener.key; });
  if (found == model.history.end()) return {};
  return {.draw = [&values = found->close_wait_stuck,
                   threshold = model.status.close_wait_threshold](int width) {
    return sparkline(values, threshold, width);
  }};
}

Cell half_open_cell(const Listener& listener, const Model&) {
  return {.text = count_text(listener.half_open),
          .style = listener.half_open_stuck > 0 ? Style::kNotice : Style::kPlain};
}

Cell fin_wait_cell(const Listener& listener, const Model&) {
  return calm_count(listener.states.fin_wait, listener);
}

Cell time_wait_cell(const Listener& listener, const Model&) {
  return calm_count(listener.states.time_wait, listener);
}

Cell other_cell(const Listener& listener, const Model&) {
  return calm_count(listener.states.other, listener);
}

// A full queue drops handshakes: the clients see connection timeouts.
bool has_full_queue(const Listener& listener) {
  const auto& queue = listener.accept_queue;
  return queue && queue->full;
}

Cell accept_queue_cell(const Listener& listener, const Model&) {
  if (!listener.accept_queue) return plain(kUnknown);
  const AcceptQueue& queue = *listener.accept_queue;
  return {.text = fmt::format("{}/{}", count_text(queue.length), count_text(queue.limit)),
          .style = has_full_queue(listener) ? Style::kCritical : Style::kPlain};
}

Cell websockets_cell(const Listener& listener, const Model&) {
  return plain(count_text(listener.websockets));
}

Cell opens_cell(const Listener& listener, const Model&) {
  return plain(rate_text(listener.opens_per_second));
}

Cell closes_cell(const Listener& listener, const Model&) {
  return plain(rate_text(listener.closes_per_second));
}

Cell workload_cell(const Listener& listener, const Model&) {
  return plain(workload_text(listener.workload));
}

Column bars(std::string_view title, int width, int max_width, int importance) {
  return {.title = title,
          .width = width,
          .max_width = max_width,
          .align = Align::kRight,
          .importance = importance};
}

constexpr std::size_t kRoleField = 1;
constexpr std::size_t kHalfOpenField = 6;
constexpr std::size_t kTimeWaitField = 9;
constexpr std::size_t kOtherField = 10;
constexpr std::size_t kWebSocketsField = 12;

// At 80 columns PORT to ACCEPT-Q fit, but for ROLE and HALF-O, which take the place of TIME_W where
// they have something to say, as WS does.
const std::vector<Field>& fields() {
  static const std::vector<Field> all = {
      {{.title = "PORT", .width = 5, .max_width = 5, .align = Align::kRight, .importance = kAlways},
       port_cell},
      {{.title = "ROLE", .width = 6, .max_width = 6, .importance = 1}, role_cell},
      {{.title = "OWNER",
        .width = 10,
        .max_width = 24,
        .cut = Cut::kName,
        .importance = 8,
        .shows_whole = true},
       owner_cell},
      {bars("ESTAB", 9, 20, 9), established_cell},
      {bars("CLOSE_W", 9, 20, 12), close_wait_cell},
      {{.title = "STUCK", .width = 6, .max_width = 11, .align = Align::kRight, .importance = 11},
       stuck_cell},
      {{.title = "HALF-O", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 1},
       half_open_cell},
      {{.title = "LAST 60s", .width = 12, .max_width = 60, .importance = 10}, history_cell},
      {bars("FIN_W", 5, 10, 4), fin_wait_cell},
      {bars("TIME_W", 6, 10, 3), time_wait_cell},
      {bars("OTHER", 5, 10, 2), other_cell},
      {{.title = "ACCEPT-Q", .width = 8, .max_width = 11, .align = Align::kRight, .importance = 7},
       accept_queue_cell},
      {{.title = "WS", .width = 5, .max_width = 7, .align = Align::kRight, .importance = kNever},
       websockets_cell},
      {{.title = "OPEN/S", .width = 6, .max_width = 8, .align = Align::kRight, .importance = 2},
       opens_cell},
      {{.title = "CLOSE/S", .width = 7, .max_width = 8, .align = Align::kRight, .importance = 2},
       closes_cell},
      {{.title = "POD", .width = 16, .max_width = 40, .cut = Cut::kFront, .importance = 0},
       workload_cell},
  };
  return all;
}

std::vector<Column> columns_for(const std::vector<Listener>& listeners) {
  std::vector<Column> columns;
  for (const Field& field : fields()) columns.push_back(field.column);
  const auto any = [&listeners](auto holds) {
    return std::any_of(listeners.begin(), listeners.end(), holds);
  };
  if (any([&](const Listener& l) { return l.key.role != listeners.front().key.role; })) {
    columns[kRoleField].importance = 8;
  } else {
    columns[kRoleField].is_idle = true;
  }
  if (any([](const Listener& l) { return l.half_open > 0; })) {
    columns[kHalfOpenField].importance = 8;
  } else {
    columns[kHalfOpenField].is_idle = true;
  }
  if (any([](const Listener& l) { return l.websockets > 0; })) {
    columns[kWebSocketsField].importance = 5;
  }
  columns[kTimeWaitField].is_idle = !any([](const Listener& l) { return l.states.time_wait > 0; });
  columns[kOtherField].is_idle = !any([](const Listener& l) { return l.states.other > 0; });
  if (!any([](const Listener& l) { return !l.workload.pod.empty(); })) columns.pop_back();
  return columns;
}

bool is_troubled(const Listener& listener) {
  return listener.close_wait_stuck > 0 || listener.half_open_stuck > 0 ||
         listener.stuck_handshakes > 0 || has_full_queue(listener);
}

// Its connections, and no others, are shown below the strip.
bool is_chosen(const Listener& listener, const View& view) {
  return !view.filter.empty() && view.filter == listener_filter(listener.key);
}

std::string none_text(const Status& status) {
  return fmt::format("nothing listens on the watched ports {}", status.ports);
}

Table table_of(const Model& model, const std::vector<const Listener*>& listeners,
               const TableSize& size) {
  std::vector<Row> rows;
  for (const Listener* listener : listeners) {
    Row& row = rows.emplace_back();
    for (const Field& field : fields()) row.push_back(field.cell(*listener, model));
  }
  return lay_out(columns_for(model.listeners.rows), rows, size);
}

}  // namespace

std::vector<const Listener*> ordered_listeners(const Model& model) {
  std::vector<const Listener*> listeners;
  for (const Listener& listener : model.listeners.rows) listeners.push_back(&listener);
  std::stable_partition(listeners.begin(), listeners.end(),
                        [](const Listener* listener) { return is_troubled(*listener); });
  return listeners;
}

std::string listener_id(const ListenerKey& key) {
  return fmt::format("{} {} {}", key.netns.value_or(0), key.port.value_or(0), key.role);
}

std::string listener_filter(const ListenerKey& key) {
  if (!key.port) return {};
  const char* const port = key.role == "client" ? "role client and dport" : "sport";
  std::string filter = fmt::format("{} = :{}", port, *key.port);
  if (key.netns) filter += fmt::format(" and netns = {}", *key.netns);
  return filter;
}

Body listeners_body(const Model& model, const View& view, const Window& window) {
  auto listeners = ordered_listeners(model);
  listeners.resize(static_cast<std::size_t>(window.end));
  listeners.erase(listeners.begin(), listeners.begin() + window.begin);
  return {.table = table_of(model, listeners, table_size(view, window)),
          .empty = none_text(model.status)};
}

std::vector<Line> listener_strip(const Model& model, const View& view, int height) {
  auto listeners = ordered_listeners(model);
  std::stable_partition(listeners.begin(), listeners.end(),
                        [&view](const Listener* listener) { return is_chosen(*listener, view); });
  const std::size_t all = listeners.size();
  const auto room = static_cast<std::size_t>(std::max(1, height - 1));
  const bool cut = !view.batch && all > room;
  if (cut) listeners.resize(room - 1);

  Table table = table_of(model, listeners, {.width = view.width, .gutter = view.batch ? 0 : 1});
  std::vector<Line> lines{std::move(table.titles)};
  append_lines(lines, std::move(table.rows));
  if (cut) {
    lines.push_back({{fmt::format("… {} more listeners", all - listeners.size()), Style::kLabel}});
  }
  if (all == 0) {
    const bool loaded = model.listeners.loaded;
    lines.push_back({{loaded ? none_text(model.status) : not_loaded_text(view), Style::kLabel}});
  }
  for (Line& line : lines) line = clip_line(line, view.width);
  return lines;
}

}  // namespace wsbpf::top
