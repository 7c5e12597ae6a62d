// The table of live connections: events move it, sweeps repair it. Pure: no clock, no I/O.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "core/connection.h"
#include "core/event.h"
#include "core/listener.h"
#include "core/ports.h"
#include "core/process_table.h"
#include "core/slab.h"
#include "core/tombstones.h"
#include "core/verdict.h"

namespace wsbpf {

struct Watch {
  PortSet ports;
  bool server = true;     // connections accepted on these ports
  bool client = false;    // connections made to these ports
  bool websocket = true;  // their packets are read
  bool discover = false;  // also ports where a listener answers WebSocket upgrades
};

// What the table tells as it happens. None of these may change the table.
struct TableHooks {
  std::function<void(const Connection&)> on_opened;
  std::function<void(const Connection&, const Evidence&, const Judgement&)> on_ended;
  // It became half-open, or in another way than `before`, or ceased to be.
  std::function<void(const Connection&, HalfOpen before)> on_half_open;
  // A race of a connection whose verdict had been given.
  std::function<void(Race, const Tombstone&, uint64_t time_ns)> on_race;
};

// What a sweep had to put right; each is an event that was lost or came out of order.
enum class Correction : uint8_t { kOpened, kEnded, kState };
inline constexpr std::array<std::string_view, 3> kCorrectionNames = {"opened", "ended", "state"};

// A sweep is over: which namespaces it read to the end, and whether it also read every file
// descriptor.
struct SweepResult {
  std::set<uint32_t> complete_netns;
  bool files_complete = false;
};

// What an earlier run of the daemon knew of a connection.
struct Remembered {
  uint32_t generation = 0;
  uint64_t opened_ns = 0;
  uint32_t netns = 0;
  TcpState state{};
  uint64_t state_since_ns = 0;
  AgeSource age_source{};
  AgeSource state_age_source{};
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  uint32_t longest_silence_ms = 0;
};
using RememberedConnections = absl::flat_hash_map<uint64_t, Remembered>;  // by cookie

class ConnectionTable {
 public:
  ConnectionTable(Watch watch, ProcessLookup& lookup);

  void set_hooks(TableHooks hooks) { hooks_ = std::move(hooks); }

  // Forgets what is no longer watched. What is newly watched is found by the next sweep.
  void set_watch(Watch watch);

  // Gives the connections that the first sweep finds the ages they had in an earlier run.
  void remember(RememberedConnections remembered) { remembered_ = std::move(remembered); }

  // Takes one record of the kernel's stream. Events of sockets that the table does not know are
  // remembered until the sweep that may find those sockets is over.
  void apply(const Event& event);

  // Records have been lost, at `now_ns` at the latest: what rests on what was heard since is not
  // certain any more.
  void note_loss(uint64_t now_ns) { lost_ns_ = now_ns; }

  // Gives the verdicts that are due: of sockets that were destroyed, and, a second after they
  // entered CLOSE, of those whose descriptor is still open and of those that left a timewait socket
  // behind, which data may still meet. To be called after all that happened until `now_ns` has been
  // applied, losses included.
  void advance(uint64_t now_ns);

  // A sweep: begin, any number of observe() with what the iterators show, end. `started_ns` is a
  // time before the first socket was read: whatever happened to a socket since then is known better
  // from its events, all of which must have been applied before each observe(). With `adopt`,
  // sockets that are found are not corrections: at the start, and after the ports have changed.
  void begin_sweep(uint64_t started_ns, bool adopt);
  void observe(const wsbpf_socket& socket);
  void observe(const wsbpf_minisock& minisock);
  void observe(std::span<const Event> sockets);  // many at once: their cache misses overlap
  void end_sweep(const SweepResult& result);

  // Every listener that is live or was so in the last 15 minutes, sorted by key. `stuck_after_ns`:
  // how long a socket must have been in CLOSE_WAIT to count as stuck.
  std::vector<ListenerSummary> summarize(uint64_t now_ns, uint64_t stuck_after_ns) const;

  const Slab<Connection>& connections() const { return connections_; }
  const Listener& listener(uint32_t index) const { return listeners_[index]; }
  const std::array<uint64_t, kCorrectionNames.size()>& corrections() const { return corrections_; }
  const Watch& watch() const { return watch_; }

  // The network namespaces of every listener that is live or was so in the last 15 minutes.
  std::set<uint32_t> namespaces() const;

  // The process that holds the connection's socket; where no file descriptor has shown that yet,
  // the listener's process if it has exactly one. nullptr: not known, or held by nobody, as a
  // socket that was not accepted or has been left to the kernel. What has ended has its last
  // holder.
  const Process* owner_of(const Connection& connection) const;

  // A connection and what is known of its end so far (nullptr: nothing), by its id. Both are
  // nullptr where the table does not hold it. One that has ended is held until its verdict is
  // given.
  struct Held {
    const Connection* connection = nullptr;
    const Evidence* evidence = nullptr;
    const WebSocket* websocket = nullptr;
  };
  Held look_up(uint64_t cookie, uint32_t generation) const;

  // What was read of the connection's WebSocket; nullptr: nothing. Also of one that has ended,
  // until its socket is no more; then the evidence of its end has it.
  const WebSocket* websocket_of(const Connection& connection) const {
    return connection.websocket == kNone ? nullptr : &websockets_[connection.websocket];
  }

  // Connections that no pass over file descriptors has covered since they opened.
  bool has_unconfirmed_owners() const { return unconfirmed_owners_; }

 private:
  // What became of a socket that the table does not hold, kept until no sweep can show it.
  struct Departed {
    uint64_t time_ns = 0;
    TcpState state{};
    bool destroyed = false;
  };

  // A connection that is gone, and waits for its verdict.
  struct Ended {
    Connection connection;
    Evidence evidence;
  };

  struct Deadline {
    uint64_t time_ns = 0;
    uint64_t cookie = 0;
    uint32_t generation = 0;
  };

  void apply_record(const wsbpf_opened& record);
  void apply_record(const wsbpf_state& record);
  void apply_record(const wsbpf_closed& record);
  void apply_record(const wsbpf_destroyed& record);
  void apply_record(const wsbpf_retransmit& record);
  void apply_record(const wsbpf_reset& record);
  void apply_record(const wsbpf_left& record);
  void apply_record(const wsbpf_synack& record);
  void apply_record(const wsbpf_websocket& record);
  void apply_record(const wsbpf_unreadable& record);
  void apply_record(const wsbpf_discovered&) {}  // whoever watches takes the port up
  void apply_record(const wsbpf_socket&) {}
  void apply_record(const wsbpf_minisock&) {}

  bool is_held_by_nobody(const Connection& connection) const;
  void take_closer(Connection& connection, uint32_t pid);
  bool is_watched(Role role, uint16_t local_port, uint16_t remote_port) const;
  Connection* find(uint64_t cookie);
  Connection* find_in_transition(const wsbpf_header& header);
  Evidence& evidence_of(Connection& connection);
  void mark_incomplete(Connection& connection) { evidence_of(connection).complete = false; }
  void note_own_close(Connection& connection, const wsbpf_closer& closer, uint64_t time_ns);
  void await_verdict(const Connection& connection);
  void retire(uint32_t index);
  void judge_ended(uint64_t cookie, uint64_t now_ns);
  void give_verdicts_of_unwatched();
  void give_verdict(const Connection& connection, Evidence& evidence, uint64_t now_ns);
  void bury(const Connection& connection);
  bool note_reset(const wsbpf_reset& record);
  void count_reset(const wsbpf_reset& record);
  void note_late_reset(const wsbpf_reset& record);
  uint32_t listener_index(const ListenerKey& key, uint64_t now_ns);
  bool has_listen_socket(uint32_t netns, uint16_t port) const;
  // In the queue of what nobody has accepted yet, where no file descriptor shows it.
  bool may_wait_for_accept(const Connection& connection, bool netns_complete) const;
  Role role_of(const wsbpf_socket& socket) const;
  void note_departed(const wsbpf_header& header, TcpState state);

  void take_owner(Listener& listener, uint32_t owner);
  void add_listen_socket(const wsbpf_header& header, uint16_t port, uint32_t owner);
  void observe_listen_socket(const wsbpf_socket& socket);
  void observe_connection(Connection& connection, const wsbpf_socket& socket);
  void adopt_connection(const wsbpf_socket& socket, uint32_t generation);
  bool has_connected_again(const Connection& connection, const wsbpf_socket& socket) const;
  void recall(Connection& connection) const;
  void note_unseen_departure(Connection& connection);
  Connection& insert(Connection connection);
  void enter_state(Connection& connection, TcpState state, uint64_t time_ns);
  void erase(uint32_t index, uint64_t time_ns);
  void forget(uint32_t index);
  void note_unread(Connection& connection) const;
  void note_websocket_end(const Connection& connection, Evidence& evidence);
  void count_correction(Correction correction);
  void repair_missing(const SweepResult& result);
  void finish_listeners(const SweepResult& result);
  void forget_unused();

  Watch watch_;
  ProcessTable processes_;
  TableHooks hooks_;
  Slab<Connection> connections_;
  Slab<Evidence> evidence_;     // of those connections that have any
  Slab<WebSocket> websockets_;  // likewise
  // Cookies are unique in a kernel, not only in a namespace, since 5.4 ("sock: make cookie
  // generation global instead of per netns").
  absl::flat_hash_map<uint64_t, uint32_t> by_cookie_;
  Slab<Listener> listeners_;
  std::map<ListenerKey, uint32_t> by_key_;
  absl::flat_hash_map<uint64_t, ListenSocket> listen_sockets_;
  absl::flat_hash_map<uint64_t, Departed> departed_;
  absl::flat_hash_map<uint64_t, Ended> ended_;  // by cookie
  std::vector<uint64_t> due_;                   // cookies of those in it that wait for nothing more
  std::deque<Deadline> deadlines_;              // in order
  Tombstones tombstones_;
  absl::flat_hash_set<uint64_t> ignored_;  // made to other ports, from a watched local port
  RememberedConnections remembered_;
  std::array<uint64_t, kCorrectionNames.size()> corrections_{};
  uint64_t lost_ns_ = 0;
  uint64_t sweep_started_ns_ = 0;
  uint64_t files_started_ns_ = 0;  // of the last complete pass over file descriptors
  uint32_t files_sweep_ = 0;       // the sweep which that was part of
  uint32_t sweep_ = 0;             // counts sweeps; what the marks are compared with
  bool adopting_ = false;
  bool unconfirmed_owners_ = false;
};

}  // namespace wsbpf
