#include "cli/connection_text.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/json_fields.h"
#include "cli/paint.h"
#include "top/format.h"
#include "top/json_fields.h"
#include "top/width.h"

namespace wsbpf {
namespace {

using Json = nlohmann::json;

struct Column {
  const char* title;
  bool right;
  bool wide_only;
  std::string (*cell)(const Json& row);
};

constexpr Column kColumns[] = {
    {"ID", false, true, [](const Json& r) { return text_field(r, "id"); }},
    {"ROLE", false, true, [](const Json& r) { return text_field(r, "role"); }},
    {"NETNS", false, true,
     [](const Json& r) { return std::to_string(whole_field(r, "netns").value_or(0)); }},
    {"STATE", false, false, [](const Json& r) { return text_field(r, "state"); }},
    {"IN-STATE", true, false,
     [](const Json& r) { return age_field(r, "state_age_seconds", "state_age_source"); }},
    {"AGE", true, false, [](const Json& r) { return age_field(r, "age_seconds", "age_source"); }},
    {"IDLE", true, false,
     [](const Json& r) { return top::duration_text(number_field(r, "idle_seconds")); }},
    {"HALF-OPEN", false, false,
     [](const Json& r) {
       return field(r, "half_open").is_null() ? "-" : text_field(r, "half_open");
     }},
    {"WS", false, false, websocket_field},
    {"MSG-IN", true, true, [](const Json& r) { return messages_field(r, "messages_received"); }},
    {"MSG-OUT", true, true, [](const Json& r) { return messages_field(r, "messages_sent"); }},
    {"PING-RTT", true, true,
     [](const Json& r) {
       return top::round_trip_text(number_field(field(r, "websocket"), "ping_rtt_seconds"));
     }},
    {"CLOSE", true, true,
     [](const Json& r) {
       return top::count_text(whole_field(field(r, "websocket"), "close_code"));
     }},
    {"RECV-Q", true, false,
     [](const Json& r) { return top::size_text(whole_field(r, "unread_bytes")); }},
    {"SEND-Q", true, false, [](const Json& r) { return top::size_text(top::send_queue_of(r)); }},
    {"RECEIVED", true, true,
     [](const Json& r) { return top::size_text(whole_field(r, "bytes_received")); }},
    {"SENT", true, true,
     [](const Json& r) { return top::size_text(whole_field(r, "bytes_sent")); }},
    {"RETRANS", true, true,
     [](const Json& r) { return top::count_text(whole_field(r, "retransmits")); }},
    {"SRTT", true, true,
     [](const Json& r) { return top::round_trip_text(number_field(r, "srtt_seconds")); }},
    {"LOCAL", false, false, [](const Json& r) { return endpoint_field(r, "local"); }},
    {"PEER", false, false, [](const Json& r) { return endpoint_field(r, "remote"); }},
    {"OWNER", false, false, owner_field},
    {"POD", false, true, pod_field},
};

// What to look at first: connections that the application does not close, and those whose peer may
// be gone.
std::string_view color_of(const Json& row, const ConnectionTextStyle& style) {
  const double state_age = number_field(row, "state_age_seconds").value_or(0);
  if (text_field(row, "state") == "close_wait" && state_age >= style.stuck_after_seconds) {
    return kRed;
  }
  return field(row, "half_open").is_null() ? "" : kYellow;
}

struct Row {
  std::vector<std::string> cells;
  std::string_view color;
};

std::string line_of(const Row& row, const std::vector<Column>& columns,
                    const std::vector<int>& widths, const ConnectionTextStyle& style) {
  std::string line;
  for (size_t i = 0; i < row.cells.size(); ++i) {
    const bool last = i + 1 == row.cells.size();
    const auto align = columns[i].right ? top::Align::kRight : top::Align::kLeft;
    line += last ? row.cells[i] : top::fit(row.cells[i], widths[i], align) + "  ";
  }
  if (style.width) line = top::clip(line, *style.width);
  return painted(std::move(line), row.color, style.color) + '\n';
}

}  // namespace

Result<std::string> connection_text(std::string_view lines, const ConnectionTextStyle& style) {
  std::vector<Column> columns;
  std::copy_if(std::begin(kColumns), std::end(kColumns), std::back_inserter(columns),
               [&](const Column& column) { return style.wide || !column.wide_only; });
  std::vector<Row> rows = {{.cells = {}, .color = kBold}};
  for (const Column& column : columns) rows[0].cells.emplace_back(column.title);
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("owner")) {
      return not_understood();
    }
    Row& row = rows.emplace_back(Row{.cells = {}, .color = color_of(json, style)});
    for (const Column& column : columns) row.cells.push_back(column.cell(json));
  }
  std::vector<int> widths(columns.size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.cells.size(); ++i) {
      widths[i] = std::max(widths[i], top::display_width(row.cells[i]));
    }
  }
  std::string text;
  for (const Row& row : rows) text += line_of(row, columns, widths, style);
  return text;
}

}  // namespace wsbpf
