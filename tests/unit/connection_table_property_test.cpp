// A model of the kernel lets sockets live at random while sweeps run and records get lost. However
// it went, after one whole sweep without anything happening the table is what the kernel has.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
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

  bool in_hash() const { return state != TcpState::kClose; }
  bool has_fd() const { return pid != 0; }
  bool waits_for_accept() const { return !has_fd() && !orphan; }
};

class ModelKernel {
 public:
  ModelKernel(uint32_t seed, double loss) : random_(seed), loss_(loss) {
    emit(listening(tick(), listen_sock(kListenCookie), kListenPid));
  }

  // Something happens to a socket, or to a new one.
  void act() {
    const size_t action = pick(10);
    if (sockets_.size() < 8 || action < 2) return open();
    auto chosen = sockets_.begin();
    std::advance(chosen, pick(sockets_.size()));
    ModelSocket& socket = chosen->second;
    switch (action) {
      case 2:
      case 3:
        return progress(socket);
      case 4:
        return receive_fin(socket);
      case 5:
        return receive_reset(socket);
      case 6:
        return shut_down(socket);
      case 7:
        return close_fd(socket);
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
  }
  void drop_queue() { queue_.clear(); }

  uint64_t tick() { return now_ns_ += 1_ms; }
  size_t pick(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random_); }

  wsbpf_socket sample_listener(uint32_t pid) {
    uint32_t waiting = 0;
    for (const auto& [cookie, socket] : sockets_) waiting += socket.waits_for_accept();
    return sample(tick(), listen_sock(kListenCookie), TcpState::kListen, pid,
                  {.unread_bytes = waiting, .unacked_bytes = 511});
  }
  const std::map<uint64_t, ModelSocket>& sockets() const { return sockets_; }

 private:
  template <typename Record>
  void emit(const Record& record) {
    if (std::bernoulli_distribution(loss_)(random_)) return;
    queue_.emplace_back(record);
  }

  uint32_t random_pid() {
    return kListenPid + static_cast<uint32_t>(pick(kLastPid - kListenPid + 1));
  }

  void open() {
    const uint64_t cookie = ++last_cookie_;
    const auto port = static_cast<uint16_t>(20000 + cookie);
    ModelSocket socket;
    if (pick(2) == 0) {
      socket.sock = {.cookie = cookie, .remote_port = port};
      socket.role = Role::kServer;
      socket.state = TcpState::kEstablished;
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
    emit(connecting(tick(), socket.sock, socket.pid));
  }

  void enter(ModelSocket& socket, TcpState state) {
    socket.state = state;
    emit(entered(tick(), socket.sock, state));
  }

  void enter_close(ModelSocket& socket) {
    const TcpState old_state = std::exchange(socket.state, TcpState::kClose);
    emit(closed(tick(), socket.sock, old_state));
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
          return enter_close(socket);
        }
        socket.state = TcpState::kEstablished;
        return emit(connected(tick(), socket.sock));
      case TcpState::kFinWait1:
        return enter(socket, TcpState::kFinWait2);
      case TcpState::kClosing:
      case TcpState::kLastAck:
        return enter_close(socket);
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
        return enter_close(socket);
      default:
        return;
    }
  }

  void receive_reset(ModelSocket& socket) {
    if (socket.state == TcpState::kClose || socket.state == TcpState::kSynSent) return;
    emit(reset(tick(), socket.sock, socket.state, WSBPF_RESET_RECEIVED));
    enter_close(socket);
  }

  void shut_down(ModelSocket& socket) {
    if (!socket.has_fd()) return;
    if (socket.state == TcpState::kEstablished) enter(socket, TcpState::kFinWait1);
    if (socket.state == TcpState::kCloseWait) enter(socket, TcpState::kLastAck);
  }

  void close_fd(ModelSocket& socket) {
    if (!socket.has_fd()) return;
    shut_down(socket);
    socket.pid = 0;
    socket.orphan = true;
    if (socket.state == TcpState::kClose) return destroy(socket);
    if (socket.state == TcpState::kSynSent) enter_close(socket);
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
  uint64_t now_ns_ = 1000_s;
  uint64_t last_cookie_ = kListenCookie;
  std::map<uint64_t, ModelSocket> sockets_;
  std::deque<Event> queue_;
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

// Those that are open now, as the change notices tell it.
class ChangeWatcher {
 public:
  void operator()(Change change, const Connection& connection) {
    const std::string id = connection_id(connection);
    if (change == Change::kOpened) {
      EXPECT_TRUE(open_.insert(id).second) << id << " opened twice";
    } else {
      EXPECT_EQ(open_.erase(id), 1u) << id << " closed, but was not open";
    }
  }
  size_t open() const { return open_.size(); }

 private:
  std::set<std::string> open_;
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

TEST(ConnectionTableProperty, WhateverIsLostOneWholeSweepRepairs) {
  for_seeds([](uint32_t seed) {
    Watched watched;
    ConnectionTable& table = watched.table;
    ModelKernel kernel(seed, 0.15);
    ChangeWatcher changes;
    table.set_on_change(std::ref(changes));
    Sweeper sweeper(kernel, table);
    for (int round = 0; round < 12; ++round) {
      sweeper.act(60);
      if (kernel.pick(2) == 0) kernel.deliver_to(table);
      sweeper.sweep(kernel.pick(2) == 0, 2);
    }
    kernel.accept_all();
    kernel.deliver_to(table);
    sweeper.sweep(true, 0);

    EXPECT_EQ(text_of(table, kernel), text_of(kernel));
    EXPECT_EQ(changes.open(), established_in(kernel));
    uint64_t opened = 0;
    uint64_t closed = 0;
    for (const ListenerSummary& listener : table.summarize(2000_s, 3_s)) {
      opened += listener.opened_total;
      closed += listener.closed_total;
    }
    EXPECT_EQ(opened - closed, established_in(kernel));
  });
}

TEST(ConnectionTableProperty, WithoutLossSweepsCorrectNothing) {
  for_seeds([](uint32_t seed) {
    Watched watched;
    ConnectionTable& table = watched.table;
    ModelKernel kernel(seed, 0);
    ChangeWatcher changes;
    table.set_on_change(std::ref(changes));
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

}  // namespace
}  // namespace wsbpf
