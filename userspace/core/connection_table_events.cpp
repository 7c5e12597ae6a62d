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

void ConnectionTable::apply_record(const wsbpf_state& record) {
  Connection* connection = find(record.header.cookie);
  if (connection != nullptr && connection->state == TcpState::kClose) {
    // It has connected again, and we do not know to whom: the next sweep does.
    erase(by_cookie_.at(record.header.cookie), record.header.time_ns);
    connection = nullptr;
  }
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
  if (connection->local_port == 0) take_local_end(*connection, record.endpoints);
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
  if (std::exchange(connection->reset_in_doubt, false)) {
    departed.doubtful_reset_of = connection->listener;
  }
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

}  // namespace wsbpf
