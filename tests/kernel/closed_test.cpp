// Entry into CLOSE: the last look at addresses, counters and the error.
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "harness.h"
#include "source/kernel_clock.h"

namespace wsbpf::kernel_test {
namespace {

constexpr uint64_t kSyn = 1;  // each takes a sequence number, and is counted as a byte
constexpr uint64_t kFin = 1;

class Closed : public KernelTest {
 protected:
  // Sends and reads both ways until both sides have had everything acknowledged.
  static void exchange(Pair& pair, size_t to_server, size_t to_client) {
    pair.client.send(to_server);
    pair.server.receive(to_server);
    pair.server.send(to_client);
    pair.client.receive(to_client);
    pair.client.acknowledge();
    ASSERT_TRUE(eventually([&] {
      return pair.client.info().tcpi_unacked == 0 && pair.server.info().tcpi_unacked == 0;
    }));
  }

  wsbpf_closed closed_from(uint64_t cookie, TcpState state) {
    const auto record = observer().wait_for<wsbpf_closed>(cookie);
    EXPECT_EQ(state_of(record.header), TcpState::kClose);
    EXPECT_EQ(old_state_of(record.header), state);
    EXPECT_EQ(record.header.netns, netns());
    return record;
  }
};

void expect_traffic(const wsbpf_counters& counters, uint64_t received, uint64_t acked) {
  EXPECT_EQ(counters.bytes_received, received);
  EXPECT_EQ(counters.bytes_acked, acked);
}

void expect_nothing_pending(const wsbpf_counters& counters) {
  EXPECT_EQ(counters.unread_bytes, 0u);
  EXPECT_EQ(counters.unacked_bytes, 0u);
  EXPECT_EQ(counters.unsent_bytes, 0u);
  EXPECT_EQ(counters.retransmits, 0u);
}

TEST_F(Closed, AfterThePeerFinishedFirst) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const Endpoint local = pair.server.local(), remote = pair.server.remote();
  exchange(pair, 1000, 3000);
  const uint64_t before_ns = boot_time_ns();
  pair.client.shutdown(SHUT_WR);
  ASSERT_TRUE(pair.server.receives_end());
  pair.server.close();
  ASSERT_TRUE(pair.client.receives_end());

  const auto record = closed_from(cookie, TcpState::kLastAck);
  const uint64_t after_ns = boot_time_ns();
  EXPECT_EQ(record.header.type, WSBPF_RECORD_CLOSED);
  EXPECT_EQ(record.header.family, AF_INET);
  EXPECT_GE(record.header.time_ns, before_ns);
  EXPECT_LE(record.header.time_ns, after_ns);
  expect_endpoints(record.endpoints, local, remote);
  expect_nobody(record.closer);
  expect_traffic(record.counters, 1000 + kFin, 3000 + kFin);
  expect_nothing_pending(record.counters);
  EXPECT_GT(record.counters.srtt_us, 0u);
  EXPECT_EQ(record.error, 0);
}

TEST_F(Closed, AfterClosingFirst) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.client.cookie();
  const Endpoint local = pair.client.local(), remote = pair.client.remote();
  exchange(pair, 1000, 3000);
  pair.client.close();
  ASSERT_TRUE(pair.server.receives_end());
  pair.server.acknowledge();

  // A timewait socket takes over as soon as our FIN is acknowledged; the peer's has not come.
  const auto record = closed_from(cookie, TcpState::kFinWait2);
  expect_endpoints(record.endpoints, local, remote);
  expect_nobody(record.closer);
  expect_traffic(record.counters, 3000, 1000 + kSyn + kFin);
  expect_nothing_pending(record.counters);
  EXPECT_EQ(record.error, 0);
}

TEST_F(Closed, AfterShuttingDownFirst) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  exchange(pair, 1000, 3000);
  pair.server.shutdown(SHUT_WR);
  ASSERT_TRUE(pair.client.receives_end());
  pair.client.acknowledge();
  pair.client.close();

  // The descriptor is still open, so that the kernel's full socket lives to see the peer's FIN.
  const auto record = closed_from(cookie, TcpState::kFinWait2);
  expect_nobody(record.closer);
  expect_traffic(record.counters, 1000 + kFin, 3000 + kFin);
  EXPECT_EQ(record.counters.unread_bytes, kFin);
  EXPECT_EQ(record.error, 0);
}

TEST_F(Closed, OverIPv6) {
  const Socket listener = watched_listener(ipv6, kSecondLoopback6);
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const Endpoint local = pair.server.local(), remote = pair.server.remote();
  pair.client.abort();
  const auto record = closed_from(cookie, TcpState::kEstablished);
  EXPECT_EQ(record.header.family, AF_INET6);
  expect_endpoints(record.endpoints, local, remote);
}

TEST_F(Closed, ByItsOwnerWithDataUnread) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const Endpoint local = pair.server.local(), remote = pair.server.remote();
  pair.client.send(700);
  pair.server.receive(200);
  Child child([&] {
    pair.server.close();
    wait_to_be_killed();
  });
  pair.server.close();
  child.go();

  const auto record = closed_from(cookie, TcpState::kEstablished);
  expect_endpoints(record.endpoints, local, remote);
  EXPECT_EQ(record.closer.pid, child.pid());
  EXPECT_EQ(record.closer.exiting, 0u);
  EXPECT_EQ(record.counters.bytes_received, 700u);
  EXPECT_EQ(record.counters.unread_bytes, 500u);
  EXPECT_EQ(record.error, 0);
}

TEST_F(Closed, ByItsOwnersExitWithDataUnread) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.send(700);
  ASSERT_TRUE(eventually([&] { return pair.server.info().tcpi_bytes_received == 700; }));
  Child child([] { _exit(3); });
  pair.server.close();
  const uint32_t pid = child.pid();
  child.go();

  const auto record = closed_from(cookie, TcpState::kEstablished);
  EXPECT_EQ(record.closer.pid, pid);
  EXPECT_EQ(record.closer.exiting, 1u);
  EXPECT_EQ(record.closer.exit_code, 3 << 8);
  EXPECT_EQ(record.counters.unread_bytes, 700u);
}

TEST_F(Closed, ByAnAbortWithItsEvidenceStillThere) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.client.cookie();
  const Endpoint local = pair.client.local(), remote = pair.client.remote();
  exchange(pair, 1000, 3000);
  pair.client.abort();

  const auto record = closed_from(cookie, TcpState::kEstablished);
  expect_endpoints(record.endpoints, local, remote);
  EXPECT_EQ(record.closer.pid, own_pid());
  EXPECT_EQ(record.closer.exiting, 0u);
  expect_traffic(record.counters, 3000, 1000 + kSyn);
  expect_nothing_pending(record.counters);
  EXPECT_EQ(record.error, 0) << "nothing went wrong: the application wanted it";
}

TEST_F(Closed, ByAnAbortInCloseWait) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.shutdown(SHUT_WR);
  ASSERT_TRUE(eventually([&] { return pair.server.state() == TcpState::kCloseWait; }));
  pair.server.abort();

  const auto record = closed_from(cookie, TcpState::kCloseWait);
  EXPECT_EQ(record.closer.pid, own_pid());
  EXPECT_EQ(record.counters.unread_bytes, kFin) << "the end of the stream was not read";
  EXPECT_EQ(record.error, 0);
}

TEST_F(Closed, ByThePeersReset) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const Endpoint local = pair.server.local(), remote = pair.server.remote();
  exchange(pair, 1000, 3000);
  pair.client.send(10);
  ASSERT_TRUE(eventually([&] { return pair.server.info().tcpi_bytes_received == 1010; }));
  pair.client.abort();

  const auto record = closed_from(cookie, TcpState::kEstablished);
  expect_endpoints(record.endpoints, local, remote);
  expect_nobody(record.closer);
  expect_traffic(record.counters, 1010, 3000);
  EXPECT_EQ(record.counters.unread_bytes, 10u);
  EXPECT_EQ(record.error, ECONNRESET);
}

TEST_F(Closed, ByThePeersResetInCloseWait) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.shutdown(SHUT_WR);
  ASSERT_TRUE(pair.server.receives_end());
  pair.server.acknowledge();
  pair.client.close();  // a timewait socket is left
  pair.server.send(1);  // which answers with a reset

  const auto record = closed_from(cookie, TcpState::kCloseWait);
  expect_nobody(record.closer);
  EXPECT_EQ(record.error, EPIPE);
}

TEST_F(Closed, ByAResetThatFindsAShutDownReceiver) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.server.shutdown(SHUT_RD);
  pair.client.abort();

  const auto record = closed_from(cookie, TcpState::kEstablished);
  expect_nobody(record.closer);
  EXPECT_EQ(record.error, ECONNRESET);
}

TEST_F(Closed, ARefusedConnect) {
  const uint16_t port = free_port();
  watch_both(port);
  Socket client;
  ASSERT_EQ(client.connect(ipv4("127.0.0.1", port)), ECONNREFUSED);

  const auto record = closed_from(client.cookie(), TcpState::kSynSent);
  expect_nobody(record.closer);
  EXPECT_EQ(record.endpoints.remote_port, port);
  EXPECT_NE(record.endpoints.local_port, 0);
  expect_traffic(record.counters, 0, 0);
  EXPECT_EQ(record.error, ECONNREFUSED);
}

TEST_F(Closed, AConnectThatWasGivenUp) {
  Socket listener = watched_listener();
  listener.drop_input();
  Socket client;
  const uint64_t cookie = client.cookie();
  ASSERT_EQ(fcntl(client.fd(), F_SETFL, O_NONBLOCK), 0);
  ASSERT_EQ(client.connect(listener.local()), EINPROGRESS);
  client.close();

  const auto record = closed_from(cookie, TcpState::kSynSent);
  EXPECT_EQ(record.closer.pid, own_pid());
  EXPECT_EQ(record.error, 0);
}

TEST_F(Closed, ByATimeoutWithWhatWasNotAcknowledged) {
  const Socket listener = watched_listener();
  std::optional<wsbpf_closed> record;
  for (int attempt = 0; attempt < kTimerAttempts && !record; ++attempt) {
    Pair pair = connect_pair(listener);
    exchange(pair, 1000, 3000);
    pair.server.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 300);
    pair.client.drop_input();
    pair.server.send(50);
    ASSERT_EQ(pair.server.receive_error(), ETIMEDOUT);
    catch_up();
    record = observer().find<wsbpf_closed>(pair.server.cookie());
  }
  ASSERT_TRUE(record);
  EXPECT_EQ(old_state_of(record->header), TcpState::kEstablished);
  expect_nobody(record->closer);
  expect_traffic(record->counters, 1000, 3000);
  EXPECT_EQ(record->counters.unacked_bytes, 50u);
  EXPECT_EQ(record->counters.unsent_bytes, 0u);
  EXPECT_GT(record->counters.retransmits, 0u);
  EXPECT_EQ(record->error, ETIMEDOUT);
}

// More than a deaf peer's window takes: a part is under way, the rest waits.
TEST_F(Closed, WithUnsentBytes) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.drop_input();
  ASSERT_EQ(fcntl(pair.server.fd(), F_SETFL, O_NONBLOCK), 0);
  const std::vector<char> data(1 << 20);
  ASSERT_GT(send(pair.server.fd(), data.data(), data.size(), MSG_NOSIGNAL), 0);
  int queued = 0;
  ASSERT_EQ(ioctl(pair.server.fd(), SIOCOUTQ, &queued), 0);
  pair.server.abort();

  const auto record = closed_from(cookie, TcpState::kEstablished);
  EXPECT_EQ(record.counters.unacked_bytes + record.counters.unsent_bytes,
            static_cast<uint32_t>(queued));
  EXPECT_GT(record.counters.unacked_bytes, 0u);
  EXPECT_GT(record.counters.unsent_bytes, 0u);
}

TEST_F(Closed, WithTheTimeSinceTheLastData) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const uint64_t before_ns = boot_time_ns();
  exchange(pair, 10, 10);
  constexpr uint32_t kSilence_ms = 200;
  ASSERT_TRUE(eventually([&] {
    const tcp_info info = pair.server.info();
    return std::min(info.tcpi_last_data_sent, info.tcpi_last_data_recv) >= kSilence_ms;
  }));
  pair.client.shutdown(SHUT_WR);  // a FIN is no data
  ASSERT_TRUE(pair.server.receives_end());
  pair.client.abort();
  pair.server.abort();

  const auto record = closed_from(cookie, TcpState::kCloseWait);
  const uint64_t at_most_ms = (boot_time_ns() - before_ns) / 1'000'000 + 20;
  for (const uint32_t silence_ms : {record.counters.received_ms_ago, record.counters.sent_ms_ago}) {
    EXPECT_GE(silence_ms, kSilence_ms);
    EXPECT_LE(silence_ms, at_most_ms);
  }
  EXPECT_LE(record.counters.heard_ms_ago, at_most_ms);
}

TEST_F(Closed, AListenerAndWhatItHadNotAccepted) {
  Socket listener = watched_listener();
  const Socket client = connect_to(listener.local());
  const uint64_t cookie = listener.cookie();
  const auto child = observer().wait_for_match<wsbpf_opened>(
      [&](const wsbpf_opened& record) { return record.endpoints.remote_port == client.port(); });
  listener.close();

  const auto record = closed_from(cookie, TcpState::kListen);
  EXPECT_EQ(record.closer.pid, own_pid());
  EXPECT_EQ(record.error, 0);
  const auto forgotten = closed_from(child.header.cookie, TcpState::kEstablished);
  EXPECT_EQ(forgotten.closer.pid, own_pid()) << "whoever closed the listener";
  EXPECT_EQ(forgotten.counters.flags & WSBPF_SOCK_SEND_SHUTDOWN, 0u) << "nobody could shut it down";
}

}  // namespace
}  // namespace wsbpf::kernel_test
