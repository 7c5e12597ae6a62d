#include "top/parse.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/text.h"

namespace wsbpf::top {
namespace {

using Json = nlohmann::json;

// The member, or null: a member of what is no object is as unknown as a missing one.
const Json& member(const Json& object, const char* name) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

// The member if it is an array, else null, over which a loop does nothing.
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

Result<Json> parse_object(std::string_view body) {
  Json document = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object())
    return fail("the daemon answered with something that is no JSON object");
  return document;
}

template <typename Row>
Result<Page<Row>> parse_page(std::string_view body, const char* list,
                             Row (*parse_row)(const Json&)) {
  const auto document = parse_object(body);
  if (!document) return tl::unexpected(document.error());
  Page<Row> page;
  for (const Json& row : list_member(*document, list)) page.rows.push_back(parse_row(row));
  const std::int64_t total = count(member(*document, "total"));
  page.total =
      std::max(page.rows.size(), static_cast<std::size_t>(std::max<std::int64_t>(total, 0)));
  // The cursor goes back to the daemon, never to the screen: it must not be escaped.
  const Json& cursor = member(*document, "next_cursor");
  if (cursor.is_string()) page.next_cursor = cursor.get<std::string>();
  return page;
}

Owner parse_owner(const Json& json) {
  return {.pid = integer(member(json, "pid")), .comm = text(member(json, "comm"))};
}

Workload parse_workload(const Json& json) {
  return {.name_space = text(member(json, "namespace")), .pod = text(member(json, "pod"))};
}

Endpoint parse_endpoint(const Json& json) {
  return {.address = text(member(json, "address")), .port = integer(member(json, "port"))};
}

StateCounts parse_states(const Json& json) {
  const auto sum = [&json](std::initializer_list<const char*> states) {
    std::int64_t total = 0;
    for (const char* state : states) total += count(member(json, state));
    return total;
  };
  return {.established = sum({"established"}),
          .close_wait = sum({"close_wait"}),
          .fin_wait = sum({"fin_wait1", "fin_wait2"}),
          .time_wait = sum({"time_wait"}),
          .other = sum({"syn_sent", "syn_recv", "last_ack", "closing", "close"})};
}

std::optional<AcceptQueue> parse_accept_queue(const Json& json) {
  const auto length = integer(member(json, "length"));
  const auto limit = integer(member(json, "limit"));
  if (!length || !limit) return std::nullopt;
  return AcceptQueue{.length = *length, .limit = *limit};
}

Listener parse_listener(const Json& json) {
  Listener listener;
  listener.port = integer(member(json, "port"));
  listener.role = text(member(json, "role"));
  listener.workload = parse_workload(json);
  for (const Json& owner : list_member(json, "owners"))
    listener.owners.push_back(parse_owner(owner));
  listener.states = parse_states(member(json, "states"));
  listener.close_wait_stuck = count(member(json, "close_wait_stuck"));
  listener.accept_queue = parse_accept_queue(member(json, "accept_queue"));
  listener.opens_per_second = number(member(json, "opens_per_second"));
  listener.closes_per_second = number(member(json, "closes_per_second"));
  // The daemon may know the comm of a listener whose owners have gone.
  if (listener.owners.empty())
    listener.owners.push_back({.pid = {}, .comm = text(member(json, "comm"))});
  return listener;
}

Connection parse_connection(const Json& json) {
  Connection connection;
  connection.state = text(member(json, "state"));
  connection.age_seconds = number(member(json, "age_seconds"));
  connection.age_is_lower_bound = text(member(json, "age_source")) == "lower_bound";
  connection.state_age_seconds = number(member(json, "state_age_seconds"));
  connection.idle_seconds = number(member(json, "idle_seconds"));
  connection.unread_bytes = integer(member(json, "unread_bytes"));
  connection.unacked_bytes = integer(member(json, "unacked_bytes"));
  connection.retransmits = integer(member(json, "retransmits"));
  connection.srtt_seconds = number(member(json, "srtt_seconds"));
  connection.owner = parse_owner(member(json, "owner"));
  connection.workload = parse_workload(member(json, "owner"));
  connection.local = parse_endpoint(member(json, "local"));
  connection.remote = parse_endpoint(member(json, "remote"));
  return connection;
}

std::vector<std::pair<std::string, std::int64_t>> parse_lost(const Json& json) {
  std::vector<std::pair<std::string, std::int64_t>> lost;
  if (!json.is_object()) return lost;
  for (const auto& [reason, events] : json.items()) {
    if (count(events) > 0) lost.emplace_back(printable(reason), count(events));
  }
  return lost;
}

Alert parse_alert(const Json& json) {
  return {.name = text(member(json, "name")),
          .critical = text(member(json, "severity")) == "critical",
          .firing = text(member(json, "state")) == "firing",
          .port = integer(member(member(json, "listener"), "port")),
          .summary = text(member(json, "summary"))};
}

}  // namespace

Result<Status> parse_status(std::string_view body) {
  const auto document = parse_object(body);
  if (!document) return tl::unexpected(document.error());
  const Json& json = *document;
  Status status;
  status.version = text(member(json, "version"));
  status.node = text(member(json, "node"));
  status.kernel = text(member(json, "kernel"));
  status.ports = text(member(json, "ports"));
  status.role = text(member(json, "role"));
  status.uptime_seconds = number(member(json, "uptime_seconds"));
  status.opens_per_second = number(member(json, "opens_per_second"));
  status.closes_per_second = number(member(json, "closes_per_second"));
  status.connections = integer(member(json, "connections"));
  status.degraded = text(member(json, "ready")) == "degraded";
  status.coverage_partial = text(member(json, "coverage")) == "partial";
  for (const Json& reason : list_member(json, "reasons")) status.reasons.push_back(text(reason));
  status.lost = parse_lost(member(json, "lost"));
  status.alerts_pending = count(member(member(json, "alerts"), "pending"));
  status.alerts_firing = count(member(member(json, "alerts"), "firing"));
  status.close_wait_threshold = integer(member(json, "close_wait_threshold"));
  status.close_wait_for_seconds = number(member(json, "close_wait_for_seconds"));
  return status;
}

Result<Page<Listener>> parse_listeners(std::string_view body) {
  return parse_page(body, "listeners", parse_listener);
}

Result<Page<Alert>> parse_alerts(std::string_view body) {
  return parse_page(body, "alerts", parse_alert);
}

Result<Page<Connection>> parse_connections(std::string_view body) {
  return parse_page(body, "connections", parse_connection);
}

}  // namespace wsbpf::top
