#include "core/connection_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace wsbpf {
namespace {

TcpState state_of(const wsbpf_header& header) { return static_cast<TcpState>(header.state); }

Connection connection_from(const wsbpf_header& header, const wsbpf_endpoints& endpoints,
                           Role role) {
  Connection connection;
  connection.cookie = header.cookie;
  connection.opened_ns = header.time_ns;
  connection.netns = header.netns;
  connection.family = header.family;
  connection.role = role;
  std::memcpy(connection.local_address.data(), endpoints.local_address, sizeof(Address));
  std::memcpy(connection.remote_address.data(), endpoints.remote_address, sizeof(Address));
  connection.local_port = endpoints.local_port;
  connection.remote_port = endpoints.remote_port;
  return connection;
}

// A FIN takes a sequence number, and so counts as a byte received (RFC 9293 section 3.4).
bool has_received_fin(TcpState state) {
  return state == TcpState::kCloseWait || state == TcpState::kLastAck ||
         state == TcpState::kClosing || state == TcpState::kTimeWait;
}

// `state` is the one before CLOSE when the connection has just entered that.
void take_counters(Connection& connection, const wsbpf_counters& counters, TcpState state,
                   uint64_t time_ns) {
  const uint64_t sequenced_in = has_received_fin(state) ? 1 : 0;
  const uint64_t sequenced_out = (connection.role == Role::kClient ? 1u : 0u) +  // the SYN
                                 (state == TcpState::kFinWait2 ? 1u : 0u);       // our FIN
  connection.bytes_received =
      counters.bytes_received - std::min<uint64_t>(counters.bytes_received, sequenced_in);
  connection.bytes_sent =
      counters.bytes_acked - std::min<uint64_t>(counters.bytes_acked, sequenced_out);
  connection.unread_bytes = counters.unread_bytes;
  connection.unacked_bytes = counters.unacked_bytes;
  connection.retransmits = counters.retransmits;
  connection.srtt_us = counters.srtt_us;
  connection.idle_ms = counters.idle_ms;
  connection.sampled = connection.established;
  connection.sampled_ns = time_ns;
}

double seconds(uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

uint64_t since(uint64_t now_ns, uint64_t then_ns) { return now_ns - std::min(now_ns, then_ns); }

constexpr uint64_t kListenerRetention_ns = 15ull * 60 * 1'000'000'000;

}  // namespace

ConnectionTable::ConnectionTable(Watch watch, ProcessLookup& lookup)
    : watch_(std::move(watch)), processes_(lookup) {}

bool ConnectionTable::is_watched(Role role, uint16_t local_port, uint16_t remote_port) const {
  return role == Role::kServer ? watch_.server && watch_.ports[local_port]
                               : watch_.client && watch_.ports[remote_port];
}

void ConnectionTable::set_watch(Watch watch) {
  watch_ = std::move(watch);
  connections_.each([this](uint32_t index, const Connection& connection) {
    if (is_watched(connection.role, connection.local_port, connection.remote_port)) return;
    by_cookie_.erase(connection.cookie);
    connections_.erase(index);
  });
  absl::erase_if(listen_sockets_, [this](const auto& entry) {
    return !is_watched(Role::kServer, listeners_[entry.second.listener].key.port, 0);
  });
  listeners_.each([this](uint32_t index, const Listener& listener) {
    const uint16_t port = listener.key.port;
    if (is_watched(listener.key.role, port, port)) return;
    by_key_.erase(listener.key);
    listeners_.erase(index);
  });
  departed_.clear();  // may name listeners that are gone
  ignored_.clear();
  adopting_ = true;  // for what a sweep under way may find
}

void ConnectionTable::apply(const Event& event) {
  std::visit([this](const auto& record) { apply_record(record); }, event);
}

// --- events ---------------------------------------------------------------------------------

void ConnectionTable::apply_record(const wsbpf_opened& record) {
  const TcpState state = state_of(record.header);
  const wsbpf_endpoints& endpoints = record.endpoints;
  if (state == TcpState::kListen) {
    if (is_watched(Role::kServer, endpoints.local_port, 0)) {
      add_listen_socket(record.header, endpoints.local_port, processes_.intern(record.pid));
    }
    return;
  }

  Connection* known = find(record.header.cookie);
  if (known != nullptr && state == TcpState::kEstablished) {  // its connect() was seen
    std::memcpy(known->local_address.data(), endpoints.local_address, sizeof(Address));
    known->local_port = endpoints.local_port;
    if (known->age_source == AgeSource::kLowerBound) {  // a sweep was faster than this record
      known->opened_ns = record.header.time_ns;
      known->age_source = AgeSource::kExact;
    }
    enter_state(*known, state, record.header.time_ns);
    return;
  }

  const bool actively = state == TcpState::kSynSent ||
                        static_cast<TcpState>(record.header.old_state) == TcpState::kSynSent;
  const Role role = actively ? Role::kClient : Role::kServer;
  if (!is_watched(role, endpoints.local_port, endpoints.remote_port)) {
    ignored_.insert(record.header.cookie);
    return;
  }
  Connection connection = connection_from(record.header, endpoints, role);
  connection.age_source = AgeSource::kExact;
  connection.owner = processes_.intern(record.pid);
  if (known != nullptr) {  // connect() again on the same socket, with no destroy between
    connection.generation = known->generation + 1;
    erase(by_cookie_.at(known->cookie), record.header.time_ns);
  }
  enter_state(insert(std::move(connection)), state, record.header.time_ns);
}

void ConnectionTable::apply_record(const wsbpf_state& record) {
  Connection* connection = find(record.header.cookie);
  if (connection == nullptr) return note_departed(record.header, state_of(record.header));
  if (connection->owner == kNone) connection->owner = processes_.intern(record.pid);
  enter_state(*connection, state_of(record.header), record.header.time_ns);
}

void ConnectionTable::apply_record(const wsbpf_closed& record) {
  if (const auto listening = listen_sockets_.find(record.header.cookie);
      listening != listen_sockets_.end()) {
    listeners_[listening->second.listener].last_used_ns = record.header.time_ns;
    listen_sockets_.erase(listening);
    note_departed(record.header, TcpState::kClose);
    return;
  }
  Connection* connection = find(record.header.cookie);
  if (connection == nullptr) return note_departed(record.header, TcpState::kClose);
  take_counters(*connection, record.counters, static_cast<TcpState>(record.header.old_state),
                record.header.time_ns);
  enter_state(*connection, TcpState::kClose, record.header.time_ns);
}

void ConnectionTable::apply_record(const wsbpf_destroyed& record) {
  Departed& departed = departed_[record.header.cookie];
  departed.time_ns = record.header.time_ns;
  departed.destroyed = true;
  ignored_.erase(record.header.cookie);
  listen_sockets_.erase(record.header.cookie);

  Connection* connection = find(record.header.cookie);
  if (connection == nullptr) return;
  if (connection->reset_in_doubt) departed.doubtful_reset_of = connection->listener;
  erase(by_cookie_.at(record.header.cookie), record.header.time_ns);
}

void ConnectionTable::apply_record(const wsbpf_retransmit& record) {
  Connection* connection = find(record.header.cookie);
  if (connection == nullptr) return;
  connection->retransmits = record.total;
  ++listeners_[connection->listener].retransmitted_total;
}

// Data that arrives after our close in FIN_WAIT1 or FIN_WAIT2 is reported as a reset received,
// followed by the one that is sent because of it. So the former counts only once it is known that
// the latter has not come.
void ConnectionTable::apply_record(const wsbpf_reset& record) {
  const bool sent = record.direction == WSBPF_RESET_SENT;
  Connection* connection = find(record.header.cookie);
  if (connection != nullptr) {
    const bool in_doubt = !sent && (connection->state == TcpState::kFinWait1 ||
                                    connection->state == TcpState::kFinWait2);
    connection->reset_in_doubt = in_doubt;
    if (in_doubt) return;
  }
  uint32_t listener = connection != nullptr ? connection->listener : kNone;
  if (const auto departed = departed_.find(record.header.cookie);
      listener == kNone && departed != departed_.end()) {
    listener = std::exchange(departed->second.doubtful_reset_of, kNone);
  }
  if (listener == kNone) {  // a timewait socket: no cookie, but the ports
    const bool server = is_watched(Role::kServer, record.endpoints.local_port, 0);
    const auto known = by_key_.find(
        {record.header.netns, server ? record.endpoints.local_port : record.endpoints.remote_port,
         server ? Role::kServer : Role::kClient});
    if (known == by_key_.end()) return;
    listener = known->second;
  }
  ++listeners_[listener].resets[{static_cast<uint8_t>(record.direction), record.reason}];
}

// --- sweeps ---------------------------------------------------------------------------------

void ConnectionTable::begin_sweep(uint64_t started_ns, bool adopt) {
  ++sweep_;
  sweep_started_ns_ = started_ns;
  adopting_ = adopt;
}

void ConnectionTable::observe(const wsbpf_socket& socket) {
  if (state_of(socket.header) == TcpState::kListen) return observe_listen_socket(socket);
  if (Connection* connection = find(socket.header.cookie)) {
    observe_connection(*connection, socket);
  } else {
    adopt_connection(socket);
  }
}

void ConnectionTable::observe(const wsbpf_minisock& minisock) {
  const bool server = is_watched(Role::kServer, minisock.local_port, 0);
  const uint16_t port = server ? minisock.local_port : minisock.remote_port;
  const Role role = server ? Role::kServer : Role::kClient;
  if (!is_watched(role, port, port)) return;
  const uint32_t index = listener_index({minisock.header.netns, port, role}, sweep_started_ns_);
  ++listeners_[index].next_minisocks[minisock.header.state];
}

// In a large table each socket costs two misses of the processor's cache, one for the index and one
// for the connection. Asking for all of them first lets the misses overlap.
void ConnectionTable::observe(std::span<const Event> sockets) {
  for (const Event& event : sockets) by_cookie_.prefetch(header_of(event).cookie);
  for (const Event& event : sockets) {
    const Connection* connection = find(header_of(event).cookie);
    if (connection == nullptr) continue;
    __builtin_prefetch(connection, 1);
    __builtin_prefetch(&connection->sweep_mark, 1);
  }
  for (const Event& event : sockets) {
    if (const auto* socket = std::get_if<wsbpf_socket>(&event)) observe(*socket);
    if (const auto* minisock = std::get_if<wsbpf_minisock>(&event)) observe(*minisock);
  }
}

void ConnectionTable::observe_listen_socket(const wsbpf_socket& socket) {
  const uint16_t port = socket.endpoints.local_port;
  if (!is_watched(Role::kServer, port, 0)) return;
  auto known = listen_sockets_.find(socket.header.cookie);
  if (known == listen_sockets_.end()) {
    const auto departed = departed_.find(socket.header.cookie);
    if (departed != departed_.end() && departed->second.time_ns >= sweep_started_ns_) return;
    count_correction(Correction::kOpened);
    add_listen_socket(socket.header, port, kNone);
    known = listen_sockets_.find(socket.header.cookie);
    known->second.last_event_ns = 0;
  }
  ListenSocket& listening = known->second;
  listening.sweep_mark = sweep_;
  listening.backlog = socket.counters.unread_bytes;
  listening.backlog_limit = socket.counters.unacked_bytes;
  const uint32_t owner = processes_.intern(socket.pid);
  auto& owners = listening.next_owners;
  if (owner != kNone && std::find(owners.begin(), owners.end(), owner) == owners.end()) {
    owners.push_back(owner);
  }
}

void ConnectionTable::observe_connection(Connection& connection, const wsbpf_socket& socket) {
  const TcpState state = state_of(socket.header);
  connection.sweep_mark = sweep_;
  const bool unchanged = connection.last_event_ns < sweep_started_ns_;
  if (unchanged && state != connection.state) {
    count_correction(Correction::kState);
    enter_state(connection, state, socket.header.time_ns);
    connection.state_age_source = AgeSource::kLowerBound;
    connection.last_event_ns = 0;
  }
  if (state != TcpState::kClose)
    take_counters(connection, socket.counters, state, socket.header.time_ns);

  const uint32_t owner = processes_.intern(socket.pid);
  if (owner == kNone) return;
  const bool first_holder = std::exchange(connection.files_mark, sweep_) != sweep_;
  if (first_holder || processes_[owner].pid < processes_[connection.owner].pid) {
    connection.owner = owner;
  }
  connection.owner_confirmed = true;
}

// A socket that no event has told of: it is older than the daemon, or its event was lost.
void ConnectionTable::adopt_connection(const wsbpf_socket& socket) {
  TcpState state = state_of(socket.header);
  const uint16_t local_port = socket.endpoints.local_port;
  const uint16_t remote_port = socket.endpoints.remote_port;
  if (remote_port == 0 || ignored_.contains(socket.header.cookie)) return;  // bound, no more
  const Role role = role_of(socket);
  if (!is_watched(role, local_port, remote_port)) return;
  if (const auto departed = departed_.find(socket.header.cookie);
      departed != departed_.end() && departed->second.time_ns >= sweep_started_ns_) {
    if (departed->second.destroyed) return;
    state = departed->second.state;
  }
  Connection adopted = connection_from(socket.header, socket.endpoints, role);
  adopted.age_source = AgeSource::kLowerBound;
  adopted.state_age_source = AgeSource::kLowerBound;
  adopted.established = state != TcpState::kSynSent;
  adopted.state = state;
  adopted.state_since_ns = socket.header.time_ns;
  Connection& connection = insert(std::move(adopted));
  take_counters(connection, socket.counters, state, socket.header.time_ns);
  if (connection.sampled) {  // it is at least as old as its silence
    connection.opened_ns = since(socket.header.time_ns, connection.idle_ms * 1'000'000ull);
  }
  recall(connection);
  observe_connection(connection, socket);
  if (adopting_) return;
  count_correction(Correction::kOpened);
  if (!connection.established) return;
  ++listeners_[connection.listener].opened_total;
  if (on_change_) on_change_(Change::kOpened, connection);
}

void ConnectionTable::recall(Connection& connection) const {
  const auto known = remembered_.find(connection.cookie);
  if (known == remembered_.end()) return;
  const Remembered& before = known->second;
  connection.generation = before.generation;
  connection.opened_ns = before.opened_ns;
  connection.age_source = before.age_source;
  if (before.state != connection.state) return;
  connection.state_since_ns = before.state_since_ns;
  connection.state_age_source = before.state_age_source;
}

void ConnectionTable::end_sweep(const SweepResult& result) {
  repair_missing(result);
  finish_listeners(result);
  if (result.files_complete) files_started_ns_ = sweep_started_ns_;
  forget_unused();
  adopting_ = false;
  remembered_ = {};
}

void ConnectionTable::repair_missing(const SweepResult& result) {
  connections_.each([&](uint32_t index, Connection& connection) {
    if (connection.last_event_ns >= sweep_started_ns_) return;
    bool gone = false;
    if (connection.state != TcpState::kClose) {
      gone = connection.sweep_mark != sweep_ && result.complete_netns.contains(connection.netns);
    } else if (result.files_complete && connection.files_mark != sweep_) {
      // In CLOSE only a file descriptor shows it, or the queue of what was not yet accepted.
      gone =
          connection.owner_confirmed || !has_listen_socket(connection.netns, connection.local_port);
    }
    if (!gone) return;
    count_correction(Correction::kEnded);
    erase(index, sweep_started_ns_);
  });
}

void ConnectionTable::finish_listeners(const SweepResult& result) {
  absl::erase_if(listen_sockets_, [&](auto& entry) {
    ListenSocket& listening = entry.second;
    Listener& listener = listeners_[listening.listener];
    const bool covered =
        result.complete_netns.contains(listener.key.netns) || result.files_complete;
    if (covered && listening.sweep_mark != sweep_ && listening.last_event_ns < sweep_started_ns_) {
      count_correction(Correction::kEnded);
      return true;
    }
    auto found = std::exchange(listening.next_owners, {});
    if (result.files_complete && !found.empty()) listening.owners = std::move(found);
    if (!listening.owners.empty()) listener.comm = processes_[listening.owners.front()].comm;
    listener.last_used_ns = sweep_started_ns_;
    return false;
  });
  listeners_.each([&](uint32_t, Listener& listener) {
    listener.minisocks = std::exchange(listener.next_minisocks, {});
    for (const uint32_t count : listener.minisocks) {
      if (count > 0) listener.last_used_ns = sweep_started_ns_;
    }
  });
}

void ConnectionTable::forget_unused() {
  std::vector<bool> used_processes(processes_.end());
  std::vector<bool> used_listeners(listeners_.end());
  unconfirmed_owners_ = false;
  connections_.each([&](uint32_t, const Connection& connection) {
    if (connection.owner != kNone) used_processes[connection.owner] = true;
    used_listeners[connection.listener] = true;
    if (!connection.owner_confirmed && connection.opened_ns > files_started_ns_) {
      unconfirmed_owners_ = true;
    }
  });
  for (const auto& [cookie, listening] : listen_sockets_) {
    for (const uint32_t owner : listening.owners) used_processes[owner] = true;
    used_listeners[listening.listener] = true;
    if (listening.owners.empty() && listening.last_event_ns > files_started_ns_) {
      unconfirmed_owners_ = true;
    }
  }
  absl::erase_if(departed_, [&](const auto& entry) {
    const Departed& departed = entry.second;
    if (departed.time_ns >= sweep_started_ns_) {
      if (departed.doubtful_reset_of != kNone) used_listeners[departed.doubtful_reset_of] = true;
      return false;
    }
    if (departed.doubtful_reset_of != kNone) {
      ++listeners_[departed.doubtful_reset_of].resets[{WSBPF_RESET_RECEIVED, -1}];
    }
    return true;
  });
  listeners_.each([&](uint32_t index, Listener& listener) {
    if (used_listeners[index]) listener.last_used_ns = sweep_started_ns_;
    if (since(sweep_started_ns_, listener.last_used_ns) < kListenerRetention_ns) return;
    by_key_.erase(listener.key);
    listeners_.erase(index);
  });
  processes_.keep_only(used_processes);
}

// --- readers --------------------------------------------------------------------------------

std::set<uint32_t> ConnectionTable::namespaces() const {
  std::set<uint32_t> namespaces;
  for (const auto& [key, index] : by_key_) namespaces.insert(key.netns);
  return namespaces;
}

const Process* ConnectionTable::owner_of(const Connection& connection) const {
  if (connection.owner != kNone) return &processes_[connection.owner];
  if (connection.role != Role::kServer) return nullptr;
  uint32_t only = kNone;
  for (const auto& [cookie, listening] : listen_sockets_) {
    if (listening.listener != connection.listener) continue;
    for (const uint32_t owner : listening.owners) {
      if (only != kNone && only != owner) return nullptr;
      only = owner;
    }
  }
  return processes_.find(only);
}

std::vector<ListenerSummary> ConnectionTable::summarize(uint64_t now_ns,
                                                        uint64_t stuck_after_ns) const {
  std::vector<ListenerSummary> summaries(listeners_.end());
  listeners_.each([&](uint32_t index, const Listener& listener) {
    ListenerSummary& summary = summaries[index];
    summary.index = index;
    summary.key = listener.key;
    summary.comm = listener.comm;
    summary.states = listener.minisocks;
    summary.opened_total = listener.opened_total;
    summary.closed_total = listener.closed_total;
  });
  connections_.each([&](uint32_t, const Connection& connection) {
    ListenerSummary& summary = summaries[connection.listener];
    const auto slot = static_cast<size_t>(connection.state);
    const uint64_t age_ns = since(now_ns, connection.state_since_ns);
    const double age_seconds = seconds(age_ns);
    ++summary.states[slot];
    summary.state_age_max_seconds[slot] =
        std::max(summary.state_age_max_seconds[slot], age_seconds);
    if (connection.state != TcpState::kCloseWait) return;
    if (age_ns >= stuck_after_ns) ++summary.close_wait_stuck;
    summary.oldest_close_wait_seconds = std::max(summary.oldest_close_wait_seconds, age_seconds);
  });
  for (const auto& [cookie, listening] : listen_sockets_) {
    ListenerSummary& summary = summaries[listening.listener];
    summary.listening = true;
    summary.accept_queue += listening.backlog;
    summary.accept_queue_limit += listening.backlog_limit;
    for (const uint32_t owner : listening.owners) {
      const Process& process = processes_[owner];
      const bool listed = std::any_of(summary.owners.begin(), summary.owners.end(),
                                      [&](const Process& p) { return p.pid == process.pid; });
      if (!listed) summary.owners.push_back(process);
    }
  }
  std::erase_if(summaries, [](const ListenerSummary& summary) { return summary.index == kNone; });
  for (ListenerSummary& summary : summaries) {
    std::sort(summary.owners.begin(), summary.owners.end(),
              [](const Process& a, const Process& b) { return a.pid < b.pid; });
  }
  std::sort(summaries.begin(), summaries.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  return summaries;
}

// --- the table itself -------------------------------------------------------------------------

Connection* ConnectionTable::find(uint64_t cookie) {
  const auto known = by_cookie_.find(cookie);
  return known == by_cookie_.end() ? nullptr : &connections_[known->second];
}

uint32_t ConnectionTable::listener_index(const ListenerKey& key, uint64_t now_ns) {
  const auto [known, is_new] = by_key_.try_emplace(key, kNone);
  if (is_new) {
    known->second = listeners_.insert({});
    listeners_[known->second].key = key;
  }
  listeners_[known->second].last_used_ns = now_ns;
  return known->second;
}

bool ConnectionTable::has_listen_socket(uint32_t netns, uint16_t port) const {
  const auto listener = by_key_.find({netns, port, Role::kServer});
  if (listener == by_key_.end()) return false;
  return std::any_of(listen_sockets_.begin(), listen_sockets_.end(),
                     [&](const auto& entry) { return entry.second.listener == listener->second; });
}

// Nothing in the kernel's socket tells who accepted: it is the end whose port has a listener. Where
// that is gone, the watched port is the server's.
Role ConnectionTable::role_of(const wsbpf_socket& socket) const {
  if (state_of(socket.header) == TcpState::kSynSent) return Role::kClient;
  if (has_listen_socket(socket.header.netns, socket.endpoints.local_port)) return Role::kServer;
  return watch_.ports[socket.endpoints.remote_port] ? Role::kClient : Role::kServer;
}

void ConnectionTable::note_departed(const wsbpf_header& header, TcpState state) {
  Departed& departed = departed_[header.cookie];
  departed.time_ns = header.time_ns;
  departed.state = state;
}

void ConnectionTable::add_listen_socket(const wsbpf_header& header, uint16_t port, uint32_t owner) {
  const uint32_t index = listener_index({header.netns, port, Role::kServer}, header.time_ns);
  ListenSocket listening;
  listening.cookie = header.cookie;
  listening.last_event_ns = header.time_ns;
  listening.listener = index;
  if (owner != kNone) {
    listening.owners = {owner};
    listeners_[index].comm = processes_[owner].comm;
  }
  listen_sockets_[header.cookie] = std::move(listening);
}

Connection& ConnectionTable::insert(Connection connection) {
  const uint16_t port =
      connection.role == Role::kServer ? connection.local_port : connection.remote_port;
  connection.listener =
      listener_index({connection.netns, port, connection.role}, connection.opened_ns);
  const uint64_t cookie = connection.cookie;
  const uint32_t index = connections_.insert(std::move(connection));
  by_cookie_[cookie] = index;
  return connections_[index];
}

void ConnectionTable::enter_state(Connection& connection, TcpState state, uint64_t time_ns) {
  connection.state = state;
  connection.state_since_ns = time_ns;
  connection.state_age_source = AgeSource::kExact;
  connection.last_event_ns = time_ns;
  Listener& listener = listeners_[connection.listener];
  if (state == TcpState::kEstablished && !connection.established) {
    connection.established = true;
    ++listener.opened_total;
    if (on_change_) on_change_(Change::kOpened, connection);
  }
  if (state == TcpState::kClose && connection.established) {
    ++listener.closed_total;
    listener.duration.observe(seconds(since(time_ns, connection.opened_ns)));
    if (connection.sampled) listener.idle_at_close.observe(connection.idle_ms / 1000.0);
    if (on_change_) on_change_(Change::kClosed, connection);
  }
}

void ConnectionTable::erase(uint32_t index, uint64_t time_ns) {
  Connection& connection = connections_[index];
  if (connection.state != TcpState::kClose) enter_state(connection, TcpState::kClose, time_ns);
  by_cookie_.erase(connection.cookie);
  connections_.erase(index);
}

void ConnectionTable::count_correction(Correction correction) {
  if (!adopting_) ++corrections_[static_cast<size_t>(correction)];
}

}  // namespace wsbpf
