#include "top/parse.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "core/text.h"
#include "top/json_fields.h"

namespace wsbpf::top {
namespace {

template <typename Row>
ListPage<Row> page_of(const Json& document, const char* list, Row (*parse_row)(const Json&)) {
  ListPage<Row> page;
  for (const Json& row : list_member(document, list)) page.rows.push_back(parse_row(row));
  const std::int64_t total = count(member(document, "total"));
  page.total =
      std::max(page.rows.size(), static_cast<std::size_t>(std::max<std::int64_t>(total, 0)));
  // The cursor goes back to the daemon, never to the screen: it must not be escaped.
  const Json& cursor = member(document, "next_cursor");
  if (cursor.is_string()) page.next_cursor = cursor.get<std::string>();
  return page;
}

template <typename Row>
Result<ListPage<Row>> parse_page(std::string_view body, const char* list,
                                 Row (*parse_row)(const Json&)) {
  const auto document = parse_object(body);
  if (!document) return tl::unexpected(document.error());
  return page_of(*document, list, parse_row);
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

ListenerKey parse_listener_key(const Json& json) {
  return {.netns = integer(member(json, "netns")),
          .port = integer(member(json, "port")),
          .role = text(member(json, "role"))};
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
  const Json& full = member(json, "full");
  return AcceptQueue{
      .length = *length, .limit = *limit, .full = full.is_boolean() && full.get<bool>()};
}

std::optional<std::int64_t> parse_websockets(const Json& listener) {
  const Json& phases = member(member(listener, "websocket"), "phases");
  if (!phases.is_object()) return std::nullopt;
  return count(member(phases, "upgrading")) + count(member(phases, "open")) +
         count(member(phases, "closing"));
}

Listener parse_listener(const Json& json) {
  Listener listener;
  listener.key = parse_listener_key(json);
  listener.workload = parse_workload(json);
  for (const Json& owner : list_member(json, "owners"))
    listener.owners.push_back(parse_owner(owner));
  listener.states = parse_states(member(json, "states"));
  listener.close_wait_stuck = count(member(json, "close_wait_stuck"));
  const Json& half_open = member(json, "half_open");
  listener.half_open = count(member(half_open, "unacked")) + count(member(half_open, "probing"));
  listener.half_open_stuck = count(member(json, "half_open_stuck"));
  listener.stuck_handshakes = count(member(json, "stuck_handshakes"));
  listener.accept_queue = parse_accept_queue(member(json, "accept_queue"));
  listener.opens_per_second = number(member(json, "opens_per_second"));
  listener.closes_per_second = number(member(json, "closes_per_second"));
  listener.websockets = parse_websockets(json);
  // The daemon may know the comm of a listener whose owners have gone.
  if (listener.owners.empty())
    listener.owners.push_back({.pid = {}, .comm = text(member(json, "comm"))});
  return listener;
}

History parse_series(const Json& json) {
  History history{.listener = parse_listener_key(json), .close_wait_stuck = {}};
  for (const Json& value : list_member(json, "close_wait_stuck")) {
    history.close_wait_stuck.push_back(integer(value));
  }
  return history;
}

WebSocket parse_websocket(const Json& connection) {
  const Json& json = member(connection, "websocket");
  return {.phase = text(member(json, "phase")),
          .unread = text(member(connection, "websocket_unread")),
          .messages_received = integer(member(json, "messages_received")),
          .messages_sent = integer(member(json, "messages_sent")),
          .ping_rtt_seconds = number(member(json, "ping_rtt_seconds")),
          .close_code = integer(member(json, "close_code")),
          .counts_at_least = member(json, "counts_at_least") == true};
}

Connection parse_connection(const Json& json) {
  Connection connection;
  connection.id = text(member(json, "id"));
  connection.state = text(member(json, "state"));
  connection.age_seconds = number(member(json, "age_seconds"));
  connection.age_is_lower_bound = text(member(json, "age_source")) == "lower_bound";
  connection.state_age_seconds = number(member(json, "state_age_seconds"));
  connection.state_age_is_lower_bound = text(member(json, "state_age_source")) == "lower_bound";
  connection.idle_seconds = number(member(json, "idle_seconds"));
  connection.unread_bytes = integer(member(json, "unread_bytes"));
  connection.send_queue_bytes = send_queue_of(json);
  connection.retransmits = integer(member(json, "retransmits"));
  connection.srtt_seconds = number(member(json, "srtt_seconds"));
  connection.half_open = text(member(json, "half_open"));
  connection.websocket = parse_websocket(json);
  connection.owner = parse_owner(member(json, "owner"));
  connection.workload = parse_workload(member(json, "owner"));
  connection.local = parse_endpoint(member(json, "local"));
  connection.remote = parse_endpoint(member(json, "remote"));
  return connection;
}

Ending parse_ending(const Json& json) {
  return {.verdict = text(member(json, "verdict")),
          .initiator = text(member(json, "initiator")),
          .mechanism = text(member(json, "mechanism")),
          .race = text(member(json, "race")),
          .confidence = number(member(json, "confidence"))};
}

Disconnect parse_disconnect(const Json& json) {
  Disconnect disconnect;
  disconnect.time = text(member(json, "time"));
  disconnect.ended_unix_seconds = unix_seconds(disconnect.time);
  disconnect.ending = parse_ending(json);
  disconnect.connection = parse_connection(member(json, "connection"));
  return disconnect;
}

// The counters above 0 of an object.
std::vector<std::pair<std::string, std::int64_t>> parse_counts(const Json& json) {
  std::vector<std::pair<std::string, std::int64_t>> counts;
  if (!json.is_object()) return counts;
  for (const auto& [name, value] : json.items()) {
    if (count(value) > 0) counts.emplace_back(printable(name), count(value));
  }
  return counts;
}

Alert parse_alert(const Json& json) {
  Alert alert;
  alert.name = text(member(json, "name"));
  alert.critical = text(member(json, "severity")) == "critical";
  alert.state = text(member(json, "state"));
  const Json& listener = member(json, "listener");
  if (listener.is_object()) alert.listener = parse_listener_key(listener);
  alert.workload = parse_workload(listener);
  alert.comm = text(member(listener, "comm"));
  alert.value = number(member(json, "value"));
  alert.threshold = number(member(json, "threshold"));
  alert.since = text(member(json, "since"));
  alert.since_unix_seconds = unix_seconds(alert.since);
  alert.summary = text(member(json, "summary"));
  alert.runbook = text(member(json, "runbook"));
  return alert;
}

bool is_true(const Json& value) { return value.is_boolean() && value.get<bool>(); }

Moment parse_moment(const Json& json) {
  return {.time = text(member(json, "time")),
          .seconds_ago = number(member(json, "seconds_ago")),
          .at_least = is_true(member(json, "at_least")),
          .text = text(member(json, "text"))};
}

SeenFrame parse_frame(const Json& json) {
  return {.time = text(member(json, "time")),
          .seconds_ago = number(member(json, "seconds_ago")),
          .direction = text(member(json, "direction")),
          .opcode = text(member(json, "opcode")),
          .length = number(member(json, "length")),
          .length_at_least = is_true(member(json, "length_at_least")),
          .final = is_true(member(json, "final"))};
}

Evidence parse_evidence(const Json& json) {
  const Json& value = member(json, "value");
  return {.name = text(member(json, "name")),
          .value = value.is_null() || value.is_string() ? text(value) : printable(value.dump()),
          .meaning = text(member(json, "meaning"))};
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
  status.pid = integer(member(json, "pid"));
  status.uptime_seconds = number(member(json, "uptime_seconds"));
  status.opens_per_second = number(member(json, "opens_per_second"));
  status.closes_per_second = number(member(json, "closes_per_second"));
  status.connections = integer(member(json, "connections"));
  status.listeners = integer(member(json, "listeners"));
  status.degraded = text(member(json, "ready")) == "degraded";
  status.coverage_partial = text(member(json, "coverage")) == "partial";
  for (const Json& reason : list_member(json, "reasons")) status.reasons.push_back(text(reason));
  status.lost = parse_counts(member(json, "lost"));
  status.alerts_pending = count(member(member(json, "alerts"), "pending"));
  status.alerts_firing = count(member(member(json, "alerts"), "firing"));
  status.close_wait_threshold = integer(member(json, "close_wait_threshold"));
  status.close_wait_for_seconds = number(member(json, "close_wait_for_seconds"));
  return status;
}

Result<ListPage<Listener>> parse_listeners(std::string_view body) {
  return parse_page(body, "listeners", parse_listener);
}

Result<ListPage<History>> parse_history(std::string_view body) {
  return parse_page(body, "history", parse_series);
}

Result<ListPage<Alert>> parse_alerts(std::string_view body) {
  return parse_page(body, "alerts", parse_alert);
}

Result<ListPage<Connection>> parse_connections(std::string_view body) {
  return parse_page(body, "connections", parse_connection);
}

Result<Disconnects> parse_disconnects(std::string_view body) {
  const auto document = parse_object(body);
  if (!document) return tl::unexpected(document.error());
  auto page = page_of(*document, "disconnects", parse_disconnect);
  Disconnects disconnects;
  disconnects.list.rows = std::move(page.rows);
  disconnects.list.total = page.total;
  disconnects.by_verdict = parse_counts(member(*document, "by_verdict"));
  std::stable_sort(disconnects.by_verdict.begin(), disconnects.by_verdict.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  disconnects.since = text(member(*document, "since"));
  return disconnects;
}

Result<Explanation> parse_explanation(std::string_view body) {
  const auto document = parse_object(body);
  if (!document) return tl::unexpected(document.error());
  const Json& json = *document;
  Explanation explanation;
  explanation.id = text(member(json, "id"));
  explanation.live = is_true(member(json, "live"));
  explanation.connection = parse_connection(member(json, "connection"));
  explanation.ending = parse_ending(json);
  explanation.summary = text(member(json, "summary"));
  for (const Json& moment : list_member(json, "timeline")) {
    explanation.timeline.push_back(parse_moment(moment));
  }
  for (const Json& frame : list_member(json, "frames")) {
    explanation.frames.push_back(parse_frame(frame));
  }
  for (const Json& evidence : list_member(json, "evidence")) {
    explanation.evidence.push_back(parse_evidence(evidence));
  }
  for (const Json& advice : list_member(json, "advice")) {
    explanation.advice.push_back(text(advice));
  }
  explanation.documentation = text(member(json, "documentation"));
  return explanation;
}

}  // namespace wsbpf::top
