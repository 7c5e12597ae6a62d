// What the daemon said in one round of questions, as plain data. An empty optional is a value the
// daemon does not know. Every string has passed through core/text.h's printable() on its way in
// (parse.cpp), so that nothing downstream can print a peer's or a process's bytes raw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wsbpf::top {

struct Status {
  std::string version;
  std::string node;
  std::string kernel;
  std::string ports;
  std::string role;
  std::optional<double> uptime_seconds;
  std::optional<double> opens_per_second;
  std::optional<double> closes_per_second;
  std::optional<std::int64_t> connections;
  bool degraded = false;
  bool coverage_partial = false;
  std::vector<std::string> reasons;                        // why degraded or partial
  std::vector<std::pair<std::string, std::int64_t>> lost;  // events by reason, only those above 0
  std::int64_t alerts_pending = 0;
  std::int64_t alerts_firing = 0;
  std::optional<std::int64_t> close_wait_threshold;
  std::optional<double> close_wait_for_seconds;
};

struct Owner {
  std::optional<std::int64_t> pid;
  std::string comm;
};

// Where the owner runs; empty outside Kubernetes.
struct Workload {
  std::string name_space;
  std::string pod;
};

struct StateCounts {
  std::int64_t established = 0;
  std::int64_t close_wait = 0;
  std::int64_t fin_wait = 0;  // FIN_WAIT1 and FIN_WAIT2
  std::int64_t time_wait = 0;
  std::int64_t other = 0;  // SYN_SENT, SYN_RECV, LAST_ACK, CLOSING, CLOSE
};

struct AcceptQueue {
  std::int64_t length = 0;
  std::int64_t limit = 0;
};

struct Listener {
  std::optional<std::int64_t> port;
  std::string role;
  Workload workload;
  std::vector<Owner> owners;
  StateCounts states;
  std::int64_t close_wait_stuck = 0;  // in CLOSE_WAIT for longer than --close-wait-for
  std::optional<AcceptQueue> accept_queue;
  std::optional<double> opens_per_second;
  std::optional<double> closes_per_second;
};

struct Endpoint {
  std::string address;
  std::optional<std::int64_t> port;
};

struct Connection {
  std::string state;
  std::optional<double> age_seconds;
  bool age_is_lower_bound = false;  // opened before the daemon started watching
  std::optional<double> state_age_seconds;
  std::optional<double> idle_seconds;
  std::optional<std::int64_t> unread_bytes;
  std::optional<std::int64_t> unacked_bytes;
  std::optional<std::int64_t> retransmits;
  std::optional<double> srtt_seconds;
  Owner owner;
  Workload workload;
  Endpoint local;
  Endpoint remote;
};

struct Alert {
  std::string name;
  bool critical = false;
  bool firing = false;
  std::optional<std::int64_t> port;
  std::string summary;
};

struct Model {
  Status status;
  std::vector<Listener> listeners;
  std::vector<Alert> alerts;
  std::vector<Connection> connections;  // the first rows of the order asked for
  std::size_t connections_total = 0;    // how many there are, loaded or not
};

}  // namespace wsbpf::top
