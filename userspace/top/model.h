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

#include "core/result.h"

namespace wsbpf::top {

struct Status {
  std::string version;
  std::string node;
  std::string kernel;
  std::string ports;
  std::string role;
  std::optional<std::int64_t> pid;
  std::optional<double> uptime_seconds;
  std::optional<double> opens_per_second;
  std::optional<double> closes_per_second;
  std::optional<std::int64_t> connections;
  std::optional<std::int64_t> listeners;
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
  bool full = false;  // one socket at least takes no more
};

// What tells one listener from another.
struct ListenerKey {
  std::optional<std::int64_t> netns;
  std::optional<std::int64_t> port;
  std::string role;

  bool operator==(const ListenerKey&) const = default;
};

struct Listener {
  ListenerKey key;
  Workload workload;
  std::vector<Owner> owners;
  StateCounts states;
  std::int64_t close_wait_stuck = 0;  // in CLOSE_WAIT for longer than --close-wait-for
  std::int64_t half_open = 0;         // unacked or probing
  std::int64_t half_open_stuck = 0;   // of those, not heard of for 15 s
  std::int64_t stuck_handshakes = 0;  // in SYN_RECV, with the SYN+ACK sent more than once
  std::optional<AcceptQueue> accept_queue;
  std::optional<double> opens_per_second;
  std::optional<double> closes_per_second;
  std::optional<std::int64_t> websockets;  // handshakes, and those that are open or closing
};

struct Endpoint {
  std::string address;
  std::optional<std::int64_t> port;
};

struct WebSocket {
  std::string phase = {};   // empty: it is not read
  std::string unread = {};  // why not, or not whole; empty: it is
  std::optional<std::int64_t> messages_received = {};
  std::optional<std::int64_t> messages_sent = {};
  std::optional<double> ping_rtt_seconds = {};
  std::optional<std::int64_t> close_code = {};
  bool counts_at_least = false;
};

struct Connection {
  std::string id;
  std::string state;
  std::optional<double> age_seconds;
  bool age_is_lower_bound = false;  // opened before the daemon started watching
  std::optional<double> state_age_seconds;
  bool state_age_is_lower_bound = false;
  std::optional<double> idle_seconds;
  std::optional<std::int64_t> unread_bytes;
  std::optional<std::int64_t> send_queue_bytes;  // sent or not, and not acknowledged
  std::optional<std::int64_t> retransmits;
  std::optional<double> srtt_seconds;
  std::string half_open;  // empty: it is not
  WebSocket websocket;
  Owner owner;
  Workload workload;
  Endpoint local;
  Endpoint remote;
};

// What is said of a connection's end.
struct Ending {
  std::string verdict;
  std::string initiator;
  std::string mechanism;
  std::string race;
  std::optional<double> confidence;
};

struct Disconnect {
  std::string time;                          // as the daemon writes it
  std::optional<double> ended_unix_seconds;  // the same as a number
  Ending ending;
  Connection connection;
};

struct Alert {
  std::string name;
  bool critical = false;
  std::string state;  // pending, firing or resolved
  std::optional<ListenerKey> listener;
  Workload workload;
  std::string comm;
  std::optional<double> value;
  std::optional<double> threshold;
  std::string since;
  std::optional<double> since_unix_seconds;
  std::string summary;
  std::string runbook;
};

// One value a second, the oldest first; nothing where the listener was not known yet.
struct History {
  ListenerKey listener;
  std::vector<std::optional<std::int64_t>> close_wait_stuck;
};

struct Moment {
  std::string time;
  std::optional<double> seconds_ago;
  bool at_least = false;  // it was so long ago or longer
  std::string text;
};

// Of a WebSocket.
struct SeenFrame {
  std::string time;
  std::optional<double> seconds_ago;
  std::string direction;  // received or sent
  std::string opcode;
  std::optional<double> length;
  bool length_at_least = false;
  bool final = false;  // the last of its message
};

struct Evidence {
  std::string name;
  std::string value;
  std::string meaning;
};

// All that is known of one connection.
struct Explanation {
  std::string id;
  bool live = false;
  Connection connection;
  Ending ending;  // empty while it is live
  std::string summary;
  std::vector<Moment> timeline;   // the oldest first
  std::vector<SeenFrame> frames;  // the last of each direction, the oldest first
  std::vector<Evidence> evidence;
  std::vector<std::string> advice;
  std::string documentation;
};

// In which order rows were asked for, and which.
struct Question {
  std::string sort;  // as the API takes it
  std::string filter;

  bool operator==(const Question&) const = default;
};

// The part of a long list that was asked for.
template <typename Row>
struct Rows {
  std::vector<Row> rows;
  std::size_t first = 0;               // rows of the list before these
  std::size_t total = 0;               // in the list
  bool loaded = false;                 // false: never asked for
  std::optional<Question> question{};  // empty: all, in the only order there is
  double taken_unix_seconds = 0;       // when the answer came
};

struct Disconnects {
  Rows<Disconnect> list;
  std::vector<std::pair<std::string, std::int64_t>> by_verdict;  // the most frequent first
  std::string since;                                             // of the oldest remembered
};

// Answers to what was asked last; what the open tab does not show may be older.
struct Model {
  Status status;
  Rows<Listener> listeners;
  std::vector<History> history;
  Rows<Connection> connections;
  Disconnects disconnects;
  Rows<Alert> alerts;
  std::optional<Explanation> explanation;
  std::optional<Error> refused;   // what the daemon said instead of the rows or the explanation
  double taken_unix_seconds = 0;  // when these answers came
};

}  // namespace wsbpf::top
