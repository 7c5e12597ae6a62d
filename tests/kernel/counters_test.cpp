// What the counters say of a peer that is slow, deaf or gone, as the iterator shows it.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "harness.h"

namespace wsbpf::kernel_test {
namespace {

class CountersNow : public KernelTest {
 protected:
  wsbpf_counters now(const Socket& socket) {
    const auto found = records_of<wsbpf_socket>(observer().dump_sockets(), socket.cookie());
    if (found.size() != 1) throw std::runtime_error("the socket was not seen once");
    return found[0].counters;
  }

  // Sends until nothing more fits in.
  static void fill(const Socket& socket) {
    ASSERT_EQ(fcntl(socket.fd(), F_SETFL, O_NONBLOCK), 0);
    const std::vector<char> data(1 << 16);
    while (::send(socket.fd(), data.data(), data.size(), MSG_NOSIGNAL) > 0) {
    }
    ASSERT_EQ(errno, EAGAIN);
  }
};

TEST_F(CountersNow, AClosedWindowIsTimedFromItsFirstProbe) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  EXPECT_EQ(now(pair.server).zero_window_ms, 0u);
  fill(pair.server);  // and nobody reads
  ASSERT_TRUE(eventually([&] { return now(pair.server).zero_window_ms >= 300; }));
  const wsbpf_counters closed = now(pair.server);
  EXPECT_EQ(closed.unacked_bytes, 0u) << "all that fits in was acknowledged";
  EXPECT_GT(closed.unsent_bytes, 0u);
  EXPECT_EQ(closed.timeouts, 0u);

  std::vector<char> data(1 << 16);
  ASSERT_EQ(fcntl(pair.client.fd(), F_SETFL, O_NONBLOCK), 0);
  ASSERT_TRUE(eventually([&] {
    while (recv(pair.client.fd(), data.data(), data.size(), 0) > 0) {
    }
    return now(pair.server).zero_window_ms == 0;
  })) << "once the window is open";
}

TEST_F(CountersNow, AUserTimeoutIsTheOneThatWasSet) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  EXPECT_EQ(now(pair.server).user_timeout_ms, 0u);
  pair.server.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 12'345);
  EXPECT_EQ(now(pair.server).user_timeout_ms, 12'345u);
}

TEST_F(CountersNow, KeepaliveIsAFlag) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  EXPECT_FALSE(now(pair.server).flags & WSBPF_SOCK_KEEPALIVE);
  pair.server.set(SOL_SOCKET, SO_KEEPALIVE, 1);
  EXPECT_TRUE(now(pair.server).flags & WSBPF_SOCK_KEEPALIVE);
  EXPECT_FALSE(now(pair.client).flags & WSBPF_SOCK_KEEPALIVE);
}

TEST_F(CountersNow, ProbesThatNobodyAnswersAreCounted) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.server.set(IPPROTO_TCP, TCP_KEEPIDLE, 1);
  pair.server.set(IPPROTO_TCP, TCP_KEEPINTVL, 1);
  pair.server.set(IPPROTO_TCP, TCP_KEEPCNT, 20);
  pair.server.set(SOL_SOCKET, SO_KEEPALIVE, 1);
  EXPECT_EQ(now(pair.server).probes, 0u);
  pair.client.drop_input();
  ASSERT_TRUE(eventually([&] { return now(pair.server).probes >= 2; }));
  const wsbpf_counters probing = now(pair.server);
  EXPECT_EQ(probing.unacked_bytes, 0u);
  EXPECT_GE(probing.heard_ms_ago, 1'500u);

  pair.client.restore_input();
  ASSERT_TRUE(eventually([&] { return now(pair.server).probes == 0; }));
  EXPECT_LT(now(pair.server).heard_ms_ago, 1'500u) << "an answer to a probe is heard";
}

TEST_F(CountersNow, TimeoutsInARowAreCountedUntilThereIsProgress) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.client.drop_input();
  pair.server.send(100);
  ASSERT_TRUE(eventually([&] { return now(pair.server).timeouts >= 2; }));
  const wsbpf_counters deaf = now(pair.server);
  EXPECT_EQ(deaf.unacked_bytes, 100u);
  EXPECT_GE(deaf.retransmits, 2u);
  pair.client.restore_input();
  ASSERT_TRUE(eventually([&] { return now(pair.server).timeouts == 0; }));
  EXPECT_EQ(now(pair.server).unacked_bytes, 0u);
}

TEST_F(CountersNow, TheSegmentSizeIsThatOfTcpInfo) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.server.send(10);
  EXPECT_EQ(now(pair.server).mss_bytes, pair.server.info().tcpi_snd_mss);
  EXPECT_GT(now(pair.server).mss_bytes, 1000u);
}

TEST_F(CountersNow, ShutdownsAndThePeersFinAreFlags) {
  constexpr uint32_t kShutdowns = WSBPF_SOCK_RCV_SHUTDOWN | WSBPF_SOCK_SEND_SHUTDOWN;
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  EXPECT_EQ(now(pair.server).flags & (kShutdowns | WSBPF_SOCK_DONE | WSBPF_SOCK_DEAD), 0u);
  pair.server.shutdown(SHUT_WR);
  EXPECT_EQ(now(pair.server).flags & kShutdowns, uint32_t{WSBPF_SOCK_SEND_SHUTDOWN});
  ASSERT_TRUE(pair.client.receives_end());
  EXPECT_EQ(now(pair.client).flags & (kShutdowns | WSBPF_SOCK_DONE),
            uint32_t{WSBPF_SOCK_RCV_SHUTDOWN | WSBPF_SOCK_DONE});
}

// The segments behind a gap that were acknowledged selectively show that not all are lost.
TEST_F(CountersNow, SegmentsBehindAGapAreAFlag) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint32_t mss = pair.server.info().tcpi_snd_mss;
  pair.client.drop_input_above(mss / 2);
  pair.server.send(mss);  // lost
  EXPECT_FALSE(now(pair.server).flags & WSBPF_SOCK_SACKED);
  pair.server.set(IPPROTO_TCP, TCP_NODELAY, 1);
  pair.server.send(10);
  ASSERT_TRUE(eventually([&] { return now(pair.server).flags & WSBPF_SOCK_SACKED; }));
  pair.client.restore_input();
  ASSERT_TRUE(eventually([&] { return now(pair.server).unacked_bytes == 0; }));
  EXPECT_FALSE(now(pair.server).flags & WSBPF_SOCK_SACKED);
}

}  // namespace
}  // namespace wsbpf::kernel_test
