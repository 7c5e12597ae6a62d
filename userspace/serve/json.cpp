#include "serve/json.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>

#include "core/ports.h"
#include "core/text.h"
#include "serve/websocket_json.h"

namespace wsbpf {
namespace {

using Json = nlohmann::ordered_json;

double seconds_between(uint64_t now_ns, uint64_t then_ns) {
  return now_ns > then_ns ? static_cast<double>(now_ns - then_ns) / 1e9 : 0;
}

// Seconds with milliseconds, so that a reader need not know of floating point.
double rounded(double seconds) { return std::round(seconds * 1000) / 1000; }

Json json_or_null(std::string_view text) {
  return text.empty() ? Json(nullptr) : Json(valid_utf8(text));
}

Json half_open_json(const ListenerSummary& listener) {
  Json counts = {{"syn_recv", listener.states[static_cast<size_t>(TcpState::kSynRecv)]}};
  for (size_t kind = 1; kind < kHalfOpenNames.size(); ++kind) {
    counts[std::string(kHalfOpenNames[kind])] = listener.half_open[kind];
  }
  return counts;
}

// An alert that is of no listener has the port 0.
Json alert_listener_json(const Finding& finding) {
  if (finding.listener.port == 0) return nullptr;
  return {{"netns", finding.listener.netns},
          {"port", finding.listener.port},
          {"role", role_name(finding.listener.role)},
          {"namespace", json_or_null(finding.place.namespace_name)},
          {"pod", json_or_null(finding.place.pod)},
          {"container", json_or_null(finding.place.container)},
          {"comm", json_or_null(finding.comm)}};
}

void append_owner(fmt::memory_buffer& out, const Process* owner) {
  if (owner == nullptr) {
    append(out, R"({"pid":null,"comm":null,"cgroup":null,"container_id":null,)"
                R"("namespace":null,"pod":null,"container":null})");
    return;
  }
  const auto add = [&out](std::string_view name, std::string_view text) {
    append(out, name);
    append(out, text.empty() ? "null" : json_string(text));
  };
  const Place& place = owner->place;
  fmt::format_to(std::back_inserter(out), FMT_COMPILE(R"({{"pid":{},"comm":{})"), owner->pid,
                 json_string(owner->comm));
  add(R"(,"cgroup":)", place.cgroup);
  add(R"(,"container_id":)", place.container_id);
  add(R"(,"namespace":)", place.namespace_name);
  add(R"(,"pod":)", place.pod);
  add(R"(,"container":)", place.container);
  append(out, "}");
}

// A process as one of a listener's owners.
Json owner_json(const Process& owner) {
  const Place& place = owner.place;
  return {
      {"pid", owner.pid},
      {"comm", valid_utf8(owner.comm)},
      {"cgroup", json_or_null(place.cgroup)},
      {"container_id", json_or_null(place.container_id)},
      {"namespace", json_or_null(place.namespace_name)},
      {"pod", json_or_null(place.pod)},
      {"container", json_or_null(place.container)},
  };
}

}  // namespace

std::string rfc3339(uint64_t boot_ns, int64_t offset_ns) {
  const std::chrono::sys_time<std::chrono::milliseconds> time(
      std::chrono::milliseconds((static_cast<int64_t>(boot_ns) + offset_ns) / 1'000'000));
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z"),
                     static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::string json_string(std::string_view text) {
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
  });
  if (is_plain) return '"' + std::string(text) + '"';  // most are, and there may be many
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

void append_connection(fmt::memory_buffer& out, const Connection& connection, const Process* owner,
                       const WebSocket* websocket, const ConnectionContext& context) {
  const auto to = std::back_inserter(out);
  const Address remote = context.redact_peers
                             ? redacted(connection.remote_address, connection.family)
                             : connection.remote_address;
  fmt::format_to(
      to,
      FMT_COMPILE(
          R"({{"id":"{}","node":{},"netns":{},"role":"{}","local":{{"address":"{}","port":{}}},)"
          R"("remote":{{"address":"{}","port":{}}},"state":"{}","state_age_seconds":{},)"
          R"("state_age_source":"{}","age_seconds":{},"age_source":"{}")"),
      connection_id(connection), context.node_json, connection.netns, role_name(connection.role),
      address_text(connection.local_address, connection.family), connection.local_port,
      address_text(remote, connection.family), connection.remote_port, state_name(connection.state),
      milliseconds_between(connection.state_since_ns, context.now_ns),
      age_source_name(connection.state_age_source),
      milliseconds_between(connection.opened_ns, context.now_ns),
      age_source_name(connection.age_source));
  if (connection.sampled) {
    OrNull<Microseconds> srtt;
    if (connection.srtt_us > 0) srtt.value = Microseconds{connection.srtt_us};
    fmt::format_to(to,
                   FMT_COMPILE(R"(,"idle_seconds":{},"bytes_received":{},"bytes_sent":{},)"
                               R"("unread_bytes":{},"unacked_bytes":{},"unsent_bytes":{},)"
                               R"("retransmits":{},"srtt_seconds":{})"),
                   Milliseconds{idle_ms_at(connection, context.now_ns)}, connection.bytes_received,
                   connection.bytes_sent, connection.unread_bytes, connection.unacked_bytes,
                   connection.unsent_bytes, connection.retransmits, srtt);
  } else {
    fmt::format_to(to,
                   FMT_COMPILE(R"(,"idle_seconds":null,"bytes_received":null,"bytes_sent":null,)"
                               R"("unread_bytes":null,"unacked_bytes":null,"unsent_bytes":null,)"
                               R"("retransmits":{},"srtt_seconds":null)"),
                   connection.retransmits);
  }
  if (connection.half_open == HalfOpen::kNo) {
    append(out, R"(,"half_open":null)");
  } else {
    fmt::format_to(to, FMT_COMPILE(R"(,"half_open":"{}")"), half_open_name(connection.half_open));
  }
  append(out, R"(,"owner":)");
  append_owner(out, owner);
  append_websocket(out, connection, websocket, context.now_ns);
  append(out, "}");
}

Json listener_json(const Observed& observed, const ListenerSummary& listener) {
  Json states = Json::object();
  for (size_t i = 1; i < kTcpStateSlots; ++i) {
    if (static_cast<TcpState>(i) == TcpState::kListen) continue;
    states[std::string(kTcpStateNames[i])] = listener.states[i];
  }
  Json owners = Json::array();
  uint64_t resident = 0;
  for (const Process& owner : listener.owners) {
    owners.push_back(owner_json(owner));
    const auto rss = observed.owner_rss_bytes.find(owner.pid);
    if (rss != observed.owner_rss_bytes.end()) resident += rss->second;
  }
  Rates rates;
  if (const auto known = observed.rates.find(listener.key); known != observed.rates.end()) {
    rates = known->second;
  }
  const bool has_close_wait = listener.oldest_close_wait_seconds >= 0;
  return {
      {"netns", listener.key.netns},
      {"port", listener.key.port},
      {"role", role_name(listener.key.role)},
      {"namespace", json_or_null(listener.place.namespace_name)},
      {"pod", json_or_null(listener.place.pod)},
      {"container", json_or_null(listener.place.container)},
      {"comm", json_or_null(listener.comm)},
      {"owners", std::move(owners)},
      {"listening", listener.listening},
      {"states", std::move(states)},
      {"half_open", half_open_json(listener)},
      {"half_open_stuck", listener.half_open_stuck},
      {"stuck_handshakes", listener.stuck_handshakes},
      {"accept_queue",
       {{"length", listener.accept_queue},
        {"limit", listener.accept_queue_limit},
        {"full", listener.accept_queue_full},
        {"drops_total", listener.accept_drops_total}}},
      {"opens_per_second", rounded(rates.opens)},
      {"closes_per_second", rounded(rates.closes)},
      {"opened_total", listener.opened_total},
      {"closed_total", listener.closed_total},
      {"close_wait_stuck", listener.close_wait_stuck},
      {"oldest_close_wait_seconds",
       has_close_wait ? Json(rounded(listener.oldest_close_wait_seconds)) : Json(nullptr)},
      {"owner_rss_bytes", resident > 0 ? Json(resident) : Json(nullptr)},
      {"websocket", websockets_json(listener, observed.table->listener(listener.index).websocket,
                                    observed.table->watch().websocket)},
  };
}

Json alert_json(const Alert& alert, int64_t offset_ns) {
  const Finding& finding = alert.finding;
  return {
      {"name", finding.alert},
      {"severity", severity_name(finding.severity)},
      {"state", alert_state_name(alert.state)},
      {"listener", alert_listener_json(finding)},
      {"value", finding.value},
      {"threshold", finding.threshold},
      {"since", rfc3339(alert.since_ns, offset_ns)},
      {"summary", valid_utf8(finding.summary)},
      {"runbook", runbook_of(finding.alert)},
      {"findings", Json::array()},
  };
}

Json history_json(const Observed& observed, const ListenerKey& key, size_t span) {
  Json connections = Json::array();
  Json close_wait = Json::array();
  Json stuck = Json::array();
  for (const auto& sample : observed.history.of(key, span)) {
    connections.push_back(sample ? Json(sample->connections) : Json(nullptr));
    close_wait.push_back(sample ? Json(sample->close_wait) : Json(nullptr));
    stuck.push_back(sample ? Json(sample->close_wait_stuck) : Json(nullptr));
  }
  return {
      {"netns", key.netns},
      {"port", key.port},
      {"role", role_name(key.role)},
      {"step_seconds", kHistorySpans[span].step_ns / 1'000'000'000},
      {"end", rfc3339(observed.history.end_ns(span), observed.wall_clock_offset_ns)},
      {"connections", std::move(connections)},
      {"close_wait", std::move(close_wait)},
      {"close_wait_stuck", std::move(stuck)},
  };
}

namespace {

Json port_numbers(const PortSet& ports) {
  Json numbers = Json::array();
  for (size_t port = ports._Find_first(); port < ports.size(); port = ports._Find_next(port)) {
    numbers.push_back(port);
  }
  return numbers;
}

// Whether WebSockets are read.
Json websocket_reading_json(const Watch& watch, const Status& status) {
  Json reason;
  if (!watch.websocket) {
    reason = status.websocket_trouble.empty() ? "off: --no-websocket" : status.websocket_trouble;
  }
  return {{"enabled", watch.websocket}, {"reason", std::move(reason)}};
}

}  // namespace

Json status_json(const Observed& observed) {
  const Status& status = observed.status;
  Json corrections = Json::object();
  for (size_t i = 0; i < kCorrectionNames.size(); ++i) {
    corrections[std::string(kCorrectionNames[i])] = observed.table->corrections()[i];
  }
  size_t pending = 0;
  size_t firing = 0;
  for (const Alert& alert : observed.alerts)
    ++(alert.state == AlertState::kFiring ? firing : pending);
  Rates rates;
  for (const auto& [key, listener_rates] : observed.rates) {
    rates.opens += listener_rates.opens;
    rates.closes += listener_rates.closes;
  }
  size_t shown_listeners = 0;
  for (const ListenerSummary& listener : observed.listeners) {
    if (listener.is_live()) ++shown_listeners;
  }
  const Watch& watch = observed.table->watch();
  return {
      {"version", status.version},
      {"node", valid_utf8(status.node)},
      {"kernel", status.kernel},
      {"pid", status.pid},
      {"started", rfc3339(status.started_ns, observed.wall_clock_offset_ns)},
      {"uptime_seconds", rounded(seconds_between(observed.now_ns, status.started_ns))},
      {"ready", status.reasons.empty() ? "ok" : "degraded"},
      {"reasons", status.reasons},
      {"coverage", status.full_coverage ? "full" : "partial"},
      {"ports", ports_text(watch.ports, status.discovery)},
      {"discovery", status.discovery},
      {"discovered_ports", port_numbers(status.discovered_ports)},
      {"role", watch.server && watch.client ? "both"
               : watch.server               ? "server"
                                            : "client"},
      {"websocket", websocket_reading_json(watch, status)},
      {"connections", observed.table->connections().size()},
      {"listeners", shown_listeners},
      {"opens_per_second", rounded(rates.opens)},
      {"closes_per_second", rounded(rates.closes)},
      {"events", status.events},
      {"lost", status.lost.by_reason()},
      {"corrections", std::move(corrections)},
      {"sweep",
       {{"interval_seconds", status.sweep_interval_seconds},
        {"count", status.sweeps},
        {"last_duration_seconds", rounded(status.last_sweep_seconds)},
        {"namespaces", status.namespaces}}},
      {"alerts", {{"pending", pending}, {"firing", firing}}},
      {"close_wait_threshold", status.close_wait_threshold},
      {"close_wait_for_seconds", status.close_wait_for_seconds},
  };
}

}  // namespace wsbpf
