#include "top/connections.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "top/format.h"
#include "top/table.h"

namespace wsbpf::top {
namespace {

// A column, what it shows, and the one or two sort columns that order the rows by it.
struct Field {
  Column column;
  std::string (*text)(const Connection& connection);
  std::string_view sort = {};
  std::string_view also_sort = {};
};

std::string age_text(const Connection& connection) {
  const bool at_least = connection.age_is_lower_bound && connection.age_seconds;
  return (at_least ? "≥" : "") + duration_text(connection.age_seconds);
}

// At 80 columns everything up to SEND-Q, OWNER and PEER fits.
const std::vector<Field>& fields() {
  static const std::vector<Field> all = {
      {{.title = "STATE", .width = 11, .max_width = 11, .importance = kAlways},
       [](const Connection& c) { return c.state.empty() ? kUnknown : c.state; },
       "state"},
      {{.title = "AGE", .width = 7, .max_width = 7, .align = Align::kRight, .importance = 6},
       age_text,
       "age"},
      {{.title = "SINCE", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 10},
       [](const Connection& c) { return duration_text(c.state_age_seconds); },
       "state_age"},
      {{.title = "IDLE", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 7},
       [](const Connection& c) { return duration_text(c.idle_seconds); },
       "idle"},
      {{.title = "RECV-Q", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 5},
       [](const Connection& c) { return size_text(c.unread_bytes); },
       "recv_q"},
      {{.title = "SEND-Q", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 4},
       [](const Connection& c) { return size_text(c.unacked_bytes); },
       "send_q"},
      {{.title = "RETR", .width = 4, .max_width = 6, .align = Align::kRight, .importance = 3},
       [](const Connection& c) { return count_text(c.retransmits); },
       "retransmits"},
      {{.title = "SRTT", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 2},
       [](const Connection& c) { return round_trip_text(c.srtt_seconds); },
       "srtt"},
      {{.title = "OWNER", .width = 10, .max_width = 24, .cut = Cut::kFront, .importance = 9},
       [](const Connection& c) { return owner_text(c.owner); },
       "pid",
       "comm"},
      {{.title = "PEER", .width = 21, .max_width = 47, .cut = Cut::kFront, .importance = 8},
       [](const Connection& c) { return endpoint_text(c.remote); },
       "peer"},
      {{.title = "LOCAL", .width = 21, .max_width = 47, .cut = Cut::kFront, .importance = 1},
       [](const Connection& c) { return endpoint_text(c.local); },
       "local"},
      {{.title = "POD", .width = 16, .max_width = 60, .cut = Cut::kFront, .importance = 0},
       [](const Connection& c) { return workload_text(c.workload); }},
  };
  return all;
}

// The column that the rows are sorted by is shown however little it matters otherwise.
std::vector<Column> columns_for(const Model& model, const View& view) {
  const std::string& sort = sort_columns()[view.sort.column];
  std::vector<Column> columns;
  for (const Field& field : fields()) {
    columns.push_back(field.column);
    if (field.sort != sort && field.also_sort != sort) continue;
    columns.back().title_style = Style::kSortedTitle;
    columns.back().importance = kAlways;
  }
  const bool any_pod =
      std::any_of(model.connections.begin(), model.connections.end(),
                  [](const Connection& connection) { return !connection.workload.pod.empty(); });
  if (!any_pod) columns.pop_back();
  return columns;
}

Style row_style(const Connection& connection, const Status& status) {
  if (connection.state != "close_wait") return Style::kPlain;
  const bool stuck = connection.state_age_seconds && status.close_wait_for_seconds &&
                     *connection.state_age_seconds >= *status.close_wait_for_seconds;
  return stuck ? Style::kCritical : Style::kNotice;
}

Row row_of(const Connection& connection, const Status& status) {
  const Style style = row_style(connection, status);
  Row row;
  for (const Field& field : fields()) row.push_back({field.text(connection), style});
  return row;
}

}  // namespace

std::vector<Line> connection_lines(const Model& model, const View& view) {
  const std::size_t loaded = model.connections.size();
  const std::size_t first = view.batch ? 0 : std::min<std::size_t>(view.scroll, loaded);
  const std::size_t rest = loaded - first;
  const std::size_t shown = view.batch ? rest : std::min<std::size_t>(view.page_rows, rest);

  std::vector<Row> rows;
  for (std::size_t i = first; i < first + shown; ++i) {
    rows.push_back(row_of(model.connections[i], model.status));
  }
  std::vector<Line> lines = table_lines(columns_for(model, view), rows, view.width);
  if (model.connections_total == 0) {
    lines.push_back(clip_line({{"no connections", Style::kLabel}}, view.width));
  }
  return lines;
}

}  // namespace wsbpf::top
