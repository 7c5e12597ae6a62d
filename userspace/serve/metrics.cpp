#include "serve/metrics.h"

#include <fmt/format.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "alert/close_wait.h"
#include "alert/events_lost.h"
#include "alert/half_open.h"
#include "core/text.h"
#include "serve/exposition.h"
#include "serve/metrics_websocket.h"

namespace wsbpf {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// What tells one group of listeners from another: the labels of its metrics, in this order.
constexpr std::array<const char*, 6> kGroupLabels = {"port", "role",      "namespace",
                                                     "pod",  "container", "comm"};
using GroupKey = std::array<std::string, kGroupLabels.size()>;

constexpr size_t kRoleLabel = 1;
constexpr size_t kHistogramLabels = 4;  // the first four

GroupKey key_of(const ListenerSummary& summary) {
  const Place& place = summary.place;
  return {std::to_string(summary.key.port), std::string(role_name(summary.key.role)),
          printable(place.namespace_name),  printable(place.pod),
          printable(place.container),       printable(summary.comm)};
}

template <size_t N>
Labels labels_of(const std::array<std::string, N>& values) {
  Labels labels;
  for (size_t i = 0; i < N; ++i) labels.push_back({kGroupLabels[i], values[i]});
  return labels;
}

// Everything that is exported of the listeners that share one set of labels.
struct Group {
  GroupKey label_values;
  StateCounts states{};
  std::array<double, kTcpStateSlots> state_age_max_seconds{};
  uint64_t close_wait_stuck = 0;
  uint64_t accept_queue = 0;
  uint64_t accept_queue_limit = 0;
  uint64_t opened = 0;
  uint64_t retransmitted = 0;
  uint64_t connections = 0;
  uint64_t accept_drops = 0;
  uint64_t synacks_retransmitted = 0;
  uint64_t half_open_stuck = 0;
  uint64_t stuck_handshakes = 0;
  HalfOpenCounts half_open{};
  RaceCounts races{};
  std::map<ResetKey, uint64_t> resets;
  std::map<DisconnectKey, uint64_t> disconnects;
  std::set<std::pair<std::string_view, Severity>> firing;
  DurationHistogram duration;
  DurationHistogram idle_at_close;
  WebSocketGroup websockets;

  void add(const Observed& observed, const ListenerSummary& summary) {
    const Listener& listener = observed.table->listener(summary.index);
    for (size_t i = 0; i < kTcpStateSlots; ++i) {
      states[i] += summary.states[i];
      state_age_max_seconds[i] =
          std::max(state_age_max_seconds[i], summary.state_age_max_seconds[i]);
    }
    // An alert is a single listener's: what several of them have together must not look like one.
    close_wait_stuck = std::max<uint64_t>(close_wait_stuck, summary.close_wait_stuck);
    half_open_stuck = std::max<uint64_t>(half_open_stuck, summary.half_open_stuck);
    stuck_handshakes = std::max<uint64_t>(stuck_handshakes, summary.stuck_handshakes);
    for (size_t i = 0; i < half_open.size(); ++i) half_open[i] += summary.half_open[i];
    for (size_t i = 0; i < races.size(); ++i) races[i] += listener.races[i];
    for (const auto& [key, count] : listener.disconnects) disconnects[key] += count;
    accept_drops += listener.accept_drops_total;
    synacks_retransmitted += listener.synacks_retransmitted_total;
    accept_queue += summary.accept_queue;
    accept_queue_limit += summary.accept_queue_limit;
    opened += listener.opened_total;
    retransmitted += listener.retransmitted_total;
    connections += summary.connections();
    for (const auto& [key, count] : listener.resets) resets[key] += count;
    duration += listener.duration;
    idle_at_close += listener.idle_at_close;
    websockets.add(summary, listener.websocket, observed.table->watch().websocket);
    for (const Alert& alert : observed.alerts) {
      if (alert.finding.listener != summary.key || alert.state != AlertState::kFiring) continue;
      firing.emplace(alert.finding.alert, alert.finding.severity);
    }
  }

  Labels labels(Labels more = {}) const {
    Labels labels = labels_of(label_values);
    labels.insert(labels.end(), more.begin(), more.end());
    return labels;
  }
};

// Two listeners may share their labels: those of two network namespaces without a pod, say.
std::vector<Group> groups_of(const Observed& observed) {
  std::map<GroupKey, Group> by_labels;
  for (const ListenerSummary& summary : observed.listeners) {
    const GroupKey key = key_of(summary);
    Group& group = by_labels[key];
    group.label_values = key;
    group.add(observed, summary);
  }
  std::vector<Group> groups;
  for (auto& [labels, group] : by_labels) groups.push_back(std::move(group));
  return groups;
}

std::string reason_text(const Observed& observed, int32_t reason) {
  const auto& names = observed.status.reset_reasons;
  const auto known = names.find(reason);
  if (known != names.end()) return known->second;
  return reason < 0 ? "" : std::to_string(reason);
}

// One metric of a group that is a single number.
struct NumberRow {
  const char* name;
  const char* help;
  MetricType type;
  double (*value)(const Group&);
};

const NumberRow kNumberRows[] = {
    {"wsbpf_close_wait_stuck_connections",
     "Connections that have each been in CLOSE_WAIT for --close-wait-for: the most of any "
     "listener.",
     MetricType::Gauge, [](const Group& g) { return static_cast<double>(g.close_wait_stuck); }},
    {"wsbpf_connections_opened_total", "Connections established since the start.",
     MetricType::Counter, [](const Group& g) { return static_cast<double>(g.opened); }},
    {"wsbpf_accept_queue_length", "Connections that wait for accept().", MetricType::Gauge,
     [](const Group& g) { return static_cast<double>(g.accept_queue); }},
    {"wsbpf_accept_queue_limit", "The backlog of listen(), capped by net.core.somaxconn.",
     MetricType::Gauge, [](const Group& g) { return static_cast<double>(g.accept_queue_limit); }},
    {"wsbpf_accept_queue_drops_total",
     "Handshakes and connections dropped by listening sockets, mostly for a full accept queue.",
     MetricType::Counter, [](const Group& g) { return static_cast<double>(g.accept_drops); }},
    {"wsbpf_retransmitted_segments_total", "Segments sent again.", MetricType::Counter,
     [](const Group& g) { return static_cast<double>(g.retransmitted); }},
    {"wsbpf_retransmitted_synacks_total", "SYN+ACKs sent again: handshakes that hang.",
     MetricType::Counter,
     [](const Group& g) { return static_cast<double>(g.synacks_retransmitted); }},
    {"wsbpf_half_open_stuck_connections",
     "Half-open connections (unacked or probing) unheard of for 15 s: the most of any listener.",
     MetricType::Gauge, [](const Group& g) { return static_cast<double>(g.half_open_stuck); }},
    {"wsbpf_stuck_handshakes",
     "Connections in SYN_RECV whose SYN+ACK was sent again: the most of any listener.",
     MetricType::Gauge, [](const Group& g) { return static_cast<double>(g.stuck_handshakes); }},
};

// One metric of a group for each TCP state.
struct StateRow {
  const char* name;
  const char* help;
  double (*value)(const Group&, size_t state);
};

const StateRow kStateRows[] = {
    {"wsbpf_tcp_connections", "Connections by TCP state.",
     [](const Group& g, size_t state) { return static_cast<double>(g.states[state]); }},
    {"wsbpf_state_age_max_seconds", "The longest time that a connection has been in its state.",
     [](const Group& g, size_t state) { return g.state_age_max_seconds[state]; }},
};

void add_half_open(Exposition& out, const std::vector<Group>& groups) {
  MetricFamily& half_open = out.family("wsbpf_half_open_connections",
                                       "Half-open connections by kind.", MetricType::Gauge);
  for (const Group& group : groups) {
    add_value(half_open, group.labels({{"kind", "syn_recv"}}),
              group.states[static_cast<size_t>(TcpState::kSynRecv)]);
    for (size_t kind = 1; kind < kHalfOpenNames.size(); ++kind) {
      add_value(half_open, group.labels({{"kind", std::string(kHalfOpenNames[kind])}}),
                group.half_open[kind]);
    }
  }
}

void add_endings(Exposition& out, const std::vector<Group>& groups) {
  MetricFamily& disconnects =
      out.family("wsbpf_disconnects_total", "Connections that ended, by verdict and who began it.",
                 MetricType::Counter);
  MetricFamily races{
      "wsbpf_races_total", "FINs and resets that crossed, by race.", MetricType::Counter, {}};
  for (const Group& group : groups) {
    for (const auto& [key, count] : group.disconnects) {
      add_value(disconnects,
                group.labels({{"verdict", std::string(verdict_name(key.first))},
                              {"initiator", std::string(initiator_name(key.second))}}),
                static_cast<double>(count));
    }
    for (size_t race = 0; race < group.races.size(); ++race) {
      add_value(races, group.labels({{"race", std::string(kRaceNames[race])}}),
                static_cast<double>(group.races[race]));
    }
  }
  out.families.push_back(std::move(races));
}

// The alerts of listeners; EventsLost is of none.
constexpr std::array<std::string_view, 2> kListenerAlerts = {kCloseWaitAccumulation,
                                                             kHalfOpenAccumulation};

void add_firing(Exposition& out, const Observed& observed, const std::vector<Group>& groups) {
  MetricFamily& firing =
      out.family("wsbpf_alerts_firing", "1 while the alert is firing.", MetricType::Gauge);
  constexpr std::array kSeverities = {Severity::kWarning, Severity::kCritical};
  const auto more = [](std::string_view alert, Severity severity) {
    return Labels{{"alert", std::string(alert)},
                  {"severity", std::string(severity_name(severity))}};
  };
  for (const Group& group : groups) {
    if (group.label_values[kRoleLabel] != role_name(Role::kServer)) continue;
    for (const std::string_view alert : kListenerAlerts) {
      for (const Severity severity : kSeverities) {
        add_value(firing, group.labels(more(alert, severity)),
                  group.firing.contains({alert, severity}));
      }
    }
  }
  const bool events_lost =
      std::any_of(observed.alerts.begin(), observed.alerts.end(), [](const Alert& alert) {
        return alert.finding.alert == kEventsLost && alert.state == AlertState::kFiring;
      });
  add_value(firing, more(kEventsLost, Severity::kWarning), events_lost);
}

// Of a group: all rows, states, kinds, races, alerts and histogram buckets; the reasons of resets,
// the verdicts given and what is known of WebSockets come on top.
size_t series_of(const Group& group) {
  constexpr size_t kStates = kTcpStateSlots - 2;  // without LISTEN
  constexpr size_t kAlways = std::size(kStateRows) * kStates + std::size(kNumberRows) +
                             kHalfOpenNames.size() + kRaceNames.size() +
                             2 * kListenerAlerts.size() + 2 * series_of(DurationHistogram());
  return kAlways + group.resets.size() + group.disconnects.size() + group.websockets.series();
}

// What the daemon tells of itself, and two groups of others with every reason there is.
constexpr size_t kSeriesReserved = 650;

void add_groups(Exposition& out, const Observed& observed, const std::vector<Group>& groups) {
  for (const StateRow& row : kStateRows) {
    MetricFamily& family = out.family(row.name, row.help, MetricType::Gauge);
    for (const Group& group : groups) {
      for (size_t state = 1; state < kTcpStateSlots; ++state) {
        if (static_cast<TcpState>(state) == TcpState::kListen) continue;
        add_value(family, group.labels({{"state", std::string(kTcpStateNames[state])}}),
                  row.value(group, state));
      }
    }
  }
  for (const NumberRow& row : kNumberRows) {
    MetricFamily& family = out.family(row.name, row.help, row.type);
    for (const Group& group : groups) add_value(family, group.labels(), row.value(group));
  }

  add_half_open(out, groups);
  add_endings(out, groups);
  MetricFamily& resets = out.family("wsbpf_resets_total",
                                    "Resets by direction and the kernel's reason for those sent.",
                                    MetricType::Counter);
  for (const Group& group : groups) {
    for (const auto& [key, count] : group.resets) {
      const bool sent = key.first == WSBPF_RESET_SENT;
      add_value(resets,
                group.labels({{"direction", sent ? "sent" : "received"},
                              {"reason", reason_text(observed, key.second)}}),
                static_cast<double>(count));
    }
  }
  add_firing(out, observed, groups);
  std::vector<LabelledWebSockets> websockets;
  for (const Group& group : groups) websockets.push_back({group.labels(), &group.websockets});
  add_websockets(out, websockets);
}

// Histograms carry fewer labels, so groups that differ in container and comm only are one here.
void add_histograms(Exposition& out, const std::vector<Group>& groups) {
  using HistogramKey = std::array<std::string, kHistogramLabels>;
  struct Merged {
    DurationHistogram duration;
    DurationHistogram idle;
    PingHistogram ping_rtt;
  };
  std::map<HistogramKey, Merged> merged;
  for (const Group& group : groups) {
    HistogramKey key;
    std::copy_n(group.label_values.begin(), key.size(), key.begin());
    auto& [duration, idle, ping_rtt] = merged[key];
    duration += group.duration;
    idle += group.idle_at_close;
    ping_rtt += group.websockets.ping_rtt;
  }
  MetricFamily& durations =
      out.family("wsbpf_connection_duration_seconds", "Age of connections when they closed.",
                 MetricType::Histogram);
  for (const auto& [key, of] : merged) add_histogram(durations, labels_of(key), of.duration);
  MetricFamily& idles =
      out.family("wsbpf_idle_at_close_seconds",
                 "How long no data had passed when connections closed.", MetricType::Histogram);
  for (const auto& [key, of] : merged) add_histogram(idles, labels_of(key), of.idle);
  std::vector<LabelledPings> pings;
  for (const auto& [key, of] : merged) pings.push_back({labels_of(key), &of.ping_rtt});
  add_pings(out, pings);
}

void add_own(Exposition& out, const Observed& observed) {
  const Status& status = observed.status;
  MetricFamily& events = out.family("wsbpf_events_total", "Records read from the kernel, by type.",
                                    MetricType::Counter);
  for (const auto& [type, count] : status.events) {
    add_value(events, {{"type", type}}, static_cast<double>(count));
  }
  MetricFamily& lost =
      out.family("wsbpf_events_lost_total",
                 "Records that never arrived, by reason; the next sweep repairs the gauges.",
                 MetricType::Counter);
  for (const auto& [program, count] : status.lost.ring_buffer) {
    add_value(lost, {{"reason", "ring_buffer"}, {"program", program}}, static_cast<double>(count));
  }
  add_value(lost, {{"reason", "recursion"}, {"program", ""}},
            static_cast<double>(status.lost.recursion));
  add_value(lost, {{"reason", "iterator"}, {"program", ""}},
            static_cast<double>(status.lost.iterator));
  add_value(lost, {{"reason", "unseen"}, {"program", ""}}, static_cast<double>(status.lost.unseen));
  MetricFamily& corrections =
      out.family("wsbpf_reconcile_corrections_total",
                 "What sweeps had to put right in the table, by kind.", MetricType::Counter);
  for (size_t i = 0; i < kCorrectionNames.size(); ++i) {
    add_value(corrections, {{"kind", std::string(kCorrectionNames[i])}},
              static_cast<double>(observed.table->corrections()[i]));
  }
  add_value(out.family("wsbpf_build_info", "1, with the version as a label.", MetricType::Gauge),
            {{"version", status.version}, {"node", printable(status.node)}}, 1);
  if (!status.programs.empty()) {
    MetricFamily& seconds =
        out.family("wsbpf_bpf_program_run_seconds_total",
                   "Time spent in each BPF program, while --bpf-stats is on.", MetricType::Counter);
    for (const ProgramStats& program : status.programs) {
      add_value(seconds, {{"program", program.name}}, static_cast<double>(program.run_ns) / 1e9);
    }
    MetricFamily& runs =
        out.family("wsbpf_bpf_program_runs_total",
                   "Executions of each BPF program, while --bpf-stats is on.", MetricType::Counter);
    for (const ProgramStats& program : status.programs) {
      add_value(runs, {{"program", program.name}}, static_cast<double>(program.runs));
    }
  }
}

// The names that every Prometheus client library uses for its own process.
void add_process(Exposition& out, const ProcessUsage& usage) {
  add_value(out.family("process_cpu_seconds_total", "User and system CPU time spent.",
                       MetricType::Counter),
            {}, usage.cpu_seconds);
  add_value(out.family("process_resident_memory_bytes", "Resident memory size.", MetricType::Gauge),
            {}, static_cast<double>(usage.resident_bytes));
  add_value(out.family("process_virtual_memory_bytes", "Virtual memory size.", MetricType::Gauge),
            {}, static_cast<double>(usage.virtual_bytes));
  add_value(out.family("process_open_fds", "Open file descriptors.", MetricType::Gauge), {},
            static_cast<double>(usage.open_fds));
  add_value(
      out.family("process_start_time_seconds", "Start time since the epoch.", MetricType::Gauge),
      {}, usage.start_time_seconds);
}

// Keeps the groups with the most connections, and sums up the others.
std::vector<Group> limited(const Observed& observed) {
  std::vector<Group> groups = groups_of(observed);
  std::set<GroupKey> kept;
  std::sort(groups.begin(), groups.end(),
            [](const Group& a, const Group& b) { return a.connections > b.connections; });
  size_t series = kSeriesReserved;
  const auto first_other = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
    series += series_of(group);
    return series > kSeriesLimit;
  });
  if (first_other == groups.end()) return groups;
  groups.erase(first_other, groups.end());
  for (const Group& group : groups) kept.insert(group.label_values);
  std::map<std::string, Group> others;  // by role
  for (const ListenerSummary& summary : observed.listeners) {
    const GroupKey key = key_of(summary);
    if (kept.contains(key)) continue;
    Group& other = others[key[kRoleLabel]];
    other.label_values = {"other", key[kRoleLabel], "", "", "", ""};
    other.add(observed, summary);
  }
  for (auto& [role, other] : others) groups.push_back(std::move(other));
  return groups;
}

}  // namespace

std::vector<MetricFamily> MetricsCollector::Collect() const {
  const std::vector<Group> groups = limited(observed_);
  Exposition out;
  add_groups(out, observed_, groups);
  add_histograms(out, groups);
  add_own(out, observed_);
  add_process(out, observed_.status.usage);
  std::erase_if(out.families, [](const MetricFamily& family) { return family.metric.empty(); });
  return std::move(out.families);
}

std::string metrics_text(const Observed& observed) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, MetricsCollector(observed).Collect());
  return out.str();
}

}  // namespace wsbpf
