// How sweeps repair the table from the kernel.
#include <algorithm>
#include <map>
#include <utility>

#include "core/connection_record.h"
#include "core/connection_table.h"

namespace wsbpf {
namespace {

constexpr uint64_t kListenerRetention_ns = 15ull * 60 * 1'000'000'000;

}  // namespace

void ConnectionTable::begin_sweep(uint64_t started_ns, bool adopt) {
  ++sweep_;
  sweep_started_ns_ = started_ns;
  adopting_ = adopt;
}

void ConnectionTable::observe(const wsbpf_socket& socket) {
  if (state_of(socket.header) == TcpState::kListen) return observe_listen_socket(socket);
  Connection* const connection = find(socket.header.cookie);
  if (connection == nullptr) return adopt_connection(socket, 0);
  if (!has_connected_again(*connection, socket)) return observe_connection(*connection, socket);
  const uint32_t generation = connection->generation + 1;
  erase(by_cookie_.at(connection->cookie), socket.header.time_ns);
  adopt_connection(socket, generation);
}

void ConnectionTable::observe(const wsbpf_minisock& minisock) {
  const bool server = is_watched(Role::kServer, minisock.local_port, 0);
  const uint16_t port = server ? minisock.local_port : minisock.remote_port;
  const Role role = server ? Role::kServer : Role::kClient;
  if (!is_watched(role, port, port)) return;
  const uint32_t index = listener_index({minisock.header.netns, port, role}, sweep_started_ns_);
  Minisocks& minisocks = listeners_[index].next_minisocks;
  ++minisocks.states[minisock.header.state];
  if (minisock.retransmits > 0) ++minisocks.stuck_handshakes;
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
    if (const auto* websocket = std::get_if<wsbpf_websocket>(&event)) apply_record(*websocket);
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
    known->second.drops_known = false;
  }
  ListenSocket& listening = known->second;
  listening.sweep_mark = sweep_;
  if (socket.pid == 0) {  // later, what is accepted may slip past the pass over file descriptors
    listening.backlog = socket.counters.unread_bytes;
    listening.backlog_limit = socket.counters.unacked_bytes;
    const uint32_t before = std::exchange(listening.drops, socket.counters.retransmits);
    if (std::exchange(listening.drops_known, true)) {
      listeners_[listening.listener].accept_drops_total += listening.drops - before;
    }
  }
  const uint32_t owner = processes_.intern(socket.pid);
  auto& owners = listening.next_owners;
  if (owner != kNone && std::find(owners.begin(), owners.end(), owner) == owners.end()) {
    owners.push_back(owner);
  }
}

// CLOSE is left, and the ends change, only by connect(), whose record then was lost.
bool ConnectionTable::has_connected_again(const Connection& connection,
                                          const wsbpf_socket& socket) const {
  if (connection.last_event_ns >= sweep_started_ns_) return false;
  const TcpState state = state_of(socket.header);
  const bool left_close = connection.state == TcpState::kClose && state != TcpState::kClose;
  const bool is_new = connection.established && state == TcpState::kSynSent;
  return left_close || is_new || differs(connection, socket.endpoints);
}

void ConnectionTable::observe_connection(Connection& connection, const wsbpf_socket& socket) {
  const TcpState state = state_of(socket.header);
  connection.sweep_mark = sweep_;
  const bool unchanged = connection.last_event_ns < sweep_started_ns_;
  const HalfOpen half_open_before = connection.half_open;
  if (unchanged && state != connection.state) {
    count_correction(Correction::kState);
    mark_incomplete(connection);
    enter_state(connection, state, socket.header.time_ns);
    connection.state_age_source = AgeSource::kLowerBound;
    connection.last_event_ns = 0;
  }
  if (unchanged) {
    if (connection.local_port == 0) take_local_end(connection, socket.endpoints);
    if (state != TcpState::kClose) {
      note_unread(connection);
      take_counters(connection, socket.counters, state, socket.header.time_ns);
    }
  }
  if (connection.half_open != half_open_before && hooks_.on_half_open) {
    hooks_.on_half_open(connection, half_open_before);
  }

  const uint32_t owner = processes_.intern(socket.pid);
  if (owner == kNone) return;
  const bool first_holder = std::exchange(connection.files_mark, sweep_) != sweep_;
  if (first_holder || processes_[owner].pid < processes_[connection.owner].pid) {
    connection.owner = owner;
  }
  connection.owner_confirmed = true;
}

// A socket that no event has told of: it is older than the daemon, or its event was lost.
void ConnectionTable::adopt_connection(const wsbpf_socket& socket, uint32_t generation) {
  const TcpState state = state_of(socket.header);
  const uint16_t local_port = socket.endpoints.local_port;
  const uint16_t remote_port = socket.endpoints.remote_port;
  if (remote_port == 0 || ignored_.contains(socket.header.cookie)) return;  // bound, no more
  const Role role = role_of(socket);
  if (!is_watched(role, local_port, remote_port)) return;
  Departed later;  // what happened to it since it was read
  if (const auto departed = departed_.find(socket.header.cookie);
      departed != departed_.end() && departed->second.time_ns >= sweep_started_ns_) {
    if (departed->second.destroyed) return;
    later = departed->second;
    if (state == TcpState::kClose && later.state != state) return;  // has connected again
  }
  Connection adopted = connection_from(socket.header, socket.endpoints, role);
  adopted.age_source = AgeSource::kLowerBound;
  adopted.state_age_source = AgeSource::kLowerBound;
  adopted.generation = generation;
  adopted.established = state != TcpState::kSynSent;
  adopted.state = state;
  adopted.state_since_ns = socket.header.time_ns;
  Connection& connection = insert(std::move(adopted));
  take_counters(connection, socket.counters, state, socket.header.time_ns);
  if (connection.sampled) {  // either silence is counted from the handshake at the latest
    const uint32_t silent_ms =
        std::max(socket.counters.received_ms_ago, socket.counters.sent_ms_ago);
    connection.opened_ns = since(socket.header.time_ns, silent_ms * 1'000'000ull);
  }
  recall(connection);
  note_unseen_departure(connection);
  observe_connection(connection, socket);
  count_correction(Correction::kOpened);
  if (!adopting_ && connection.established && state != TcpState::kClose) {
    ++listeners_[connection.listener].opened_total;
    if (hooks_.on_opened) hooks_.on_opened(connection);
  }
  if (later.time_ns != 0 && later.state != state) {
    mark_incomplete(connection);
    enter_state(connection, later.state, later.time_ns);
  }
}

// That the peer's FIN came first is plain from CLOSE_WAIT. In other states the call that closed our
// end was not seen.
void ConnectionTable::note_unseen_departure(Connection& connection) {
  switch (connection.state) {
    case TcpState::kSynSent:
    case TcpState::kEstablished:
      return;
    case TcpState::kCloseWait:
      evidence_of(connection).left_to = TcpState::kCloseWait;
      return;
    case TcpState::kClose:  // it ended before we looked
      connection.judged = true;
      return;
    default:
      mark_incomplete(connection);
  }
}

void ConnectionTable::recall(Connection& connection) const {
  const auto known = remembered_.find(connection.cookie);
  if (known == remembered_.end()) return;
  const Remembered& before = known->second;
  // A socket that has connected again meanwhile counts from 0.
  if (before.netns != connection.netns || before.bytes_received > connection.bytes_received ||
      before.bytes_sent > connection.bytes_sent) {
    return;
  }
  connection.generation = before.generation;
  connection.opened_ns = before.opened_ns;
  connection.age_source = before.age_source;
  connection.longest_silence_ms = before.longest_silence_ms;
  if (before.state != connection.state) return;
  connection.state_since_ns = before.state_since_ns;
  connection.state_age_source = before.state_age_source;
}

void ConnectionTable::end_sweep(const SweepResult& result) {
  repair_missing(result);
  finish_listeners(result);
  if (result.files_complete) {
    files_started_ns_ = sweep_started_ns_;
    files_sweep_ = sweep_;
  }
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
      gone = connection.owner_confirmed ||
             !may_wait_for_accept(connection, result.complete_netns.contains(connection.netns));
    }
    if (!gone) return;
    // A refused connect() that blocked has wiped its peer: that it is not seen is no loss.
    if (connection.established || connection.state != TcpState::kClose) {
      count_correction(Correction::kEnded);
    }
    erase(index, sweep_started_ns_);
  });
}

void ConnectionTable::finish_listeners(const SweepResult& result) {
  std::map<uint32_t, uint32_t> first_owners;  // of each listener: the one with the lowest pid
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
    for (const uint32_t owner : listening.owners) {
      uint32_t& first = first_owners.try_emplace(listening.listener, owner).first->second;
      if (processes_[owner].pid < processes_[first].pid) first = owner;
    }
    listener.last_used_ns = sweep_started_ns_;
    return false;
  });
  for (const auto& [listener, owner] : first_owners) take_owner(listeners_[listener], owner);
  listeners_.each([&](uint32_t, Listener& listener) {
    listener.minisocks = std::exchange(listener.next_minisocks, {});
    for (const uint32_t count : listener.minisocks.states) {
      if (count > 0) listener.last_used_ns = sweep_started_ns_;
    }
  });
}

void ConnectionTable::forget_unused() {
  std::vector<bool> used_processes(processes_.end());
  std::vector<bool> used_listeners(listeners_.end());
  unconfirmed_owners_ = false;
  connections_.each([&](uint32_t, Connection& connection) {
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
  for (const auto& [cookie, ended] : ended_) {
    if (ended.connection.owner != kNone) used_processes[ended.connection.owner] = true;
    used_listeners[ended.connection.listener] = true;
  }
  absl::erase_if(departed_,
                 [&](const auto& entry) { return entry.second.time_ns < sweep_started_ns_; });
  listeners_.each([&](uint32_t index, Listener& listener) {
    if (used_listeners[index]) listener.last_used_ns = sweep_started_ns_;
    if (since(sweep_started_ns_, listener.last_used_ns) < kListenerRetention_ns) return;
    by_key_.erase(listener.key);
    listeners_.erase(index);
  });
  processes_.keep_only(used_processes);
}

}  // namespace wsbpf
