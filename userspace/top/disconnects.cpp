#include "top/disconnects.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "top/format.h"

namespace wsbpf::top {
namespace {

struct Field {
  Column column;
  std::string (*text)(const Disconnect& disconnect, const Model& model);
};

std::string ago(const Disconnect& disconnect, const Model& model) {
  if (!disconnect.ended_unix_seconds) return kUnknown;
  return duration_text(std::max(0.0, model.taken_unix_seconds - *disconnect.ended_unix_seconds));
}

std::string or_unknown(const std::string& text) { return text.empty() ? kUnknown : text; }

std::string listener_port(const Connection& connection) {
  return connection.local.port ? fmt::format("{}", *connection.local.port) : kUnknown;
}

std::string confidence(const Ending& ending) {
  return ending.confidence ? fmt::format("{:.2f}", *ending.confidence) : kUnknown;
}

// At 80 columns all fit up to the peer.
const std::vector<Field>& fields() {
  static const std::vector<Field> all = {
      {{.title = "AGO", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 10}, ago},
      {{.title = "TIME (UTC)", .width = 12, .max_width = 12, .importance = 2},
       [](const Disconnect& d, const Model&) { return clock_text(d.time); }},
      {{.title = "VERDICT", .width = 18, .max_width = 18, .importance = kAlways},
       [](const Disconnect& d, const Model&) { return or_unknown(d.ending.verdict); }},
      {{.title = "SURE", .width = 4, .max_width = 4, .importance = 1},
       [](const Disconnect& d, const Model&) { return confidence(d.ending); }},
      {{.title = "BY", .width = 7, .max_width = 7, .importance = 7},
       [](const Disconnect& d, const Model&) { return or_unknown(d.ending.initiator); }},
      {{.title = "HOW", .width = 9, .max_width = 9, .importance = 2},
       [](const Disconnect& d, const Model&) { return or_unknown(d.ending.mechanism); }},
      {{.title = "CODE", .width = 4, .max_width = 5, .align = Align::kRight, .importance = 4},
       [](const Disconnect& d, const Model&) {
         return count_text(d.connection.websocket.close_code);
       }},
      {{.title = "RACE", .width = 18, .max_width = 18, .importance = 1},
       [](const Disconnect& d, const Model&) { return or_unknown(d.ending.race); }},
      {{.title = "AGE", .width = 7, .max_width = 7, .align = Align::kRight, .importance = 5},
       [](const Disconnect& d, const Model&) {
         return at_least_text(d.connection.age_seconds, d.connection.age_is_lower_bound);
       }},
      {{.title = "IDLE", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 6},
       [](const Disconnect& d, const Model&) { return duration_text(d.connection.idle_seconds); }},
      {{.title = "PORT", .width = 5, .max_width = 5, .align = Align::kRight, .importance = 3},
       [](const Disconnect& d, const Model&) { return listener_port(d.connection); }},
      {{.title = "OWNER",
        .width = 10,
        .max_width = 32,
        .cut = Cut::kName,
        .importance = 4,
        .shows_whole = true},
       [](const Disconnect& d, const Model&) { return owner_text(d.connection.owner); }},
      {{.title = "PEER", .width = 17, .max_width = 47, .cut = Cut::kFront, .importance = 8},
       [](const Disconnect& d, const Model&) { return endpoint_text(d.connection.remote); }},
      {{.title = "POD", .width = 16, .max_width = 60, .cut = Cut::kFront, .importance = 0},
       [](const Disconnect& d, const Model&) { return workload_text(d.connection.workload); }},
  };
  return all;
}

std::vector<Column> columns_for(const Model& model) {
  const auto& rows = model.disconnects.list.rows;
  const bool any_pod = std::any_of(rows.begin(), rows.end(), [](const Disconnect& disconnect) {
    return !disconnect.connection.workload.pod.empty();
  });
  const bool any_code = std::any_of(rows.begin(), rows.end(), [](const Disconnect& disconnect) {
    return disconnect.connection.websocket.close_code.has_value();
  });
  std::vector<Column> columns;
  for (const Field& field : fields()) {
    columns.push_back(field.column);
    if (field.column.title == "CODE" && !any_code) columns.back().importance = kNever;
  }
  if (!any_pod) columns.pop_back();
  return columns;
}

// Ends that were meant, and those of which nothing is said (interface: what is not unclean).
Style style_of(const Ending& ending) {
  static constexpr std::string_view kQuiet[] = {"clean", "local_close", "remote_close",
                                                "process_exit", "unknown"};
  const bool quiet =
      std::find(std::begin(kQuiet), std::end(kQuiet), ending.verdict) != std::end(kQuiet);
  return quiet ? Style::kPlain : Style::kNotice;
}

Row row_of(const Disconnect& disconnect, const Model& model) {
  Row row;
  for (const Field& field : fields()) {
    const bool is_verdict = field.column.title == "VERDICT";
    row.push_back(
        {field.text(disconnect, model), is_verdict ? style_of(disconnect.ending) : Style::kPlain});
  }
  return row;
}

}  // namespace

std::vector<Line> verdict_lines(const Model& model, int width) {
  const Disconnects& disconnects = model.disconnects;
  if (disconnects.by_verdict.empty()) return {};
  Line line;
  for (const auto& [verdict, count] : disconnects.by_verdict) {
    line.push_back({fmt::format("{}{} ", line.empty() ? "" : "   ", verdict), Style::kLabel});
    line.push_back({count_text(count), Style::kStrong});
  }
  const std::string since = clock_text(disconnects.since);
  if (!since.empty()) line.push_back({fmt::format("   since {} UTC", since), Style::kLabel});
  return {clip_line(line, width)};
}

Body disconnects_body(const Model& model, const View& view, const Window& window) {
  const auto& list = model.disconnects.list;
  std::vector<Row> rows;
  for (int row = window.begin; row < window.end; ++row) {
    rows.push_back(row_of(list.rows[static_cast<std::size_t>(row) - list.first], model));
  }
  Body body{lay_out(columns_for(model), rows, table_size(view, window))};
  body.empty = view.filter.empty() ? "nothing has ended yet"
                                   : "nothing has ended yet that the filter lets through";
  return body;
}

}  // namespace wsbpf::top
