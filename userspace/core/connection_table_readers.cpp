// What may be asked of the table.
#include <algorithm>

#include "core/connection_record.h"
#include "core/connection_table.h"

namespace wsbpf {
namespace {

constexpr uint32_t kHalfOpenStuck_ms = 15'000;

}  // namespace

std::set<uint32_t> ConnectionTable::namespaces() const {
  std::set<uint32_t> namespaces;
  for (const auto& [key, index] : by_key_) namespaces.insert(key.netns);
  return namespaces;
}

// A complete pass over file descriptors, begun after the connection, has not found it.
bool ConnectionTable::is_held_by_nobody(const Connection& connection) const {
  return connection.opened_ns < files_started_ns_ && connection.files_mark < files_sweep_;
}

const Process* ConnectionTable::owner_of(const Connection& connection) const {
  if (connection.state != TcpState::kClose && is_held_by_nobody(connection)) return nullptr;
  if (connection.owner != kNone) return &processes_[connection.owner];
  if (connection.role != Role::kServer || connection.owner_confirmed) return nullptr;
  if (is_held_by_nobody(connection)) return nullptr;
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

ConnectionTable::Held ConnectionTable::look_up(uint64_t cookie, uint32_t generation) const {
  if (const auto known = by_cookie_.find(cookie); known != by_cookie_.end()) {
    const Connection& connection = connections_[known->second];
    if (connection.generation == generation) {
      return {&connection, connection.evidence == kNone ? nullptr : &evidence_[connection.evidence],
              websocket_of(connection)};
    }
  }
  const auto ended = ended_.find(cookie);
  if (ended == ended_.end() || ended->second.connection.generation != generation) return {};
  return {&ended->second.connection, &ended->second.evidence,
          wsbpf::websocket_of(ended->second.evidence)};
}

std::vector<ListenerSummary> ConnectionTable::summarize(uint64_t now_ns,
                                                        uint64_t stuck_after_ns) const {
  std::vector<ListenerSummary> summaries(listeners_.end());
  listeners_.each([&](uint32_t index, const Listener& listener) {
    ListenerSummary& summary = summaries[index];
    summary.index = index;
    summary.key = listener.key;
    summary.comm = listener.comm;
    summary.place = listener.place;
    summary.states = listener.minisocks.states;
    summary.stuck_handshakes = listener.minisocks.stuck_handshakes;
    summary.accept_drops_total = listener.accept_drops_total;
    summary.opened_total = listener.opened_total;
    summary.closed_total = listener.closed_total;
  });
  connections_.each([&](uint32_t, const Connection& connection) {
    ListenerSummary& summary = summaries[connection.listener];
    const auto slot = static_cast<size_t>(connection.state);
    const uint64_t age_ns = since(now_ns, connection.state_since_ns);
    const double age_seconds = seconds(age_ns);
    ++summary.states[slot];
    ++summary.half_open[static_cast<size_t>(connection.half_open)];
    const WebSocket* const websocket = websocket_of(connection);
    const Unread unread = unread_of(connection, websocket);
    ++summary.unread[static_cast<size_t>(unread)];
    if (is_read(unread)) {
      ++summary.phases[static_cast<size_t>(phase_of(connection, websocket))];
    }
    if (is_unanswered(connection.half_open) && connection.heard_ms >= kHalfOpenStuck_ms)
      ++summary.half_open_stuck;
    summary.state_age_max_seconds[slot] =
        std::max(summary.state_age_max_seconds[slot], age_seconds);
    if (connection.state != TcpState::kCloseWait) return;
    if (age_ns >= stuck_after_ns) ++summary.close_wait_stuck;
    if (age_seconds <= summary.oldest_close_wait_seconds) return;
    summary.oldest_close_wait_seconds = age_seconds;
    summary.oldest_is_lower_bound = connection.state_age_source == AgeSource::kLowerBound;
  });
  for (const auto& [cookie, listening] : listen_sockets_) {
    ListenerSummary& summary = summaries[listening.listener];
    summary.listening = true;
    summary.accept_queue += listening.backlog;
    summary.accept_queue_limit += listening.backlog_limit;
    // As sk_acceptq_is_full() has it: one more than the limit fits in.
    if (listening.backlog > listening.backlog_limit) summary.accept_queue_full = true;
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

}  // namespace wsbpf
