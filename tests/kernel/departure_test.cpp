// Leaving ESTABLISHED: how things stood when the end began.
#include <netinet/in.h>

#include <cerrno>

#include "harness.h"
#include "source/kernel_clock.h"

namespace wsbpf::kernel_test {
namespace {

constexpr uint64_t kSyn = 1;  // each takes a sequence number, and is counted as a byte
constexpr uint64_t kFin = 1;
constexpr uint32_t kTolerance_ms = 20;  // two jiffies at 100 Hz

class Departure : public KernelTest {
 protected:
  static void wait_until_idle(const Socket& socket, uint32_t silence_ms) {
    ASSERT_TRUE(eventually([&] {
      const tcp_info info = socket.info();
      return std::min(info.tcpi_last_data_sent, info.tcpi_last_data_recv) >= silence_ms;
    }));
  }

  wsbpf_left left_for(uint64_t cookie, TcpState state) {
    const auto record = observer().wait_for<wsbpf_left>(cookie, state);
    EXPECT_EQ(record.header.type, WSBPF_RECORD_LEFT);
    EXPECT_EQ(old_state_of(record.header), TcpState::kEstablished);
    EXPECT_EQ(record.header.netns, netns());
    return record;
  }
};

TEST_F(Departure, ByThePeersFinWithEverythingRead) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.client.send(1000);
  pair.server.receive(1000);
  pair.server.send(3000);
  pair.client.receive(3000);
  pair.client.acknowledge();
  ASSERT_TRUE(eventually([&] { return pair.server.info().tcpi_unacked == 0; }));
  pair.client.shutdown(SHUT_WR);

  const auto record = left_for(pair.server.cookie(), TcpState::kCloseWait);
  expect_nobody(record.closer);
  EXPECT_EQ(record.counters.bytes_received, 1000 + kFin);
  EXPECT_EQ(record.counters.bytes_acked, 3000u);
  EXPECT_EQ(record.counters.unread_bytes, kFin);
  EXPECT_EQ(record.counters.unacked_bytes, 0u);
  EXPECT_EQ(record.counters.unsent_bytes, 0u);
  EXPECT_TRUE(record.counters.flags & WSBPF_SOCK_DONE) << "the FIN counts as unread";
  EXPECT_FALSE(record.counters.flags & WSBPF_SOCK_DEAD);
  EXPECT_FALSE(record.counters.flags & WSBPF_SOCK_SEND_SHUTDOWN);
  EXPECT_EQ(record.counters.mss_bytes, pair.server.info().tcpi_snd_mss);
  EXPECT_EQ(record.counters.zero_window_ms, 0u);
  EXPECT_EQ(record.counters.user_timeout_ms, 0u);
}

// Its age tells how long the application has been stalled.
TEST_F(Departure, ByThePeersFinWithDataUnreadAndTheTimeSinceItCame) {
  constexpr uint32_t kStall_ms = 200;
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t before_ns = boot_time_ns();
  pair.client.send(700);
  ASSERT_TRUE(eventually([&] { return pair.server.info().tcpi_bytes_received == 700; }));
  wait_until_idle(pair.server, kStall_ms);
  pair.client.shutdown(SHUT_WR);

  const auto record = left_for(pair.server.cookie(), TcpState::kCloseWait);
  const uint64_t at_most_ms = (boot_time_ns() - before_ns) / 1'000'000 + kTolerance_ms;
  EXPECT_EQ(record.counters.unread_bytes, 700 + kFin);
  EXPECT_GE(record.counters.received_ms_ago, kStall_ms) << "the FIN is no data";
  EXPECT_LE(record.counters.received_ms_ago, at_most_ms);
  EXPECT_LT(record.counters.heard_ms_ago, kStall_ms) << "but it has been heard";
}

TEST_F(Departure, ByOurOwnFinBeforeItIsSent) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.client.send(1000);
  pair.server.receive(1000);
  ASSERT_TRUE(eventually([&] { return pair.client.info().tcpi_unacked == 0; }));
  pair.client.shutdown(SHUT_WR);

  const auto record = left_for(pair.client.cookie(), TcpState::kFinWait1);
  EXPECT_EQ(record.closer.pid, own_pid());
  EXPECT_EQ(record.closer.exiting, 0u);
  EXPECT_EQ(record.counters.bytes_received, 0u);
  EXPECT_EQ(record.counters.bytes_acked, 1000 + kSyn);
  EXPECT_EQ(record.counters.unread_bytes, 0u);
  EXPECT_FALSE(record.counters.flags & WSBPF_SOCK_DONE);
}

TEST_F(Departure, ByOurOwnFinWithDataUnderWay) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.drop_input();
  pair.server.send(500);
  pair.server.close();
  const auto record = left_for(cookie, TcpState::kFinWait1);
  EXPECT_EQ(record.counters.unacked_bytes, 500u);
}

TEST_F(Departure, OverIPv6) {
  const Socket listener = watched_listener(ipv6, "::1");
  Pair pair = connect_pair(listener);
  pair.client.send(10);
  pair.server.receive(10);
  pair.client.shutdown(SHUT_WR);
  const auto record = left_for(pair.server.cookie(), TcpState::kCloseWait);
  EXPECT_EQ(record.header.family, AF_INET6);
  EXPECT_EQ(record.counters.bytes_received, 10 + kFin);
}

TEST_F(Departure, NoneWhereItLeavesForClose) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t client = pair.client.cookie();
  pair.client.abort();
  observer().wait_for<wsbpf_closed>(pair.server.cookie());
  catch_up();
  EXPECT_TRUE(observer().all<wsbpf_left>(client).empty());
  EXPECT_TRUE(observer().all<wsbpf_left>(pair.server.cookie()).empty());
}

}  // namespace
}  // namespace wsbpf::kernel_test
