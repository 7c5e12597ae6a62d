// A model of the kernel lets sockets live at random while sweeps run and records get lost. However
// it went, after one whole sweep without anything happening the table is what the kernel has.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/connection_table.h"
#include "kernel_records.h"

namespace wsbpf {
namespace {

constexpr uint64_t kListenCookie = 1;
constexpr uint32_t kListenPid = 100;
constexpr uint32_t kLastPid = 103;

struct ModelSocket {
  Sock sock;
  TcpState state{};
  Role role{};
  uint32_t pid = 0;          // who has it open; 0: not accepted yet, or closed by its application
  bool orphan = false;       // its application has closed it
  bool forgot_peer = false;  // a refused connect() that blocked has wiped the peer's port
  bool established = false;  // since it connected last
  bool peer_was_first = false;
  bool crossed = false;
  bool exited = false;  // our end was closed by an exit

  bool in_hash() const { return state != TcpState::kClose; }
  bool has_fd() const { return pid != 0; }
  bool waits_for_accept() const { return !has_fd() && !orphan; }
};

// An end of a connection, by its cookie and the time when it entered CLOSE, and the verdicts that
// are right.
using Ending = std::pair<uint64_t, uint64_t>;
using Truths = std::map<Ending, std::set<Verdict>>;

class ModelKernel {
 public:
  ModelKernel(uint32_t seed, double loss) : random_(seed), loss_(loss) {
    emit(listening(tick(), listen_sock(kListenCookie), kListenPid));
  }

  // Something happens to a socket, or to a new one.
  void act() {
    const size_t action = pick(16);
    if (sockets_.size() < 8 || action < 3) return open();
    if (action == 3) return send_to_timewait();
    auto chosen = sockets_.begin();
    std::advance(chosen, pick(sockets_.size()));
    ModelSocket& socket = chosen->second;
    switch (action) {
      case 4:
      case 5:
        return progress(socket);
      case 6:
        return receive_fin(socket);
      case 7:
        return receive_reset(socket);
      case 8:
        return shut_down(socket);
      case 9:
      case 10:
        return close_fd(socket);
      case 11:
        return receive_data_after_close(socket);
      case 12:
        if (pick(3) == 0) time_out(socket);
        return;
      case 13:
        if (pick(3) == 0) kill(socket);
        return;
      default:
        return accept_or_reconnect(socket);
    }
  }

  void accept_all() {
    for (auto& [cookie, socket] : sockets_) {
      if (socket.waits_for_accept()) socket.pid = random_pid();
    }
  }

  void deliver_to(ConnectionTable& table) {
    for (const Event& event : queue_) table.apply(event);
    queue_.clear();
    if (std::exchange(lost_, false)) table.note_loss(now_ns_);
    table.advance(now_ns_);
  }
  void drop_queue() { queue_.clear(); }
  void set_loss(double loss) { loss_ = loss; }

  uint64_t tick() { return now_ns_ += 1_ms; }
  void wait() { now_ns_ += pick(1'500) * 1_ms; }
  size_t pick(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random_); }

  wsbpf_socket sample_listener(uint32_t pid) {
    uint32_t waiting = 0;
    for (const auto& [cookie, socket] : sockets_) waiting += socket.waits_for_accept();
    return sample(tick(), listen_sock(kListenCookie), TcpState::kListen, pid,
                  {.unread_bytes = waiting, .unacked_bytes = 511});
  }
  const std::map<uint64_t, ModelSocket>& sockets() const { return sockets_; }
  const Truths& truths() const { return truths_; }

 private:
  struct Timewait {
    Sock sock;
    Ending ending;
    bool exited = false;
  };

  template <typename Record>
  void emit(const Record& record) {
    if (std::bernoulli_distribution(loss_)(random_)) {
      lost_ = true;
    } else {
      queue_.emplace_back(record);
    }
  }

  uint32_t random_pid() {
    return kListenPid + static_cast<uint32_t>(pick(kLastPid - kListenPid + 1));
  }

  void open() {
    const uint64_t cookie = ++last_cookie_;
    const auto port = static_cast<uint16_t>(10000 + 32 * cookie);  // and those for connect() again
    ModelSocket socket;
    if (pick(2) == 0) {
      socket.sock = {.cookie = cookie, .remote_port = port};
      socket.role = Role::kServer;
      socket.state = TcpState::kEstablished;
      socket.established = true;
      emit(accepted(tick(), socket.sock));
    } else {
      socket.sock = client_sock(cookie);
      socket.sock.local_port = port;
      socket.role = Role::kClient;
      connect(socket);
    }
    sockets_[cookie] = socket;
  }

  void connect(ModelSocket& socket) {
    if (!socket.has_fd()) socket.pid = random_pid();
    socket.state = TcpState::kSynSent;
    socket.forgot_peer = false;
    socket.established = false;
    socket.peer_was_first = false;
    socket.crossed = false;
    emit(connecting(tick(), socket.sock, socket.pid));
  }

  void enter(ModelSocket& socket, TcpState state, wsbpf_closer by = {}) {
    const TcpState old_state = std::exchange(socket.state, state);
    if (old_state == TcpState::kEstablished) {
      socket.peer_was_first = state == TcpState::kCloseWait;
      return emit(left(tick(), socket.sock, state, {}, by));
    }
    socket.crossed = state == TcpState::kClosing;
    emit(entered_from(tick(), socket.sock, old_state, state, by));
  }

  // How it ends where no reset and no timer does it.
  static Verdict orderly(const ModelSocket& socket) {
    if (socket.exited) return Verdict::kProcessExit;
    if (socket.crossed) return Verdict::kSimultaneousClose;
    return socket.peer_was_first ? Verdict::kRemoteClose : Verdict::kLocalClose;
  }

  void enter_close(ModelSocket& socket, Verdict verdict, int32_t error = 0,
                   const Counters& counters = {}, wsbpf_closer by = {}) {
    const TcpState old_state = std::exchange(socket.state, TcpState::kClose);
    const Ending ending{socket.sock.cookie, tick()};
    if (socket.established) truths_[ending] = {verdict};
    emit(closed(ending.second, socket.sock, old_state, counters, error, by));
    const bool timewait =
        error == 0 && (old_state == TcpState::kFinWait1 || old_state == TcpState::kFinWait2);
    if (timewait && socket.orphan) timewaits_.push_back({socket.sock, ending, socket.exited});
  }

  void finish(ModelSocket& socket) {
    if (socket.orphan) destroy(socket);
  }

  void destroy(ModelSocket& socket) {
    emit(destroyed(tick(), socket.sock));
    sockets_.erase(socket.sock.cookie);
  }

  // The peer answers our SYN or acknowledges our FIN.
  void progress(ModelSocket& socket) {
    switch (socket.state) {
      case TcpState::kSynSent:
        if (pick(4) == 0) {
          socket.forgot_peer = pick(2) == 0;
          enter_close(socket, {}, ECONNREFUSED);
          return finish(socket);
        }
        socket.state = TcpState::kEstablished;
        socket.established = true;
        return emit(connected(tick(), socket.sock));
      case TcpState::kFinWait1:
        return enter(socket, TcpState::kFinWait2);
      case TcpState::kClosing:
      case TcpState::kLastAck:
        enter_close(socket, orderly(socket));
        return finish(socket);
      default:
        return;
    }
  }

  void receive_fin(ModelSocket& socket) {
    switch (socket.state) {
      case TcpState::kEstablished:
        return enter(socket, TcpState::kCloseWait);
      case TcpState::kFinWait1:
        return enter(socket, TcpState::kClosing);
      case TcpState::kFinWait2:
        enter_close(socket, orderly(socket));
        return finish(socket);
      default:
        return;
    }
  }

  void receive_reset(ModelSocket& socket) {
    if (socket.state == TcpState::kClose || socket.state == TcpState::kSynSent) return;
    emit(reset(tick(), socket.sock, socket.state, WSBPF_RESET_RECEIVED));
    if (socket.state == TcpState::kEstablished) {
      enter_close(socket, Verdict::kPeerReset, ECONNRESET);
    } else if (socket.state == TcpState::kCloseWait) {
      enter_close(socket, Verdict::kResetAfterFin, EPIPE);
    } else {
      enter_close(socket, orderly(socket), ECONNRESET);
    }
    finish(socket);
  }

  // It is reported as a reset received, though we send one: after the destruction, where nobody
  // holds the socket any more.
  void receive_data_after_close(ModelSocket& socket) {
    if (socket.state != TcpState::kFinWait1 && socket.state != TcpState::kFinWait2) return;
    const Sock sock = socket.sock;
    emit(reset(tick(), sock, socket.state, WSBPF_RESET_RECEIVED));
    enter_close(socket, socket.exited ? Verdict::kProcessExit : Verdict::kDataAfterClose,
                ECONNRESET);
    finish(socket);
    emit(reset(tick(), sock, TcpState::kClose, WSBPF_RESET_SENT, 8));
  }

  void send_to_timewait() {
    if (timewaits_.empty()) return;
    const size_t chosen = pick(timewaits_.size());
    const Timewait timewait = timewaits_[chosen];
    timewaits_.erase(timewaits_.begin() + static_cast<ptrdiff_t>(chosen));
    Sock sock = timewait.sock;
    sock.cookie = 0;
    const uint64_t time_ns = tick();
    emit(reset(time_ns, sock, TcpState::kTimeWait, WSBPF_RESET_SENT, 9, 10));
    if (timewait.exited) return;
    std::set<Verdict>& verdicts = truths_.at(timewait.ending);
    if (time_ns <= timewait.ending.second + 1_s) verdicts.clear();
    verdicts.insert(Verdict::kDataAfterClose);
  }

  void time_out(ModelSocket& socket) {
    if (socket.state == TcpState::kClose || socket.state == TcpState::kSynSent ||
        socket.state == TcpState::kFinWait2) {
      return;
    }
    for (uint32_t count = 1; count <= 3; ++count) {
      wsbpf_retransmit record = retransmitted(tick(), socket.sock, count);
      record.bytes = 100;
      record.mss_bytes = 1448;
      emit(record);
    }
    enter_close(socket, socket.exited ? Verdict::kProcessExit : Verdict::kPeerVanished, ETIMEDOUT,
                {.unacked_bytes = 100, .retransmits = 3, .heard_ms = 900, .timeouts = 3});
    finish(socket);
  }

  // `ss -K`
  void kill(ModelSocket& socket) {
    if (!socket.established || socket.state == TcpState::kClose) return;
    if (socket.state != TcpState::kLastAck && socket.state != TcpState::kClosing) {
      emit(reset(tick(), socket.sock, socket.state, WSBPF_RESET_SENT, 14));
    }
    enter_close(socket, Verdict::kSocketDestroyed, ECONNABORTED);
    finish(socket);
  }

  void shut_down(ModelSocket& socket) {
    if (socket.has_fd()) send_fin(socket, closer(socket.pid));
  }

  void send_fin(ModelSocket& socket, wsbpf_closer by) {
    if (socket.state == TcpState::kEstablished) {
      enter(socket, TcpState::kFinWait1, by);
    } else if (socket.state == TcpState::kCloseWait) {
      enter(socket, TcpState::kLastAck, by);
    } else {
      return;
    }
    socket.exited = by.exiting;
  }

  // close(), by the application or its exit; sometimes one that sends a reset.
  void close_fd(ModelSocket& socket) {
    if (!socket.has_fd()) return;
    const bool exits = pick(4) == 0;
    const wsbpf_closer by = exits ? closer(socket.pid, 9) : closer(socket.pid);
    socket.pid = 0;
    socket.orphan = true;
    const bool is_open =
        socket.state == TcpState::kEstablished || socket.state == TcpState::kCloseWait;
    if (is_open && pick(3) == 0) return abort(socket, by);
    send_fin(socket, by);
    if (socket.state == TcpState::kSynSent) enter_close(socket, {}, 0, {}, by);
    if (socket.state == TcpState::kClose) destroy(socket);
  }

  void abort(ModelSocket& socket, wsbpf_closer by) {
    const uint32_t data = pick(2) == 0 ? 10 : 0;
    const bool has_fin = socket.state == TcpState::kCloseWait;
    Verdict verdict = data > 0 ? Verdict::kUnreadDataReset : Verdict::kLocalAbort;
    if (by.exiting) verdict = Verdict::kProcessExit;
    enter_close(socket, verdict, 0,
                {.unread_bytes = data + has_fin, .flags = has_fin ? uint32_t{WSBPF_SOCK_DONE} : 0}, by);
    emit(reset(tick(), socket.sock, TcpState::kClose, WSBPF_RESET_SENT, data > 0 ? 11 : 14));
    finish(socket);
  }

  void accept_or_reconnect(ModelSocket& socket) {
    if (socket.waits_for_accept()) {
      socket.pid = random_pid();
    } else if (socket.role == Role::kClient && socket.state == TcpState::kClose) {
      socket.sock.local_port = static_cast<uint16_t>(socket.sock.local_port + 1);
      socket.sock.remote_address = pick(2) == 0 ? "10.0.0.1" : "10.0.0.2";
      connect(socket);
    }
  }

  std::mt19937 random_;
  double loss_;
  bool lost_ = false;  // something has been since it was last told
  uint64_t now_ns_ = 1000_s;
  uint64_t last_cookie_ = kListenCookie;
  std::map<uint64_t, ModelSocket> sockets_;
  std::vector<Timewait> timewaits_;
  std::deque<Event> queue_;
  Truths truths_;
};

// Sweeps as the daemon does them: sockets are read one after the other while the kernel goes on,
// and arrive in pieces, after the events that were there by then.
class Sweeper {
 public:
  Sweeper(ModelKernel& kernel, ConnectionTable& table) : kernel_(kernel), table_(table) {}

  void sweep(bool with_files, size_t actions_between, bool adopt = false) {
    const uint64_t started_ns = kernel_.tick();
    act(actions_between);
    table_.begin_sweep(started_ns, adopt);
    take(kernel_.sample_listener(0));
    read(actions_between, 0, [](const ModelSocket& socket) { return socket.in_hash(); });
    if (with_files) {
      take(kernel_.sample_listener(kListenPid));
      read(actions_between, 1,
           [](const ModelSocket& socket) { return socket.has_fd() && !socket.forgot_peer; });
    }
    hand_over();
    act(actions_between);
    kernel_.deliver_to(table_);
    table_.end_sweep({{1}, with_files});
  }

  void act(size_t most) {
    for (size_t i = most == 0 ? 0 : kernel_.pick(most + 1); i > 0; --i) kernel_.act();
  }

 private:
  template <typename Shown>
  void read(size_t actions_between, uint32_t with_pid, Shown shown) {
    uint64_t last = 0;
    for (auto next = kernel_.sockets().upper_bound(last); next != kernel_.sockets().end();
         next = kernel_.sockets().upper_bound(last)) {
      const ModelSocket& socket = next->second;
      last = next->first;
      if (!shown(socket)) continue;
      take(sample(kernel_.tick(), socket.sock, socket.state, with_pid * socket.pid));
      act(actions_between);
      if (kernel_.pick(8) == 0) hand_over();
    }
  }

  void take(const wsbpf_socket& socket) { piece_.push_back(socket); }

  void hand_over() {
    kernel_.deliver_to(table_);
    for (const wsbpf_socket& socket : piece_) table_.observe(socket);
    piece_.clear();
  }

  ModelKernel& kernel_;
  ConnectionTable& table_;
  std::vector<wsbpf_socket> piece_;
};

// One line a connection, in order of cookies, which shows it wholly and, if it were there, twice.
std::string describe(uint64_t cookie, TcpState state, Role role, uint16_t local_port,
                     const std::string& remote, uint16_t remote_port, uint32_t pid) {
  return std::to_string(cookie) + ' ' + std::string(state_name(state)) + ' ' +
         std::string(role_name(role)) + ' ' + std::to_string(local_port) + ' ' + remote + ':' +
         std::to_string(remote_port) + " pid " + std::to_string(pid) + '\n';
}

// Orphans have no fd that could tell whose they were.
std::string text_of(const ModelKernel& kernel) {
  std::string out;
  for (const auto& [cookie, socket] : kernel.sockets()) {
    if (socket.forgot_peer) continue;  // nothing shows that it is watched
    const Sock& sock = socket.sock;
    out += describe(cookie, socket.state, socket.role, sock.local_port, sock.remote_address,
                    sock.remote_port, socket.pid);
  }
  return out;
}

std::string text_of(const ConnectionTable& table, const ModelKernel& kernel) {
  std::multimap<uint64_t, std::string> lines;
  table.connections().each([&](uint32_t, const Connection& connection) {
    const Process* const owner = table.owner_of(connection);
    const auto socket = kernel.sockets().find(connection.cookie);
    const bool has_fd = socket != kernel.sockets().end() && socket->second.has_fd();
    lines.emplace(
        connection.cookie,
        describe(connection.cookie, connection.state, connection.role, connection.local_port,
                 address_text(connection.remote_address, connection.family), connection.remote_port,
                 has_fd && owner != nullptr ? owner->pid : 0));
  });
  std::string out;
  for (const auto& [cookie, line] : lines) out += line;
  return out;
}

// Those that are open now, as the table tells it, and whether its verdicts are right.
class Watcher {
 public:
  Watcher(const ModelKernel& kernel, bool adopts) : kernel_(kernel), adopts_(adopts) {}

  TableHooks hooks() {
    TableHooks hooks;
    hooks.on_opened = [this](const Connection& connection) {
      const std::string id = connection_id(connection);
      EXPECT_TRUE(open_.insert(id).second) << id << " opened twice";
    };
    hooks.on_ended = [this](const Connection& connection, const Evidence& evidence,
                            const Judgement& judgement) {
      const std::string id = connection_id(connection);
      EXPECT_EQ(open_.erase(id), adopts_ ? 0u : 1u) << id << " closed, but was not open";
      check(connection, evidence, judgement);
    };
    return hooks;
  }

  size_t open() const { return open_.size(); }
  size_t judged() const { return judged_.size(); }
  size_t known() const { return judged_.size() - unknown_; }
  size_t unknown() const { return unknown_; }

 private:
  void check(const Connection& connection, const Evidence& evidence, const Judgement& judgement) {
    const Ending ending{connection.cookie, evidence.closed_ns};
    if (evidence.closed_ns != 0) {
      EXPECT_TRUE(judged_.insert(ending).second) << connection.cookie << " judged twice";
    }
    if (judgement.verdict == Verdict::kUnknown) {
      ++unknown_;
      return;
    }
    const auto truth = kernel_.truths().find(ending);
    ASSERT_NE(truth, kernel_.truths().end()) << connection.cookie << " has not ended then";
    EXPECT_TRUE(truth->second.contains(judgement.verdict))
        << connection.cookie << " judged " << verdict_name(judgement.verdict) << ", not "
        << verdict_name(*truth->second.begin());
  }

  const ModelKernel& kernel_;
  bool adopts_;
  std::set<std::string> open_;
  std::set<Ending> judged_;
  size_t unknown_ = 0;
};

// A table with the processes of the model behind it.
struct Watched {
  Watched() : table(watch_of({8080}, true, true), processes) {
    for (uint32_t pid = kListenPid; pid <= kLastPid; ++pid) processes.run(pid, "node");
  }

  FakeProcesses processes;
  ConnectionTable table;
};

// Runs `property` for one seed after the other, up to the first that fails.
void for_seeds(void (*property)(uint32_t seed)) {
  for (uint32_t seed = 1; seed <= 40 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    property(seed);
  }
}

size_t established_in(const ModelKernel& kernel) {
  size_t count = 0;
  for (const auto& [cookie, socket] : kernel.sockets()) {
    count += socket.in_hash() && socket.state != TcpState::kSynSent;
  }
  return count;
}

uint64_t opened_of(const ConnectionTable& table) {
  uint64_t sum = 0;
  for (const ListenerSummary& l : table.summarize(2000_s, 3_s)) sum += l.opened_total;
  return sum;
}

uint64_t closed_of(const ConnectionTable& table) {
  uint64_t sum = 0;
  for (const ListenerSummary& l : table.summarize(2000_s, 3_s)) sum += l.closed_total;
  return sum;
}

TEST(ConnectionTableProperty, WhateverIsLostOneWholeSweepRepairs) {
  for_seeds([](uint32_t seed) {
    Watched watched;
    ConnectionTable& table = watched.table;
    ModelKernel kernel(seed, 0.15);
    Watcher watcher(kernel, false);
    table.set_hooks(watcher.hooks());
    Sweeper sweeper(kernel, table);
    for (int round = 0; round < 12; ++round) {
      sweeper.act(60);
      if (kernel.pick(2) == 0) kernel.deliver_to(table);
      sweeper.sweep(kernel.pick(2) == 0, 2);
    }
    kernel.accept_all();
    kernel.deliver_to(table);
    sweeper.sweep(true, 0);

    table.advance(2000_s);
    EXPECT_EQ(text_of(table, kernel), text_of(kernel));
    EXPECT_EQ(watcher.open(), established_in(kernel));
    EXPECT_EQ(disconnects_of(table), closed_of(table));
    EXPECT_EQ(opened_of(table) - closed_of(table), established_in(kernel));
  });
}

TEST(ConnectionTableProperty, WithoutLossSweepsCorrectNothing) {
  for_seeds([](uint32_t seed) {
    Watched watched;
    ConnectionTable& table = watched.table;
    ModelKernel kernel(seed, 0);
    Watcher watcher(kernel, false);
    table.set_hooks(watcher.hooks());
    Sweeper sweeper(kernel, table);
    for (int round = 0; round < 12; ++round) {
      sweeper.act(60);
      sweeper.sweep(kernel.pick(2) == 0, 2);
      ASSERT_EQ(all_corrections(table), 0u) << "round " << round;
    }
    kernel.accept_all();
    sweeper.sweep(true, 0);
    EXPECT_EQ(text_of(table, kernel), text_of(kernel));
    EXPECT_EQ(all_corrections(table), 0u);
  });
}

TEST(ConnectionTableProperty, WithoutLossEveryVerdictIsKnownAndRight) {
  for_seeds([](uint32_t seed) {
    Watched watched;
    ModelKernel kernel(seed, 0);
    Watcher watcher(kernel, false);
    watched.table.set_hooks(watcher.hooks());
    Sweeper sweeper(kernel, watched.table);
    for (int round = 0; round < 12; ++round) {
      for (int part = 0; part < 5; ++part) {
        sweeper.act(20);
        kernel.wait();
        if (kernel.pick(2) == 0) kernel.deliver_to(watched.table);
      }
      sweeper.sweep(kernel.pick(2) == 0, 2);
    }
    kernel.deliver_to(watched.table);
    watched.table.advance(2000_s);
    EXPECT_EQ(watcher.unknown(), 0u);
    EXPECT_EQ(watcher.judged(), kernel.truths().size());
    EXPECT_EQ(disconnects_of(watched.table), closed_of(watched.table));
  });
}

TEST(ConnectionTableProperty, WhateverIsLostNoVerdictIsWrong) {
  size_t known = 0;
  size_t unknown = 0;
  for (uint32_t seed = 1; seed <= 80 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Watched watched;
    ModelKernel kernel(seed, 0);
    Watcher watcher(kernel, false);
    watched.table.set_hooks(watcher.hooks());
    Sweeper sweeper(kernel, watched.table);
    for (int round = 0; round < 12; ++round) {
      kernel.set_loss(kernel.pick(3) == 0 ? 0.2 : 0);
      for (int part = 0; part < 5; ++part) {
        sweeper.act(20);
        kernel.wait();
        if (kernel.pick(2) == 0) kernel.deliver_to(watched.table);
      }
      sweeper.sweep(kernel.pick(2) == 0, 2);
    }
    kernel.deliver_to(watched.table);
    watched.table.advance(2000_s);
    EXPECT_EQ(disconnects_of(watched.table), closed_of(watched.table));
    known += watcher.known();
    unknown += watcher.unknown();
  }
  EXPECT_GT(known, unknown) << "what was not lost is known";
  EXPECT_GT(unknown, 0u);
}

TEST(ConnectionTableProperty, WhatWasThereAtTheStartIsAdoptedOnce) {
  for_seeds([](uint32_t seed) {
    Watched watched;
    ConnectionTable& table = watched.table;
    ModelKernel kernel(seed, 0);
    Sweeper sweeper(kernel, table);
    for (int i = 0; i < 300; ++i) kernel.act();
    kernel.accept_all();
    kernel.drop_queue();  // nothing was attached yet
    sweeper.sweep(true, 2, true);
    EXPECT_EQ(all_corrections(table), 0u);
    sweeper.act(60);
    kernel.accept_all();
    sweeper.sweep(true, 0);
    EXPECT_EQ(text_of(table, kernel), text_of(kernel));
    EXPECT_EQ(all_corrections(table), 0u);
  });
}

TEST(ConnectionTableProperty, OfWhatWasThereAtTheStartNoVerdictIsWrong) {
  size_t known = 0;
  for (uint32_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Watched watched;
    ModelKernel kernel(seed, 0);
    Sweeper sweeper(kernel, watched.table);
    for (int i = 0; i < 300; ++i) kernel.act();
    kernel.drop_queue();
    sweeper.sweep(true, 2, true);
    Watcher watcher(kernel, true);
    TableHooks hooks;
    hooks.on_ended = watcher.hooks().on_ended;
    watched.table.set_hooks(hooks);
    for (int i = 0; i < 200; ++i) kernel.act();
    kernel.deliver_to(watched.table);
    watched.table.advance(2000_s);
    known += watcher.known();
  }
  EXPECT_GT(known, 0u);
}

}  // namespace
}  // namespace wsbpf
