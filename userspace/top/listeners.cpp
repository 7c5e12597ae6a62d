#include "top/listeners.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "top/format.h"
#include "top/table.h"

namespace wsbpf::top {
namespace {

struct Field {
  Column column;
  Cell (*cell)(const Listener& listener, const Status& status);
};

Cell plain(std::string text) { return {.text = std::move(text), .style = Style::kPlain}; }

Cell port_cell(const Listener& listener, const Status&) {
  return {.text = listener.port ? fmt::format("{}", *listener.port) : kUnknown,
          .style = Style::kStrong};
}

Cell role_cell(const Listener& listener, const Status&) { return plain(listener.role); }

// Workers that share the port by SO_REUSEPORT or fork are one listener with several owners.
Cell owner_cell(const Listener& listener, const Status&) {
  const std::string first = owner_text(listener.owners.empty() ? Owner{} : listener.owners.front());
  if (listener.owners.size() < 2) return plain(first);
  return plain(fmt::format("{}+{}", first, listener.owners.size() - 1));
}

Cell established_cell(const Listener& listener, const Status&) {
  return plain(count_text(listener.states.established));
}

Cell close_wait_cell(const Listener& listener, const Status&) {
  return {.text = count_text(listener.states.close_wait),
          .style = listener.states.close_wait > 0 ? Style::kNotice : Style::kPlain};
}

Style stuck_style(std::int64_t stuck, std::optional<std::int64_t> threshold) {
  if (stuck == 0) return Style::kPlain;
  return threshold && stuck > *threshold ? Style::kCritical : Style::kNotice;
}

Cell stuck_cell(const Listener& listener, const Status& status) {
  return {.text = fmt::format("{}/{}", count_text(listener.close_wait_stuck),
                              count_text(status.close_wait_threshold)),
          .style = stuck_style(listener.close_wait_stuck, status.close_wait_threshold)};
}

Cell fin_wait_cell(const Listener& listener, const Status&) {
  return plain(count_text(listener.states.fin_wait));
}

Cell time_wait_cell(const Listener& listener, const Status&) {
  return plain(count_text(listener.states.time_wait));
}

Cell other_cell(const Listener& listener, const Status&) {
  return plain(count_text(listener.states.other));
}

// A full queue drops handshakes: the clients see connection timeouts.
Cell accept_queue_cell(const Listener& listener, const Status&) {
  if (!listener.accept_queue) return plain(kUnknown);
  const auto& [length, limit] = *listener.accept_queue;
  return {.text = fmt::format("{}/{}", count_text(length), count_text(limit)),
          .style = length > 0 && length >= limit ? Style::kCritical : Style::kPlain};
}

Cell opens_cell(const Listener& listener, const Status&) {
  return plain(rate_text(listener.opens_per_second));
}

Cell closes_cell(const Listener& listener, const Status&) {
  return plain(rate_text(listener.closes_per_second));
}

Cell workload_cell(const Listener& listener, const Status&) {
  return plain(workload_text(listener.workload));
}

constexpr std::size_t kRoleField = 1;

// At 80 columns all but ROLE fit; ROLE takes the place of OTHER where roles differ.
const std::vector<Field>& fields() {
  static const std::vector<Field> all = {
      {{.title = "PORT", .width = 5, .max_width = 5, .align = Align::kRight, .importance = kAlways},
       port_cell},
      {{.title = "ROLE", .width = 6, .max_width = 6, .importance = 1}, role_cell},
      {{.title = "OWNER", .width = 10, .max_width = 24, .cut = Cut::kFront, .importance = 8},
       owner_cell},
      {{.title = "ESTAB", .width = 5, .max_width = 7, .align = Align::kRight, .importance = 9},
       established_cell},
      {{.title = "CLOSE_W", .width = 7, .max_width = 9, .align = Align::kRight, .importance = 11},
       close_wait_cell},
      {{.title = "STUCK", .width = 6, .max_width = 11, .align = Align::kRight, .importance = 10},
       stuck_cell},
      {{.title = "FIN_W", .width = 5, .max_width = 7, .align = Align::kRight, .importance = 4},
       fin_wait_cell},
      {{.title = "TIME_W", .width = 6, .max_width = 8, .align = Align::kRight, .importance = 3},
       time_wait_cell},
      {{.title = "OTHER", .width = 5, .max_width = 7, .align = Align::kRight, .importance = 2},
       other_cell},
      {{.title = "ACCEPT-Q", .width = 8, .max_width = 11, .align = Align::kRight, .importance = 7},
       accept_queue_cell},
      {{.title = "OPEN/S", .width = 6, .max_width = 8, .align = Align::kRight, .importance = 6},
       opens_cell},
      {{.title = "CLOSE/S", .width = 7, .max_width = 8, .align = Align::kRight, .importance = 5},
       closes_cell},
      {{.title = "POD", .width = 16, .max_width = 60, .cut = Cut::kFront, .importance = 0},
       workload_cell},
  };
  return all;
}

std::vector<Column> columns_for(const std::vector<Listener>& listeners) {
  std::vector<Column> columns;
  for (const Field& field : fields()) columns.push_back(field.column);

  const bool roles_differ = std::any_of(
      listeners.begin(), listeners.end(),
      [&listeners](const Listener& listener) { return listener.role != listeners.front().role; });
  if (roles_differ) columns[kRoleField].importance = 8;

  const bool any_pod =
      std::any_of(listeners.begin(), listeners.end(),
                  [](const Listener& listener) { return !listener.workload.pod.empty(); });
  if (!any_pod) columns.pop_back();
  return columns;
}

Row row_of(const Listener& listener, const Status& status) {
  Row row;
  for (const Field& field : fields()) row.push_back(field.cell(listener, status));
  return row;
}

Line no_listener_line(const Status& status) {
  return {{fmt::format("nothing listens on the watched ports {}", status.ports), Style::kLabel}};
}

std::size_t room_for_rows(const View& view) {
  return static_cast<std::size_t>(std::max(1, view.height / 4));
}

}  // namespace

std::vector<Line> listener_lines(const Model& model, const View& view) {
  std::vector<Row> troubled;
  std::vector<Row> calm;
  for (const Listener& listener : model.listeners) {
    (listener.close_wait_stuck > 0 ? troubled : calm).push_back(row_of(listener, model.status));
  }
  std::vector<Row> rows = std::move(troubled);
  rows.insert(rows.end(), calm.begin(), calm.end());

  const std::size_t room = room_for_rows(view);
  const bool cut = !view.batch && rows.size() > room;
  if (cut) rows.resize(room - 1);

  std::vector<Line> lines = table_lines(columns_for(model.listeners), rows, view.width);
  if (cut) {
    const std::size_t missing = model.listeners.size() - rows.size();
    lines.push_back(
        clip_line({{fmt::format("… {} more listeners", missing), Style::kLabel}}, view.width));
  }
  if (model.listeners.empty()) {
    lines.push_back(clip_line(no_listener_line(model.status), view.width));
  }
  return lines;
}

}  // namespace wsbpf::top
