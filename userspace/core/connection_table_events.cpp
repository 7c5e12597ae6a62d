// How the kernel's stream of events moves the table.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/connection_record.h"
#include "core/connection_table.h"

namespace wsbpf {

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
  if (known != nullptr && state == TcpState::kEstablished && known->state != TcpState::kClose &&
      !differs(*known, endpoints)) {  // its connect() was seen
    take_local_end(*known, endpoints);
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
    if (known != nullptr) erase(by_cookie_.at(known->cookie), record.header.time_ns);
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

// Whoever closes holds the socket, though it may be gone by now: then nobody else is its owner.
void ConnectionTable::take_closer(Connection& connection, uint32_t pid) {
  if (pid == 0) return;
  const uint32_t closer = processes_.intern(pid);
  const Process* const known = processes_.find(connection.owner);
  if (closer == kNone && known != nullptr && known->pid == pid) return;
  connection.owner = closer;
  connection.owner_confirmed = true;
}

// The connection that the transition is one of. A transition out of another state than the one it
// is known to be in shows that one was missed.
Connection* ConnectionTable::find_in_transition(const wsbpf_header& header) {
  Connection* connection = find(header.cookie);
  if (connection != nullptr && connection->state == TcpState::kClose) {
    // It has connected again, and we do not know to whom: the next sweep does.
    erase(by_cookie_.at(header.cookie), header.time_ns);
    connection = nullptr;
  }
  if (connection == nullptr) {
    note_departed(header, state_of(header));
  } else if (static_cast<TcpState>(header.old_state) != connection->state) {
    mark_incomplete(*connection);
  }
  return connection;
}

void ConnectionTable::note_own_close(Connection& connection, const wsbpf_closer& closer,
                                     uint64_t time_ns) {
  Evidence& evidence = evidence_of(connection);
  if (connection.state == TcpState::kCloseWait) {
    evidence.close_wait_ns = since(time_ns, connection.state_since_ns);
  }
  if (closer.pid == 0) return;
  evidence.closer = closer;
  evidence.own_close_ns = time_ns;
  take_closer(connection, closer.pid);
}

void ConnectionTable::apply_record(const wsbpf_left& record) {
  Connection* const connection = find_in_transition(record.header);
  if (connection == nullptr) return;
  note_own_close(*connection, record.closer, record.header.time_ns);
  Evidence& evidence = evidence_of(*connection);
  evidence.left_to = state_of(record.header);
  evidence.left_ns = record.header.time_ns;
  evidence.at_departure = record.counters;
  enter_state(*connection, state_of(record.header), record.header.time_ns);
}

void ConnectionTable::apply_record(const wsbpf_state& record) {
  Connection* const connection = find_in_transition(record.header);
  if (connection == nullptr) return;
  if (state_of(record.header) == TcpState::kLastAck) {
    note_own_close(*connection, record.closer, record.header.time_ns);
  }
  if (state_of(record.header) == TcpState::kClosing) evidence_of(*connection).crossed = true;
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
  const auto old_state = static_cast<TcpState>(record.header.old_state);
  if (connection->local_port == 0) take_local_end(*connection, record.endpoints);
  if (connection->established) {
    Evidence& evidence = evidence_of(*connection);
    if (old_state != connection->state) evidence.complete = false;
    if (old_state == TcpState::kEstablished) evidence.left_to = TcpState::kClose;
    evidence.closed_from = old_state;
    evidence.closed_ns = record.header.time_ns;
    evidence.error = record.error;
    evidence.at_close = record.counters;
    evidence.longest_silence_ms = connection->longest_silence_ms;
    note_own_close(*connection, record.closer, record.header.time_ns);
    note_websocket_end(*connection, evidence);
  }
  take_counters(*connection, record.counters, old_state, record.header.time_ns);
  enter_state(*connection, TcpState::kClose, record.header.time_ns);
}

void ConnectionTable::apply_record(const wsbpf_destroyed& record) {
  Departed& departed = departed_[record.header.cookie];
  departed.time_ns = record.header.time_ns;
  departed.destroyed = true;
  ignored_.erase(record.header.cookie);
  listen_sockets_.erase(record.header.cookie);

  const auto known = by_cookie_.find(record.header.cookie);
  if (known != by_cookie_.end()) erase(known->second, record.header.time_ns);
}

void ConnectionTable::apply_record(const wsbpf_retransmit& record) {
  Connection* const connection = find(record.header.cookie);
  if (connection == nullptr) return;
  connection->retransmits = record.total;
  ++listeners_[connection->listener].retransmitted_total;

  RetransmitStreak& streak = evidence_of(*connection).streak;
  if (streak.segments == 0 || streak.unacked_from != record.unacked_from) {
    streak = {};
    streak.began_ns = record.header.time_ns;
    streak.unacked_from = record.unacked_from;
    // What is sent again now was sent for the first time one timeout ago, or, where the beginning
    // of the streak was not seen, as many timeouts, of which none was longer than this one.
    const uint64_t since_first_ms =
        uint64_t{record.rto_ms} * std::max<uint32_t>(record.timeouts, 1);
    streak.silence_before_ms = record.heard_ms_ago - static_cast<uint32_t>(std::min<uint64_t>(
                                                         record.heard_ms_ago, since_first_ms));
  }
  ++streak.segments;
  if (record.bytes < record.mss_bytes) streak.only_full_size = false;
}

void ConnectionTable::apply_record(const wsbpf_synack& record) {
  const auto listening = listen_sockets_.find(record.header.cookie);
  if (listening == listen_sockets_.end()) return;
  ++listeners_[listening->second.listener].synacks_retransmitted_total;
}

void ConnectionTable::apply_record(const wsbpf_reset& record) {
  if (record.header.cookie == 0) note_late_reset(record);
  // One that may have been none is counted with the verdict, when that is known.
  if (!note_reset(record)) count_reset(record);
}

// Puts the reset into the evidence of its connection. Returns whether that is to tell first if it
// was one.
bool ConnectionTable::note_reset(const wsbpf_reset& record) {
  Evidence* evidence = nullptr;
  if (Connection* const connection = find(record.header.cookie);
      connection != nullptr && connection->established) {
    evidence = &evidence_of(*connection);
  } else if (const auto ended = ended_.find(record.header.cookie); ended != ended_.end()) {
    evidence = &ended->second.evidence;
  }
  if (evidence == nullptr) return false;
  const bool sent = record.direction == WSBPF_RESET_SENT;
  (sent ? evidence->reset_sent : evidence->reset_received) = {
      record.header.time_ns, state_of(record.header), record.reason, record.payload_bytes};
  return !sent && is_reset_doubtful(*evidence);
}

void ConnectionTable::count_reset(const wsbpf_reset& record) {
  const Connection* const connection = find(record.header.cookie);
  uint32_t listener = connection != nullptr ? connection->listener : kNone;
  if (listener == kNone) {  // of a timewait socket, of none: no cookie, but the ports
    const bool server = is_watched(Role::kServer, record.endpoints.local_port, 0);
    const auto known = by_key_.find(
        {record.header.netns, server ? record.endpoints.local_port : record.endpoints.remote_port,
         server ? Role::kServer : Role::kClient});
    if (known == by_key_.end()) return;
    listener = known->second;
  }
  ++listeners_[listener].resets[{static_cast<uint8_t>(record.direction), record.reason}];
}

}  // namespace wsbpf
