#include "cli/event_text.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/json_fields.h"
#include "cli/paint.h"
#include "core/text.h"
#include "top/format.h"
#include "top/width.h"

namespace wsbpf {
namespace {

using Json = nlohmann::json;
using top::Align;
using top::fit;

// As wide as the column, or wider: nothing is cut off.
std::string padded(std::string text, int width, Align align = Align::kLeft) {
  return top::display_width(text) >= width ? text : fit(text, width, align);
}

// Ends that nobody has to look at; docs/api.md calls all others unclean.
std::string_view verdict_color(const Json& event) {
  const std::string verdict = text_field(event, "verdict");
  for (const std::string_view calm : {"clean", "local_close", "remote_close"}) {
    if (verdict == calm) return kGreen;
  }
  if (verdict == "unknown") return kFaint;
  if (verdict != "process_exit") return kYellow;
  const Json& closer = field(field(event, "evidence"), "closed_by");
  return whole_field(closer, "exit_status") == 0 ? kGreen : kYellow;
}

struct Row {
  std::string what;
  std::string_view color = {};
  std::string by = {};
};

std::string connection_text(const Json& event, const Row& row, bool color) {
  const Json& connection = field(event, "connection");
  std::string line = painted(padded(row.what, 20), row.color, color);
  line += "  " + padded(row.by, 14);
  line += "  " + padded(age_field(connection, "age_seconds", "age_source"), 8, Align::kRight);
  const auto idle = number_field(connection, "idle_seconds");
  line += "  " + padded(top::duration_text(idle), 6, Align::kRight);
  line += "  " + padded(owner_field(connection), 16);
  line += "  " + padded(endpoint_field(connection, "remote"), 21);
  line += "  " + padded(endpoint_field(connection, "local"), 21);
  line += "  " + text_field(connection, "id");
  return line;
}

std::string opened_text(const Json& event, bool color) {
  return connection_text(event, {"-"}, color);
}

std::string closed_text(const Json& event, bool color) {
  const std::string race = text_field(event, "race");
  const std::string verdict = text_field(event, "verdict");
  std::string line = connection_text(
      event,
      {verdict, verdict_color(event),
       fmt::format("{} {}", text_field(event, "initiator"), text_field(event, "mechanism"))},
      color);
  if (!race.empty() && race != verdict) line += painted("  race " + race, kYellow, color);
  const auto code = whole_field(field(field(event, "connection"), "websocket"), "close_code");
  if (code) line += fmt::format("  code {}", *code);
  return line;
}

std::string half_open_text(const Json& event, bool color) {
  const std::string kind = text_field(field(event, "connection"), "half_open");
  if (kind.empty()) return connection_text(event, {"no more", kGreen}, color);
  return connection_text(event, {kind, kYellow}, color);
}

std::string race_text(const Json& event, bool color) {
  return fmt::format("{}  {} after the end of {}, port {}",
                     painted(padded(text_field(event, "race"), 20), kYellow, color),
                     top::duration_text(number_field(event, "seconds_after_end")),
                     text_field(event, "connection_id"),
                     whole_field(field(event, "listener"), "port").value_or(0));
}

std::string alert_text(const Json& event, bool color) {
  const Json& alert = field(event, "alert");
  const std::string state = text_field(alert, "state");
  const std::string_view how = state == "resolved" ? kGreen : state == "firing" ? kRed : kYellow;
  return fmt::format("{}  {}  {}", painted(padded(text_field(alert, "name"), 20), how, color),
                     padded(state + ' ' + text_field(alert, "severity"), 14),
                     text_field(alert, "summary"));
}

std::string lost_text(const Json& event, bool color) {
  const Json& lost = field(event, "lost");
  return fmt::format("{}  {} of the kernel's records; a sweep repairs the counts",
                     painted(padded(text_field(lost, "reason"), 20), kRed, color),
                     whole_field(lost, "count").value_or(0));
}

std::string missed_text(const Json& event, bool color) {
  const auto count = whole_field(event, "count");
  return painted(
      count ? fmt::format("{} events are not shown: they came faster than they are read", *count)
            : "what is older is not remembered any more",
      kRed, color);
}

struct Kind {
  std::string_view type;
  std::string_view shown;
  std::string_view color;
  std::string (*text)(const Json& event, bool color);
};

constexpr Kind kKinds[] = {
    {"opened", "opened", kFaint, opened_text},
    {"closed", "closed", kBold, closed_text},
    {"half_open", "half-open", kYellow, half_open_text},
    {"race", "race", kYellow, race_text},
    {"alert", "ALERT", kRed, alert_text},
    {"lost", "LOST", kRed, lost_text},
    {"missed", "MISSED", kRed, missed_text},
};

}  // namespace

std::string event_titles(bool color) {
  const std::string titles =
      fmt::format("{:12}  {:9}  {:20}  {:14}  {:>8}  {:>6}  {:16}  {:21}  {:21}  {}", "TIME (UTC)",
                  "EVENT", "VERDICT", "BY", "AGE", "IDLE", "OWNER", "PEER", "LOCAL", "ID");
  return painted(titles, kBold, color);
}

std::string event_text(std::string_view json_line, bool color) {
  const Json event = Json::parse(json_line, nullptr, false);
  const std::string type = text_field(event, "type");
  for (const Kind& kind : kKinds) {
    if (kind.type != type) continue;
    return fmt::format("{}  {}  {}", painted(padded(clock_field(event), 12), kFaint, color),
                       painted(padded(std::string(kind.shown), 9), kind.color, color),
                       kind.text(event, color));
  }
  return printable(json_line);
}

}  // namespace wsbpf
