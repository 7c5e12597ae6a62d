// What exists now, as the two iterators show it.
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <set>
#include <thread>
#include <utility>

#include "harness.h"
#include "source/kernel_clock.h"

namespace wsbpf::kernel_test {
namespace {

class Snapshot : public KernelTest {
 protected:
  // The one record that the iterator over sockets shows of this one.
  wsbpf_socket seen(uint64_t cookie) {
    const auto found = records_of<wsbpf_socket>(observer().dump_sockets(), cookie);
    if (found.size() != 1) {
      throw std::runtime_error("the socket was seen " + std::to_string(found.size()) + " times");
    }
    return found[0];
  }

  std::vector<wsbpf_socket> held(uint64_t cookie) {
    return records_of<wsbpf_socket>(observer().dump_files(), cookie);
  }

  std::vector<wsbpf_minisock> minisocks() {
    std::vector<wsbpf_minisock> found;
    for (const Event& event : observer().dump_sockets()) {
      if (const auto* minisock = std::get_if<wsbpf_minisock>(&event)) found.push_back(*minisock);
    }
    return found;
  }

  void expect_minisock(const wsbpf_minisock& record, TcpState state, int family,
                       uint16_t local_port, uint16_t remote_port) const {
    EXPECT_EQ(record.header.type, WSBPF_RECORD_MINISOCK);
    EXPECT_EQ(state_of(record.header), state);
    EXPECT_EQ(record.header.family, family);
    EXPECT_EQ(record.header.netns, netns());
    EXPECT_EQ(record.header.cookie, 0u);
    EXPECT_EQ(record.local_port, local_port);
    EXPECT_EQ(record.remote_port, remote_port);
  }
};

int queued_bytes(const Socket& socket, unsigned long direction) {
  int bytes = -1;
  EXPECT_EQ(ioctl(socket.fd(), direction, &bytes), 0);
  return bytes;
}

void make_nonblocking(const Socket& socket) {
  ASSERT_EQ(fcntl(socket.fd(), F_SETFL, O_NONBLOCK), 0);
}

void expect_holder(const wsbpf_socket& record, uint32_t pid, int fd) {
  EXPECT_EQ(record.pid, pid);
  EXPECT_EQ(record.fd, fd);
}

TEST_F(Snapshot, AListenerWithItsAcceptQueue) {
  const Socket listener = watched_listener(ipv4, "127.0.0.1", 7);
  const Socket first = connect_to(listener.local());
  const Socket second = connect_to(listener.local());
  ASSERT_TRUE(eventually([&] { return listener.info().tcpi_unacked == 2; }));
  const uint64_t before_ns = boot_time_ns();
  const auto record = seen(listener.cookie());
  EXPECT_EQ(record.header.type, WSBPF_RECORD_SOCKET);
  EXPECT_EQ(state_of(record.header), TcpState::kListen);
  EXPECT_EQ(record.header.family, AF_INET);
  EXPECT_EQ(record.header.netns, netns());
  EXPECT_GE(record.header.time_ns, before_ns);
  EXPECT_LE(record.header.time_ns, boot_time_ns());
  EXPECT_EQ(record.endpoints.local_port, listener.port());
  EXPECT_EQ(record.endpoints.remote_port, 0);
  EXPECT_EQ(std::to_array(record.endpoints.local_address), listener.local().address());
  EXPECT_EQ(record.counters.unread_bytes, 2u) << "waiting to be accepted";
  EXPECT_EQ(record.counters.unacked_bytes, 7u) << "the limit";
  EXPECT_EQ(record.pid, 0u);
  EXPECT_EQ(record.fd, -1);
}

TEST_F(Snapshot, CountersAreThoseOfTcpInfo) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.client.send(5000);
  pair.server.receive(1500);
  pair.server.send(3000);
  pair.client.receive(3000);
  ASSERT_TRUE(eventually([&] {
    return pair.server.info().tcpi_unacked == 0 && pair.client.info().tcpi_unacked == 0;
  }));
  for (const Socket* socket : {&pair.server, &pair.client}) {
    const tcp_info info = socket->info();
    const auto record = seen(socket->cookie());
    EXPECT_EQ(state_of(record.header), TcpState::kEstablished);
    expect_endpoints(record.endpoints, socket->local(), socket->remote());
    EXPECT_EQ(record.counters.bytes_received, info.tcpi_bytes_received);
    EXPECT_EQ(record.counters.bytes_acked, info.tcpi_bytes_acked);
    EXPECT_EQ(record.counters.unread_bytes, queued_bytes(*socket, SIOCINQ));
    EXPECT_EQ(record.counters.unacked_bytes, 0u);
    EXPECT_EQ(record.counters.unsent_bytes, 0u);
    EXPECT_EQ(record.counters.retransmits, info.tcpi_total_retrans);
    EXPECT_EQ(record.counters.srtt_us, info.tcpi_rtt);
  }
  EXPECT_EQ(seen(pair.server.cookie()).counters.unread_bytes, 3500u);
}

TEST_F(Snapshot, QueuesTowardsADeafPeer) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.client.drop_input();
  make_nonblocking(pair.server);
  const std::vector<char> data(1 << 20);
  ASSERT_GT(send(pair.server.fd(), data.data(), data.size(), MSG_NOSIGNAL), 0);
  // A timer may send something between the two looks.
  ASSERT_TRUE(eventually([&] {
    const auto counters = seen(pair.server.cookie()).counters;
    return counters.unsent_bytes == pair.server.info().tcpi_notsent_bytes;
  }));
  const auto counters = seen(pair.server.cookie()).counters;
  EXPECT_EQ(counters.unacked_bytes + counters.unsent_bytes,
            static_cast<uint32_t>(queued_bytes(pair.server, SIOCOUTQ)));
  EXPECT_GT(counters.unacked_bytes, 0u);
  EXPECT_GT(counters.unsent_bytes, 0u);

  ASSERT_TRUE(eventually([&] { return pair.server.info().tcpi_total_retrans > 0; }));
  const uint32_t before = pair.server.info().tcpi_total_retrans;
  const uint32_t retransmits = seen(pair.server.cookie()).counters.retransmits;
  EXPECT_GE(retransmits, before);
  EXPECT_LE(retransmits, pair.server.info().tcpi_total_retrans);
}

TEST_F(Snapshot, OverIPv6) {
  const Socket listener = watched_listener(ipv6, kSecondLoopback6);
  const Pair pair = connect_pair(listener);
  const auto record = seen(pair.server.cookie());
  EXPECT_EQ(record.header.family, AF_INET6);
  expect_endpoints(record.endpoints, pair.server.local(), pair.server.remote());
  EXPECT_EQ(seen(listener.cookie()).header.family, AF_INET6);
}

TEST_F(Snapshot, TheEndOfTheStreamCountsAsUnread) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.client.shutdown(SHUT_WR);
  ASSERT_TRUE(eventually([&] { return pair.server.state() == TcpState::kCloseWait; }));
  EXPECT_EQ(state_of(seen(pair.server.cookie()).header), TcpState::kCloseWait);
  EXPECT_EQ(seen(pair.server.cookie()).counters.unread_bytes, 1u);
  ASSERT_TRUE(pair.server.receives_end());
  EXPECT_EQ(seen(pair.server.cookie()).counters.unread_bytes, 0u);
}

TEST_F(Snapshot, SilenceIsMeasuredAsTcpInfoDoes) {
  constexpr uint32_t kSilence_ms = 150;
  constexpr uint32_t kTolerance_ms = 20;  // two jiffies at 100 Hz
  const auto silence_of = [](const Socket& socket) {
    const tcp_info info = socket.info();
    return std::min(info.tcpi_last_data_sent, info.tcpi_last_data_recv);
  };
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.client.send(10);
  pair.server.receive(10);
  for (const Socket* socket : {&pair.server, &pair.client}) {
    ASSERT_TRUE(eventually([&] { return silence_of(*socket) >= kSilence_ms; }));
    const uint32_t before_ms = silence_of(*socket);
    const wsbpf_counters counters = seen(socket->cookie()).counters;
    const uint32_t idle_ms = std::min(counters.received_ms_ago, counters.sent_ms_ago);
    EXPECT_GE(idle_ms + kTolerance_ms, before_ms);
    EXPECT_LE(idle_ms, silence_of(*socket) + kTolerance_ms);
  }
  const uint64_t before_ns = boot_time_ns();
  pair.server.send(1);
  const uint32_t sent_ms_ago = seen(pair.server.cookie()).counters.sent_ms_ago;
  EXPECT_LE(sent_ms_ago, (boot_time_ns() - before_ns) / 1'000'000 + kTolerance_ms);
}

TEST_F(Snapshot, AHandshakeThatDoesNotComplete) {
  const Socket listener = watched_listener();
  Socket client;
  client.bind(ipv4("127.0.0.1"));
  client.drop_input();
  make_nonblocking(client);
  ASSERT_EQ(client.connect(listener.local()), EINPROGRESS);
  ASSERT_TRUE(eventually([&] { return !minisocks().empty(); }));
  const auto found = minisocks();
  ASSERT_EQ(found.size(), 1u);
  expect_minisock(found[0], TcpState::kSynRecv, AF_INET, listener.port(), client.port());
  EXPECT_EQ(state_of(seen(client.cookie()).header), TcpState::kSynSent);
}

TEST_F(Snapshot, WhatIsLeftAfterTheClose) {
  for (const bool is_ipv6 : {false, true}) {
    const Socket listener = is_ipv6 ? watched_listener(ipv6, "::1") : watched_listener();
    const int family = is_ipv6 ? AF_INET6 : AF_INET;
    Pair pair = connect_pair(listener);
    const uint16_t port = listener.port(), client_port = pair.client.port();
    pair.server.close();
    ASSERT_TRUE(pair.client.receives_end());
    pair.client.acknowledge();
    ASSERT_TRUE(eventually([&] { return !minisocks().empty(); }));
    ASSERT_EQ(minisocks().size(), 1u);
    expect_minisock(minisocks()[0], TcpState::kFinWait2, family, port, client_port);
    EXPECT_EQ(state_of(seen(pair.client.cookie()).header), TcpState::kCloseWait);

    pair.client.close();
    ASSERT_EQ(minisocks().size(), 1u);
    expect_minisock(minisocks()[0], TcpState::kTimeWait, family, port, client_port);
  }
}

TEST_F(Snapshot, EveryDescriptorOfEveryProcess) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const int fd = pair.server.fd();
  ASSERT_EQ(held(cookie).size(), 1u);
  expect_holder(held(cookie)[0], own_pid(), fd);
  expect_endpoints(held(cookie)[0].endpoints, pair.server.local(), pair.server.remote());
  EXPECT_EQ(state_of(held(cookie)[0].header), TcpState::kEstablished);
  ASSERT_EQ(held(listener.cookie()).size(), 1u);
  expect_holder(held(listener.cookie())[0], own_pid(), listener.fd());
  EXPECT_EQ(held(listener.cookie())[0].counters.unacked_bytes, 16u) << "the accept queue's limit";

  const Fd copy(dup(fd));
  EXPECT_EQ(held(cookie).size(), 2u);
  Child child(wait_to_be_killed);
  const auto holders = held(cookie);
  ASSERT_EQ(holders.size(), 4u);
  std::multiset<std::pair<uint32_t, int>> pairs;
  for (const auto& record : holders) pairs.emplace(record.pid, record.fd);
  const std::multiset<std::pair<uint32_t, int>> expected = {
      {own_pid(), fd}, {own_pid(), copy.get()}, {child.pid(), fd}, {child.pid(), copy.get()}};
  EXPECT_EQ(pairs, expected);
  child.join(SIGKILL);
  EXPECT_EQ(held(cookie).size(), 2u);
}

TEST_F(Snapshot, ThreadsHoldNothingOfTheirOwn) {
  const Socket listener = watched_listener();
  std::vector<wsbpf_socket> seen_by_thread;
  std::thread([&] { seen_by_thread = held(listener.cookie()); }).join();
  ASSERT_EQ(seen_by_thread.size(), 1u);
  EXPECT_EQ(seen_by_thread[0].pid, own_pid());
}

TEST_F(Snapshot, DescriptorsAreSeenFromAnyNamespaceSocketsOnlyFromTheirOwn) {
  const Socket listener = watched_listener();
  const uint64_t cookie = listener.cookie();
  const NetworkNamespaceScope elsewhere;
  EXPECT_EQ(held(cookie).size(), 1u);
  EXPECT_TRUE(records_of<wsbpf_socket>(observer().dump_sockets(), cookie).empty());
}

// No hash table holds it any more; only the descriptor shows that the application has not let go.
TEST_F(Snapshot, AClosedSocketWithAnOpenDescriptor) {
  const Socket listener = watched_listener();
  Pair reset = connect_pair(listener);
  Pair finished = connect_pair(listener);
  const Endpoint local = reset.server.local(), remote = reset.server.remote();
  const Endpoint finished_remote = finished.server.remote();
  reset.client.abort();
  finished.client.shutdown(SHUT_WR);
  finished.server.shutdown(SHUT_WR);
  ASSERT_TRUE(eventually([&] {
    return reset.server.state() == TcpState::kClose && finished.server.state() == TcpState::kClose;
  }));

  for (const Socket* socket : {&reset.server, &finished.server}) {
    EXPECT_TRUE(records_of<wsbpf_socket>(observer().dump_sockets(), socket->cookie()).empty());
    const auto holders = held(socket->cookie());
    ASSERT_EQ(holders.size(), 1u);
    EXPECT_EQ(state_of(holders[0].header), TcpState::kClose);
    expect_holder(holders[0], own_pid(), socket->fd());
  }
  expect_endpoints(held(reset.server.cookie())[0].endpoints, local, remote);
  expect_endpoints(held(finished.server.cookie())[0].endpoints, local, finished_remote);
  reset.server.receive_error();  // the application has been told
  EXPECT_EQ(held(reset.server.cookie()).size(), 1u);
}

// The kernel has forgotten the peer: such a socket is free to connect elsewhere.
TEST_F(Snapshot, NotARefusedConnect) {
  const uint16_t port = free_port();
  watch_both(port);
  Socket client;
  ASSERT_EQ(client.connect(ipv4("127.0.0.1", port)), ECONNREFUSED);
  EXPECT_TRUE(held(client.cookie()).empty());
  EXPECT_TRUE(records_of<wsbpf_socket>(observer().dump_sockets(), client.cookie()).empty());
}

TEST_F(Snapshot, WhatNobodyHasAcceptedHasNoDescriptor) {
  const Socket listener = watched_listener();
  const Socket client = connect_to(listener.local());
  const auto child = observer().wait_for_match<wsbpf_opened>(
      [&](const wsbpf_opened& record) { return record.endpoints.remote_port == client.port(); });
  EXPECT_EQ(state_of(seen(child.header.cookie).header), TcpState::kEstablished);
  EXPECT_TRUE(held(child.header.cookie).empty());
}

TEST_F(Snapshot, OnlyWatchedPortsAndRoles) {
  const uint16_t port = free_port();
  watch(port_set({port}));
  const Socket watched = listen_on(ipv4("127.0.0.1", port));
  const Socket unwatched = listen_on(ipv4("127.0.0.1"));
  const Pair pair = connect_pair(watched);
  const auto dumps = {observer().dump_sockets(), observer().dump_files()};
  for (const auto& dump : dumps) {
    EXPECT_EQ(records_of<wsbpf_socket>(dump, watched.cookie()).size(), 1u);
    EXPECT_EQ(records_of<wsbpf_socket>(dump, pair.server.cookie()).size(), 1u);
    EXPECT_TRUE(records_of<wsbpf_socket>(dump, pair.client.cookie()).empty());
    EXPECT_TRUE(records_of<wsbpf_socket>(dump, unwatched.cookie()).empty());
  }
  watch(port_set({port}), false, true);
  const auto client_dumps = {observer().dump_sockets(), observer().dump_files()};
  for (const auto& dump : client_dumps) {
    EXPECT_EQ(records_of<wsbpf_socket>(dump, pair.client.cookie()).size(), 1u);
    EXPECT_TRUE(records_of<wsbpf_socket>(dump, watched.cookie()).empty());
    EXPECT_TRUE(records_of<wsbpf_socket>(dump, pair.server.cookie()).empty());
  }
}

// More than one read() of an iterator gives: every socket once, and only whole records.
TEST_F(Snapshot, ManySockets) {
  constexpr size_t kConnections = 1000;
  const Socket listener = watched_listener(ipv4, "127.0.0.1", 64);
  std::vector<Pair> pairs;
  for (size_t i = 0; i < kConnections; ++i) pairs.push_back(connect_pair(listener));
  const auto dumps = {observer().dump_sockets(), observer().dump_files()};
  for (const auto& dump : dumps) {
    std::multiset<uint64_t> cookies;
    for (const Event& event : dump) cookies.insert(header_of(event).cookie);
    EXPECT_EQ(cookies.size(), 2 * kConnections + 1);
    for (const Pair& pair : pairs) {
      ASSERT_EQ(cookies.count(pair.server.cookie()), 1u);
      ASSERT_EQ(cookies.count(pair.client.cookie()), 1u);
    }
  }
  int pieces = 0;
  EXPECT_TRUE(observer().source().dump_sockets([&](std::span<const std::byte>) {
    ++pieces;
    return false;
  }));
  EXPECT_EQ(pieces, 1) << "it was told to stop";
}

}  // namespace
}  // namespace wsbpf::kernel_test
