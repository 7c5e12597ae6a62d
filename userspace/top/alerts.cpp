#include "top/alerts.h"

#include <fmt/format.h>

#include <algorithm>

#include "top/format.h"
#include "top/prose.h"

namespace wsbpf::top {
namespace {

struct Field {
  Column column;
  std::string (*text)(const Alert& alert, const Model& model);
};

std::string number_text(std::optional<double> value) {
  return value ? fmt::format("{:g}", *value) : kUnknown;
}

std::string alert_listener(const Alert& alert) {
  return alert.listener ? listener_text(*alert.listener) : kUnknown;
}

std::string since_text(const Alert& alert, const Model& model) {
  if (!alert.since_unix_seconds) return kUnknown;
  return duration_text(std::max(0.0, model.taken_unix_seconds - *alert.since_unix_seconds));
}

const std::vector<Field>& fields() {
  static const std::vector<Field> all = {
      {{.title = "SEVERITY", .width = 8, .max_width = 8, .importance = 9},
       [](const Alert& a, const Model&) {
         return std::string(a.critical ? "critical" : "warning");
       }},
      {{.title = "STATE", .width = 8, .max_width = 8, .importance = 8},
       [](const Alert& a, const Model&) { return a.state.empty() ? kUnknown : a.state; }},
      {{.title = "ALERT", .width = 21, .max_width = 24, .importance = kAlways},
       [](const Alert& a, const Model&) { return a.name; }},
      {{.title = "LISTENER", .width = 8, .max_width = 13, .importance = 7},
       [](const Alert& a, const Model&) { return alert_listener(a); }},
      {{.title = "VALUE", .width = 6, .max_width = 9, .align = Align::kRight, .importance = 6},
       [](const Alert& a, const Model&) { return number_text(a.value); }},
      {{.title = "LIMIT", .width = 6, .max_width = 9, .align = Align::kRight, .importance = 4},
       [](const Alert& a, const Model&) { return number_text(a.threshold); }},
      {{.title = "SINCE", .width = 6, .max_width = 6, .align = Align::kRight, .importance = 5},
       since_text},
      {{.title = "SUMMARY", .width = 20, .max_width = 400, .importance = 1},
       [](const Alert& a, const Model&) { return a.summary; }},
  };
  return all;
}

Style style_of(const Alert& alert) {
  if (alert.state != "firing") return Style::kPlain;
  return alert.critical ? Style::kCritical : Style::kWarning;
}

int rank(const Alert& alert) {
  if (alert.state == "firing") return alert.critical ? 0 : 1;
  return alert.state == "pending" ? 2 : 3;
}

Row row_of(const Alert& alert, const Model& model) {
  Row row;
  for (const Field& field : fields()) row.push_back({field.text(alert, model), style_of(alert)});
  return row;
}

}  // namespace

std::vector<const Alert*> ordered_alerts(const Model& model) {
  std::vector<const Alert*> alerts;
  for (const Alert& alert : model.alerts.rows) alerts.push_back(&alert);
  std::stable_sort(alerts.begin(), alerts.end(),
                   [](const Alert* a, const Alert* b) { return rank(*a) < rank(*b); });
  return alerts;
}

std::string alert_id(const Alert& alert) {
  if (!alert.listener) return alert.name;
  return fmt::format("{} {} {} {}", alert.name, alert.listener->netns.value_or(0),
                     alert.listener->port.value_or(0), alert.listener->role);
}

std::string listener_text(const ListenerKey& key) {
  if (!key.port) return kUnknown;
  return fmt::format(":{}{}", *key.port, key.role == "client" ? " client" : "");
}

Body alerts_body(const Model& model, const View& view, const Window& window) {
  const auto alerts = ordered_alerts(model);
  std::vector<Row> rows;
  for (int row = window.begin; row < window.end; ++row) {
    rows.push_back(row_of(*alerts[static_cast<std::size_t>(row)], model));
  }
  std::vector<Column> columns;
  for (const Field& field : fields()) columns.push_back(field.column);
  Body body{lay_out(columns, rows, table_size(view, window))};
  body.empty = "nothing is pending or firing";
  return body;
}

std::vector<Line> alert_page(const Model& model, const std::string& id, int width) {
  const auto& alerts = model.alerts.rows;
  const auto found = std::find_if(alerts.begin(), alerts.end(),
                                  [&id](const Alert& alert) { return alert_id(alert) == id; });
  if (found == alerts.end()) {
    return wrapped("it is neither pending nor firing any more", Style::kLabel, 0, width);
  }
  const Alert& alert = *found;
  std::vector<Line> lines = wrapped(
      fmt::format("{} {} ({})", alert.critical ? "CRITICAL" : "WARNING", alert.name, alert.state),
      alert.state == "firing" ? style_of(alert) : Style::kStrong, 0, width);
  lines.emplace_back();
  append_lines(lines, wrapped(alert.summary, Style::kPlain, 0, width));
  lines.emplace_back();
  const std::string pod = workload_text(alert.workload);
  for (const auto& [label, value] : {std::pair{"listener", alert_listener(alert)},
                                     {"process", alert.comm},
                                     {"pod", pod == kUnknown ? "" : pod},
                                     {"value", number_text(alert.value)},
                                     {"limit", number_text(alert.threshold)},
                                     {"since", alert.since},
                                     {"runbook", alert.runbook}}) {
    if (!value.empty()) append_lines(lines, labelled(label, value, 10, width));
  }
  return lines;
}

}  // namespace wsbpf::top
