// Records as the kernel programs write them, and the processes behind them, for tests of what reads
// the table.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/connection_table.h"

namespace wsbpf {

constexpr uint64_t operator""_ms(unsigned long long milliseconds) { return milliseconds * 1000000; }
constexpr uint64_t operator""_s(unsigned long long seconds) { return seconds * 1000000000; }

inline Address address_of(const char* text) {
  Address address{};
  const int family = std::strchr(text, ':') != nullptr ? AF_INET6 : AF_INET;
  inet_pton(family, text, address.data());
  return address;
}

// A socket as the kernel identifies it. By default: one that a server accepted.
struct Sock {
  uint64_t cookie = 1;
  uint16_t local_port = 8080;
  uint16_t remote_port = 40000;
  uint32_t netns = 1;
  uint8_t family = AF_INET;
  const char* local_address = "10.0.0.1";
  const char* remote_address = "10.0.3.7";
};

// The other end of such a connection: a client's socket.
inline Sock client_sock(uint64_t cookie) {
  return {.cookie = cookie,
          .local_port = 40000,
          .remote_port = 8080,
          .local_address = "10.0.3.7",
          .remote_address = "10.0.0.1"};
}

// A socket's counters, those that a test names.
struct Counters {
  uint64_t bytes_received = 0;
  uint64_t bytes_acked = 0;
  uint32_t unread_bytes = 0;
  uint32_t unacked_bytes = 0;
  uint32_t unsent_bytes = 0;
  uint32_t retransmits = 0;
  uint32_t srtt_us = 0;
  uint32_t idle_ms = 0;  // in both directions
  uint32_t heard_ms = 0;
  uint32_t zero_window_ms = 0;
  uint32_t user_timeout_ms = 0;
  uint16_t mss_bytes = 1448;
  uint8_t timeouts = 0;
  uint8_t probes = 0;
  uint32_t flags = 0;

  operator wsbpf_counters() const {
    return {bytes_received, bytes_acked, unread_bytes,   unacked_bytes,
            unsent_bytes,   retransmits, srtt_us,        idle_ms,
            idle_ms,        heard_ms,    zero_window_ms, user_timeout_ms,
            mss_bytes,      timeouts,    probes,         flags};
  }
};

inline wsbpf_header header(uint64_t time_ns, const Sock& sock, wsbpf_record_type type,
                           TcpState state, TcpState old_state = {}) {
  wsbpf_header out{};
  out.type = static_cast<uint8_t>(type);
  out.state = static_cast<uint8_t>(state);
  out.old_state = static_cast<uint8_t>(old_state);
  out.family = sock.family;
  out.netns = sock.netns;
  out.cookie = sock.cookie;
  out.time_ns = time_ns;
  return out;
}

inline wsbpf_endpoints endpoints(const Sock& sock) {
  wsbpf_endpoints out{};
  const Address local = address_of(sock.local_address);
  const Address remote = address_of(sock.remote_address);
  std::memcpy(out.local_address, local.data(), local.size());
  std::memcpy(out.remote_address, remote.data(), remote.size());
  out.local_port = sock.local_port;
  out.remote_port = sock.remote_port;
  return out;
}

inline wsbpf_opened opened(uint64_t time_ns, const Sock& sock, TcpState state, TcpState old_state,
                           uint32_t pid) {
  wsbpf_opened record{};
  record.header = header(time_ns, sock, WSBPF_RECORD_OPENED, state, old_state);
  record.endpoints = endpoints(sock);
  record.pid = pid;
  return record;
}

inline wsbpf_opened accepted(uint64_t time_ns, const Sock& sock) {
  return opened(time_ns, sock, TcpState::kEstablished, TcpState::kSynRecv, 0);
}

// connect(): the socket has no local port yet.
inline wsbpf_opened connecting(uint64_t time_ns, Sock sock, uint32_t pid = 0) {
  sock.local_port = 0;
  sock.local_address = "0.0.0.0";
  return opened(time_ns, sock, TcpState::kSynSent, TcpState::kClose, pid);
}

inline wsbpf_opened connected(uint64_t time_ns, const Sock& sock) {
  return opened(time_ns, sock, TcpState::kEstablished, TcpState::kSynSent, 0);
}

// A socket that listens; its remote end is nothing.
inline Sock listen_sock(uint64_t cookie, uint16_t port = 8080, uint32_t netns = 1) {
  return {.cookie = cookie,
          .local_port = port,
          .remote_port = 0,
          .netns = netns,
          .local_address = "0.0.0.0",
          .remote_address = "0.0.0.0"};
}

inline wsbpf_opened listening(uint64_t time_ns, const Sock& sock, uint32_t pid = 0) {
  return opened(time_ns, sock, TcpState::kListen, TcpState::kClose, pid);
}

// The call that closed our end; exit_code as wait(2) gives it, for a process that was exiting.
inline wsbpf_closer closer(uint32_t pid, std::optional<int> exit_code = {}) {
  return {pid, exit_code.has_value(), exit_code.value_or(0)};
}

inline wsbpf_left left(uint64_t time_ns, const Sock& sock, TcpState state,
                       const Counters& counters = {}, wsbpf_closer by = {}) {
  wsbpf_left record{};
  record.header = header(time_ns, sock, WSBPF_RECORD_LEFT, state, TcpState::kEstablished);
  record.closer = by;
  record.counters = counters;
  return record;
}

inline wsbpf_state entered_from(uint64_t time_ns, const Sock& sock, TcpState old_state,
                                TcpState state, wsbpf_closer by = {}) {
  wsbpf_state record{};
  record.header = header(time_ns, sock, WSBPF_RECORD_STATE, state, old_state);
  record.closer = by;
  return record;
}

// Into a state by the way that is usual.
inline Event entered(uint64_t time_ns, const Sock& sock, TcpState state, uint32_t pid = 0) {
  switch (state) {
    case TcpState::kFinWait2:
    case TcpState::kClosing:
      return entered_from(time_ns, sock, TcpState::kFinWait1, state);
    case TcpState::kLastAck:
      return entered_from(time_ns, sock, TcpState::kCloseWait, state, closer(pid));
    default:
      return left(time_ns, sock, state, {}, closer(pid));
  }
}

inline wsbpf_closed closed(uint64_t time_ns, const Sock& sock, TcpState old_state,
                           const Counters& counters = {}, int32_t error = 0, wsbpf_closer by = {}) {
  wsbpf_closed record{};
  record.header = header(time_ns, sock, WSBPF_RECORD_CLOSED, TcpState::kClose, old_state);
  record.endpoints = endpoints(sock);
  record.error = error;
  record.counters = counters;
  record.closer = by;
  return record;
}

inline wsbpf_destroyed destroyed(uint64_t time_ns, const Sock& sock) {
  return {header(time_ns, sock, WSBPF_RECORD_DESTROYED, TcpState::kClose)};
}

inline wsbpf_retransmit retransmitted(uint64_t time_ns, const Sock& sock, uint32_t total) {
  wsbpf_retransmit record{};
  record.header = header(time_ns, sock, WSBPF_RECORD_RETRANSMIT, TcpState::kEstablished);
  record.total = total;
  return record;
}

// Again, by the socket that listens.
inline wsbpf_synack synack(uint64_t time_ns, const Sock& listener) {
  return {header(time_ns, listener, WSBPF_RECORD_SYNACK, TcpState::kListen)};
}

inline wsbpf_reset reset(uint64_t time_ns, const Sock& sock, TcpState state,
                         wsbpf_reset_direction direction, int32_t reason = -1,
                         uint32_t payload_bytes = 0) {
  wsbpf_reset record{};
  record.header = header(time_ns, sock, WSBPF_RECORD_RESET, state);
  record.endpoints = endpoints(sock);
  record.direction = direction;
  record.reason = reason;
  record.payload_bytes = payload_bytes;
  return record;
}

// What iter/tcp shows of a socket or, with a pid, iter/task_file.
inline wsbpf_socket sample(uint64_t time_ns, const Sock& sock, TcpState state, uint32_t pid = 0,
                           const Counters& counters = {}) {
  wsbpf_socket record{};
  record.header = header(time_ns, sock, WSBPF_RECORD_SOCKET, state);
  record.endpoints = endpoints(sock);
  record.pid = pid;
  record.counters = counters;
  record.fd = pid == 0 ? -1 : 7;
  return record;
}

inline wsbpf_minisock minisock(uint64_t time_ns, const Sock& sock, TcpState state) {
  wsbpf_minisock record{};
  record.header = header(time_ns, sock, WSBPF_RECORD_MINISOCK, state);
  record.header.cookie = 0;
  record.local_port = sock.local_port;
  record.remote_port = sock.remote_port;
  return record;
}

// A WebSocket as the kernel programs read it, told step by step. Each step returns the record that
// may be written then: steps that are no news to them, the one of an iterator that came by. Steps
// follow each other in statements or in a list in braces; the arguments of a function are made in
// any order.
class WebSocketRecords {
 public:
  static constexpr uint32_t kWholeRequest = WSBPF_WEBSOCKET_KEY | WSBPF_WEBSOCKET_UPGRADE |
                                            WSBPF_WEBSOCKET_CONNECTION | WSBPF_WEBSOCKET_VERSION_13;

  explicit WebSocketRecords(const Sock& sock, bool is_client = false)
      : sock_(sock), client_(is_client ? WSBPF_OUT : WSBPF_IN) {
    if (is_client) state.bits = WSBPF_WEBSOCKET_IS_CLIENT;
  }

  wsbpf_websocket_state state{};  // as of the last step; a test may change it

  wsbpf_websocket swept(uint64_t time_ns) const { return record(time_ns, WSBPF_NEWS_SWEPT); }

  // `bits` as in the request's head.
  wsbpf_websocket requested(uint64_t time_ns, uint32_t bits = kWholeRequest) {
    state.bits |= WSBPF_WEBSOCKET_REQUEST | bits;
    state.directions[client_].reading = WSBPF_READING_AWAITED;
    state.directions[client_].frame_ms = ms(time_ns);
    return swept(time_ns);
  }

  wsbpf_websocket answered(uint64_t time_ns, uint16_t status = 101) {
    state.bits = (state.bits & ~uint32_t{WSBPF_WEBSOCKET_STATUS}) | status;
    read_as(status == 101 ? WSBPF_READING_FRAMES : WSBPF_READING_HTTP);
    if (status == 101) state.directions[!client_].frame_ms = ms(time_ns);
    return record(time_ns, WSBPF_NEWS_ANSWER);
  }

  // By its frames, where the handshake was not seen.
  wsbpf_websocket proven(uint64_t time_ns) {
    state.bits |= WSBPF_WEBSOCKET_PROVEN;
    read_as(WSBPF_READING_FRAMES);
    return record(time_ns, WSBPF_NEWS_PROVEN);
  }

  wsbpf_websocket message(uint64_t time_ns, int direction, uint32_t bytes, uint8_t opcode = 1) {
    wsbpf_websocket_direction& from = state.directions[direction];
    ++from.messages;
    from.message_bytes += bytes;
    if (from.message_ms != 0) {
      from.gaps[(from.slots >> 2) % WSBPF_GAPS] = wsbpf_gap(ms(time_ns) - from.message_ms);
      from.slots = static_cast<uint8_t>(from.slots + (1 << 2)) & 0x1f;
    }
    from.message_ms = ms(time_ns);
    add_frame(time_ns, direction, opcode, bytes);
    return swept(time_ns);
  }

  wsbpf_websocket ping(uint64_t time_ns, int direction) {
    state.ping_us[direction] = us(time_ns);
    state.ping_tag[direction] = 1;
    add_frame(time_ns, direction, 9, 0);
    return swept(time_ns);
  }

  // The answer to the last ping of the other direction.
  wsbpf_websocket pong(uint64_t time_ns, int direction) {
    state.ping_tag[!direction] = 0;
    state.rtt_us = us(time_ns) - state.ping_us[!direction];
    state.bits &= ~uint32_t{WSBPF_WEBSOCKET_PING_IN};
    if (direction == WSBPF_OUT) state.bits |= WSBPF_WEBSOCKET_PING_IN;
    add_frame(time_ns, direction, 10, 0);
    return record(time_ns, WSBPF_NEWS_PONG);
  }

  // 1005: without a code.
  wsbpf_websocket close(uint64_t time_ns, int direction, uint16_t code = 1000) {
    if (state.directions[!direction].close_code == 0) {
      state.bits |=
          direction == WSBPF_IN ? WSBPF_WEBSOCKET_CLOSE_FIRST_IN : WSBPF_WEBSOCKET_CLOSE_FIRST_OUT;
    }
    state.directions[direction].close_code = code;
    add_frame(time_ns, direction, 8, code == 1005 ? 0 : 2);
    return record(time_ns, WSBPF_NEWS_CLOSE);
  }

  // Out of step with the frames of a direction.
  wsbpf_websocket lost(uint64_t time_ns, int direction, uint32_t missed_bytes) {
    state.directions[direction].reading = WSBPF_READING_LOST;
    state.missed_bytes += missed_bytes;
    return record(time_ns, WSBPF_NEWS_LOST);
  }

  // To be followed by closed(); `behind`: bytes of both directions that were not read.
  wsbpf_websocket ended(uint64_t time_ns,
                        std::array<uint32_t, WSBPF_DIRECTIONS> behind = {}) const {
    wsbpf_websocket out = record(time_ns, WSBPF_NEWS_ENDED);
    std::copy(behind.begin(), behind.end(), out.behind);
    return out;
  }

 private:
  static uint32_t ms(uint64_t time_ns) { return static_cast<uint32_t>(time_ns / 1'000'000); }
  static uint32_t us(uint64_t time_ns) { return static_cast<uint32_t>(time_ns / 1'000); }

  void read_as(wsbpf_reading reading) {
    for (wsbpf_websocket_direction& from : state.directions) from.reading = reading;
  }

  void add_frame(uint64_t time_ns, int direction, uint8_t opcode, uint32_t bytes) {
    wsbpf_websocket_direction& from = state.directions[direction];
    const unsigned slot = from.slots % WSBPF_FRAMES_KEPT;
    from.frames[slot] = WSBPF_FRAME_SEEN | WSBPF_FRAME_FINAL |
                        uint32_t{opcode} << WSBPF_FRAME_OPCODE_SHIFT |
                        std::min<uint32_t>(bytes, WSBPF_FRAME_LENGTH);
    from.frame_gaps[slot] = from.frame_ms == 0 ? 0 : wsbpf_gap(ms(time_ns) - from.frame_ms);
    from.slots = static_cast<uint8_t>((from.slots & ~3u) | (slot + 1) % WSBPF_FRAMES_KEPT);
    from.frame_ms = ms(time_ns);
  }

  wsbpf_websocket record(uint64_t time_ns, uint32_t news) const {
    wsbpf_websocket out{};
    out.header = header(time_ns, sock_, WSBPF_RECORD_WEBSOCKET, TcpState::kEstablished);
    out.state = state;
    out.news = news;
    return out;
  }

  Sock sock_;
  int client_;  // the direction of the client's bytes
};

inline wsbpf_unreadable unreadable(uint64_t time_ns, const Sock& sock,
                                   wsbpf_unreadable_reason reason) {
  wsbpf_unreadable record{};
  record.header = header(time_ns, sock, WSBPF_RECORD_UNREADABLE, TcpState::kEstablished);
  record.reason = reason;
  return record;
}

// The beginnings and the ends that a table tells of, as lines: "opened ID", "closed ID".
inline TableHooks lines_into(std::vector<std::string>& lines) {
  TableHooks hooks;
  hooks.on_opened = [&lines](const Connection& connection) {
    lines.push_back("opened " + connection_id(connection));
  };
  hooks.on_ended = [&lines](const Connection& connection, const Evidence&, const Judgement&) {
    lines.push_back("closed " + connection_id(connection));
  };
  return hooks;
}

class FakeProcesses : public ProcessLookup {
 public:
  std::optional<Process> find(uint32_t pid) override {
    const auto known = processes_.find(pid);
    return known == processes_.end() ? std::nullopt : std::optional(known->second);
  }

  void run(uint32_t pid, std::string comm, uint64_t start_time = 1, Place place = {}) {
    processes_[pid] = {pid, start_time, std::move(comm), std::move(place)};
  }
  void exit(uint32_t pid) { processes_.erase(pid); }

 private:
  std::map<uint32_t, Process> processes_;
};

inline Watch watch_of(std::initializer_list<uint16_t> ports, bool server = true,
                      bool client = false) {
  Watch watch;
  for (const uint16_t port : ports) watch.ports.set(port);
  watch.server = server;
  watch.client = client;
  return watch;
}

// One sweep that reads the whole of network namespace 1, and, if asked, every file descriptor.
struct Sweep {
  uint64_t started_ns = 0;
  std::vector<wsbpf_socket> sockets = {};
  std::vector<wsbpf_minisock> minisocks = {};
  bool files = false;
  bool adopt = false;
  std::set<uint32_t> complete_netns = {1};
};

inline void apply_sweep(ConnectionTable& table, const Sweep& sweep) {
  table.begin_sweep(sweep.started_ns, sweep.adopt);
  for (const wsbpf_socket& socket : sweep.sockets) table.observe(socket);
  for (const wsbpf_minisock& mini : sweep.minisocks) table.observe(mini);
  table.end_sweep({sweep.complete_netns, sweep.files});
}

// Returns nullptr where the table does not hold the socket.
inline const Connection* find_connection(const ConnectionTable& table, uint64_t cookie) {
  const Connection* found = nullptr;
  table.connections().each([&](uint32_t, const Connection& connection) {
    if (connection.cookie == cookie) found = &connection;
  });
  return found;
}

// As of `now_ns`, with stuck meaning three seconds; one of nothing where the table has no such
// listener.
inline ListenerSummary summary_of(const ConnectionTable& table, uint64_t now_ns = 1000_s,
                                  ListenerKey key = {1, 8080, Role::kServer}) {
  for (ListenerSummary& summary : table.summarize(now_ns, 3_s)) {
    if (summary.key == key) return summary;
  }
  return {};
}

inline uint64_t corrections_of(const ConnectionTable& table, Correction correction) {
  return table.corrections()[static_cast<size_t>(correction)];
}

inline uint64_t all_corrections(const ConnectionTable& table) {
  uint64_t sum = 0;
  for (const uint64_t count : table.corrections()) sum += count;
  return sum;
}

// The verdicts that have been given, of all listeners.
inline uint64_t disconnects_of(const ConnectionTable& table) {
  uint64_t sum = 0;
  for (const ListenerSummary& summary : table.summarize(1000_s, 3_s)) {
    for (const auto& [key, count] : table.listener(summary.index).disconnects) sum += count;
  }
  return sum;
}

inline uint64_t resets_of(const ConnectionTable& table, wsbpf_reset_direction direction,
                          int32_t reason = -1, ListenerKey key = {1, 8080, Role::kServer}) {
  const ListenerSummary summary = summary_of(table, 1000_s, key);
  if (summary.index == kNone) return 0;
  const auto& resets = table.listener(summary.index).resets;
  const auto found = resets.find({static_cast<uint8_t>(direction), reason});
  return found == resets.end() ? 0 : found->second;
}

}  // namespace wsbpf
