#include "core/connection_table.h"

#include <algorithm>
#include <utility>

#include "core/connection_record.h"

namespace wsbpf {

ConnectionTable::ConnectionTable(Watch watch, ProcessLookup& lookup)
    : watch_(std::move(watch)), processes_(lookup) {}

bool ConnectionTable::is_watched(Role role, uint16_t local_port, uint16_t remote_port) const {
  return role == Role::kServer ? watch_.server && watch_.ports[local_port]
                               : watch_.client && watch_.ports[remote_port];
}

void ConnectionTable::set_watch(Watch watch) {
  watch_ = std::move(watch);
  give_verdicts_of_unwatched();
  connections_.each([this](uint32_t index, const Connection& connection) {
    if (is_watched(connection.role, connection.local_port, connection.remote_port)) return;
    forget(index);
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
  tombstones_.erase_if(
      [this](const Tombstone& tombstone) { return !listeners_.contains(tombstone.listener); });
  ignored_.clear();
  adopting_ = true;  // for what a sweep under way may find
}

void ConnectionTable::apply(const Event& event) {
  std::visit([this](const auto& record) { apply_record(record); }, event);
}

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

bool ConnectionTable::may_wait_for_accept(const Connection& connection, bool netns_complete) const {
  const auto listener = by_key_.find({connection.netns, connection.local_port, Role::kServer});
  if (listener == by_key_.end()) return false;
  return std::any_of(listen_sockets_.begin(), listen_sockets_.end(), [&](const auto& entry) {
    const ListenSocket& listening = entry.second;
    return listening.listener == listener->second && (!netns_complete || listening.backlog > 0);
  });
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

void ConnectionTable::take_owner(Listener& listener, uint32_t owner) {
  listener.comm = processes_[owner].comm;
  listener.place = processes_[owner].place;
}

void ConnectionTable::add_listen_socket(const wsbpf_header& header, uint16_t port, uint32_t owner) {
  const uint32_t index = listener_index({header.netns, port, Role::kServer}, header.time_ns);
  ListenSocket listening;
  listening.cookie = header.cookie;
  listening.last_event_ns = header.time_ns;
  listening.listener = index;
  listening.drops_known = true;  // none yet
  if (owner != kNone) {
    listening.owners = {owner};
    take_owner(listeners_[index], owner);
  }
  listen_sockets_[header.cookie] = std::move(listening);
}

Connection& ConnectionTable::insert(Connection connection) {
  if (!watch_.websocket) connection.websocket_unread = Unread::kOff;
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
  const bool was_closed = connection.state == TcpState::kClose;  // a lost connect() between
  connection.state = state;
  connection.state_since_ns = time_ns;
  connection.state_age_source = AgeSource::kExact;
  connection.last_event_ns = time_ns;
  Listener& listener = listeners_[connection.listener];
  // Every other state comes after the handshake, whose record may have been lost.
  if (!connection.established && state != TcpState::kSynSent && state != TcpState::kClose) {
    connection.established = true;
    ++listener.opened_total;
    if (hooks_.on_opened) hooks_.on_opened(connection);
  }
  if (state == TcpState::kClose && connection.established && !was_closed) {
    ++listener.closed_total;
    listener.duration.observe(seconds(since(time_ns, connection.opened_ns)));
    if (connection.sampled) listener.idle_at_close.observe(connection.idle_ms / 1000.0);
    connection.half_open = HalfOpen::kNo;
    await_verdict(connection);
  }
}

void ConnectionTable::erase(uint32_t index, uint64_t time_ns) {
  Connection& connection = connections_[index];
  if (connection.state != TcpState::kClose) {  // how it got there was not seen
    if (connection.established) mark_incomplete(connection);
    enter_state(connection, TcpState::kClose, time_ns);
  }
  retire(index);
}

// Takes the connection out, with all that belongs to it.
void ConnectionTable::forget(uint32_t index) {
  const Connection& connection = connections_[index];
  if (connection.evidence != kNone) evidence_.erase(connection.evidence);
  if (connection.websocket != kNone) websockets_.erase(connection.websocket);
  by_cookie_.erase(connection.cookie);
  connections_.erase(index);
}

void ConnectionTable::count_correction(Correction correction) {
  if (!adopting_) ++corrections_[static_cast<size_t>(correction)];
}

}  // namespace wsbpf
