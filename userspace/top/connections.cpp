#include "top/connections.h"

#include <algorithm>
#include <string_view>

#include "top/format.h"

namespace wsbpf::top {
namespace {

constexpr int kSaid = 11;  // the importance of a column once there is something to say
constexpr int kExtra = 2;  // of one that is left to wide screens even then

// A column, what it shows, and the one or two sort columns that order the rows by it.
struct Field {
  Column column;
  std::string (*text)(const Connection& connection);
  std::string_view sort = {};
  std::string_view also_sort = {};
  // Not empty: the column has room only where there is something to say, and matters so much then.
  bool (*is_said)(const Connection& connection) = nullptr;
  int said_importance = kSaid;
};

bool is_half_open(const Connection& connection) { return !connection.half_open.empty(); }

// Half-open, and not merely silent, as any idle connection is.
bool is_in_doubt(const Connection& connection) {
  return !connection.half_open.empty() && connection.half_open != "silent";
}

// Something is known of a WebSocket, and not only that none was asked for.
bool is_websocket(const Connection& connection) {
  const std::string& phase = connection.websocket.phase;
  return !phase.empty() && phase != "none" && phase != "unknown";
}

bool is_unreadable(const Connection& connection) {
  const std::string& unread = connection.websocket.unread;
  return !unread.empty() && unread != "off";
}

bool has_messages(const Connection& connection) {
  return connection.websocket.messages_received || connection.websocket.messages_sent;
}

// At least so many where not all were read.
std::string messages_text(const Connection& connection, std::optional<std::int64_t> messages) {
  const bool least = messages && connection.websocket.counts_at_least;
  return (least ? "≥" : "") + count_text(messages);
}

// At 80 columns everything up to SEND-Q, OWNER and PEER fits.
const std::vector<Field>& fields() {
  static const std::vector<Field> all = {
      {{.title = "STATE", .width = 11, .max_width = 11, .importance = kAlways},
       [](const Connection& c) { return c.state.empty() ? kUnknown : c.state; },
       "state"},
      {{.title = "SINCE", .width = 7, .max_width = 7, .align = Align::kRight, .importance = 10},
       [](const Connection& c) {
         return at_least_text(c.state_age_seconds, c.state_age_is_lower_bound);
       },
       "state_age"},
      {{.title = "AGE", .width = 7, .max_width = 7, .align = Align::kRight, .importance = 6},
       [](const Connection& c) { return at_least_text(c.age_seconds, c.age_is_lower_bound); },
       "age"},
      {{.title = "IDLE", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 7},
       [](const Connection& c) { return duration_text(c.idle_seconds); },
       "idle"},
      {{.title = "RECV-Q", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 5},
       [](const Connection& c) { return size_text(c.unread_bytes); },
       "recv_q"},
      {{.title = "SEND-Q", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 4},
       [](const Connection& c) { return size_text(c.send_queue_bytes); },
       "send_q"},
      {{.title = "RETR", .width = 4, .max_width = 6, .align = Align::kRight, .importance = 3},
       [](const Connection& c) { return count_text(c.retransmits); },
       "retransmits"},
      {{.title = "SRTT", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 2},
       [](const Connection& c) { return round_trip_text(c.srtt_seconds); },
       "srtt"},
      {{.title = "HALF-OPEN", .width = 9, .max_width = 9, .importance = 1},
       [](const Connection& c) { return c.half_open.empty() ? kUnknown : c.half_open; },
       {},
       {},
       is_in_doubt},
      {{.title = "WS", .width = 9, .max_width = 9, .importance = kNever},
       [](const Connection& c) { return websocket_text(c.websocket); },
       "phase",
       {},
       is_websocket},
      {{.title = "MSG-IN",
        .width = 6,
        .max_width = 7,
        .align = Align::kRight,
        .importance = kNever},
       [](const Connection& c) { return messages_text(c, c.websocket.messages_received); },
       "messages_received",
       {},
       has_messages,
       kExtra},
      {{.title = "MSG-OUT",
        .width = 7,
        .max_width = 7,
        .align = Align::kRight,
        .importance = kNever},
       [](const Connection& c) { return messages_text(c, c.websocket.messages_sent); },
       "messages_sent",
       {},
       has_messages,
       kExtra},
      {{.title = "PING", .width = 6, .max_width = 6, .align = Align::kRight, .importance = kNever},
       [](const Connection& c) { return round_trip_text(c.websocket.ping_rtt_seconds); },
       "ping_rtt",
       {},
       [](const Connection& c) { return c.websocket.ping_rtt_seconds.has_value(); },
       kExtra},
      {{.title = "OWNER",
        .width = 10,
        .max_width = 32,
        .cut = Cut::kName,
        .importance = 9,
        .shows_whole = true},
       [](const Connection& c) { return owner_text(c.owner); },
       "pid",
       "comm"},
      {{.title = "PEER", .width = 17, .max_width = 47, .cut = Cut::kFront, .importance = 8},
       [](const Connection& c) { return endpoint_text(c.remote); },
       "peer"},
      {{.title = "LOCAL", .width = 17, .max_width = 47, .cut = Cut::kFront, .importance = 1},
       [](const Connection& c) { return endpoint_text(c.local); },
       "local"},
      {{.title = "POD", .width = 16, .max_width = 60, .cut = Cut::kFront, .importance = kNever},
       [](const Connection& c) { return workload_text(c.workload); },
       {},
       {},
       [](const Connection& c) { return !c.workload.pod.empty(); },
       0},
  };
  return all;
}

bool is_said(const Field& field, const std::vector<Connection>& connections) {
  return field.is_said != nullptr &&
         std::any_of(connections.begin(), connections.end(), field.is_said);
}

// The column that the rows are sorted by is shown however little it matters otherwise.
std::vector<Column> columns_for(const Model& model, const View& view) {
  const std::string& sort = sort_columns()[view.sort.column];
  const auto& rows = model.connections.rows;
  std::vector<Column> columns;
  for (const Field& field : fields()) {
    Column column = field.column;
    if (is_said(field, rows)) {
      column.importance = field.said_importance;
    } else if (column.title == "WS" && std::any_of(rows.begin(), rows.end(), is_unreadable)) {
      column.importance = kExtra;
    }
    column.is_idle =
        column.title == "HALF-OPEN" && std::none_of(rows.begin(), rows.end(), is_half_open);
    if (field.sort == sort || field.also_sort == sort) {
      column.title_style = Style::kSortedTitle;
      column.importance = kAlways;
    }
    columns.push_back(column);
  }
  return columns;
}

Style row_style(const Connection& connection, const Status& status) {
  if (is_in_doubt(connection)) return Style::kNotice;
  if (connection.state != "close_wait") return Style::kPlain;
  const bool stuck = connection.state_age_seconds && status.close_wait_for_seconds &&
                     *connection.state_age_seconds >= *status.close_wait_for_seconds;
  return stuck ? Style::kCritical : Style::kNotice;
}

// What is wrong stands out; the rest of the row stays calm.
bool tells_trouble(std::string_view title) {
  return title == "STATE" || title == "SINCE" || title == "HALF-OPEN";
}

Row row_of(const Connection& connection, const Status& status) {
  const Style style = row_style(connection, status);
  Row row;
  for (const Field& field : fields()) {
    row.push_back(
        {field.text(connection), tells_trouble(field.column.title) ? style : Style::kPlain});
  }
  return row;
}

std::vector<Spot> title_spots(const Table& table) {
  std::vector<Spot> spots;
  for (const ShownColumn& column : table.shown) {
    const auto& columns = sort_columns();
    const auto found = std::find(columns.begin(), columns.end(), fields()[column.index].sort);
    if (found == columns.end()) continue;
    spots.push_back({.kind = Spot::Kind::kSort,
                     .x = column.x,
                     .width = column.width,
                     .index = static_cast<std::size_t>(found - columns.begin())});
  }
  return spots;
}

}  // namespace

std::string sort_title(const Sort& sort) {
  const std::string& name = sort_columns()[sort.column];
  for (const Field& field : fields()) {
    if (field.sort != name && field.also_sort != name) continue;
    std::string title(field.column.title);
    return field.also_sort.empty() ? title : title + " " + name;
  }
  return name;
}

Body connections_body(const Model& model, const View& view, const Window& window) {
  std::vector<Row> rows;
  for (int row = window.begin; row < window.end; ++row) {
    const std::size_t index = static_cast<std::size_t>(row) - model.connections.first;
    rows.push_back(row_of(model.connections.rows[index], model.status));
  }
  Body body{lay_out(columns_for(model, view), rows, table_size(view, window))};
  body.titles = title_spots(body.table);
  body.empty =
      view.filter.empty() ? "no connections" : "no connections that the filter lets through";
  return body;
}

}  // namespace wsbpf::top
