#include "top/json_fields.h"

#include <chrono>
#include <cstdio>

#include "core/text.h"

namespace wsbpf::top {

Result<Json> parse_object(std::string_view body) {
  Json document = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object())
    return fail("the daemon answered with something that is no JSON object");
  return document;
}

const Json& member(const Json& object, const char* name) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

const Json& list_member(const Json& object, const char* name) {
  static const Json null;
  const Json& value = member(object, name);
  return value.is_array() ? value : null;
}

std::string text(const Json& value) {
  return value.is_string() ? printable(value.get_ref<const std::string&>()) : std::string();
}

std::optional<double> number(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::optional<std::int64_t> integer(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<std::int64_t>();
}

std::int64_t count(const Json& value) { return integer(value).value_or(0); }

std::optional<std::int64_t> send_queue_of(const Json& connection) {
  const auto unacked = integer(member(connection, "unacked_bytes"));
  const auto unsent = integer(member(connection, "unsent_bytes"));
  if (!unacked || !unsent) return std::nullopt;
  return *unacked + *unsent;
}

std::optional<double> unix_seconds(const std::string& time) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hours = 0;
  int minutes = 0;
  double seconds = 0;
  const int fields = std::sscanf(time.c_str(), "%4d-%2u-%2uT%2d:%2d:%lf", &year, &month, &day,
                                 &hours, &minutes, &seconds);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (fields != 6 || !date.ok() || !time.ends_with('Z')) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<double>(days) * 86400.0 + hours * 3600.0 + minutes * 60.0 + seconds;
}

}  // namespace wsbpf::top
