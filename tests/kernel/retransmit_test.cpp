// Segments sent again, because a peer does not answer.
#include <fcntl.h>
#include <netinet/in.h>

#include <cerrno>

#include "harness.h"
#include "source/kernel_clock.h"

namespace wsbpf::kernel_test {
namespace {

using Retransmit = KernelTest;

TEST_F(Retransmit, TellsOfNoProgressWhileThePeerIsSilentAndOfSomeAfterIt) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const uint64_t before_ns = boot_time_ns();
  pair.client.drop_input();
  pair.server.send(100);
  const auto third = observer().wait_for_match<wsbpf_retransmit>(
      [&](const auto& record) { return record.header.cookie == cookie && record.total >= 3; });
  const uint64_t after_ns = boot_time_ns();
  EXPECT_EQ(third.header.type, WSBPF_RECORD_RETRANSMIT);
  EXPECT_EQ(state_of(third.header), TcpState::kEstablished);
  EXPECT_EQ(third.header.family, AF_INET);
  EXPECT_EQ(third.header.netns, netns());
  EXPECT_GE(third.timeouts, 1u);

  const auto first = observer().all<wsbpf_retransmit>(cookie);
  ASSERT_GE(first.size(), 2u);
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_GE(first[i].header.time_ns, before_ns);
    EXPECT_LE(first[i].header.time_ns, after_ns);
    EXPECT_EQ(first[i].bytes, 100u) << "of this segment";
    EXPECT_LT(first[i].bytes, first[i].mss_bytes);
    EXPECT_GT(first[i].rto_ms, 0u);
    EXPECT_LE(first[i].heard_ms_ago, (after_ns - before_ns) / 1'000'000 + 20);
    if (i == 0) continue;
    EXPECT_GT(first[i].total, first[i - 1].total);
    EXPECT_EQ(first[i].unacked_from, first[0].unacked_from);
    EXPECT_GE(first[i].timeouts, first[i - 1].timeouts);
    EXPECT_GE(first[i].heard_ms_ago, first[i - 1].heard_ms_ago) << "nothing was heard between";
  }

  pair.client.restore_input();
  pair.client.receive(100);
  pair.client.acknowledge();
  ASSERT_TRUE(eventually([&] { return pair.server.info().tcpi_unacked == 0; }));
  const uint32_t total = pair.server.info().tcpi_total_retrans;
  pair.client.drop_input();
  pair.server.send(100);
  const auto again = observer().wait_for_match<wsbpf_retransmit>(
      [&](const auto& record) { return record.header.cookie == cookie && record.total > total; });
  EXPECT_EQ(again.unacked_from - first[0].unacked_from, 100u) << "there was progress between";
  EXPECT_LT(again.timeouts, third.timeouts);
  EXPECT_GE(pair.server.info().tcpi_total_retrans, again.total);
}

// What only large segments suffer from.
TEST_F(Retransmit, OfAFullSegmentIsAsLargeAsASegmentMayBe) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const uint32_t mss = pair.server.info().tcpi_snd_mss;
  pair.client.drop_input();
  pair.server.send(mss);
  const auto record = observer().wait_for<wsbpf_retransmit>(cookie);
  EXPECT_EQ(record.mss_bytes, mss);
  EXPECT_GE(record.bytes, record.mss_bytes);
}

TEST_F(Retransmit, OfAFinNobodyAnswers) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.drop_input();
  pair.server.close();
  const auto record = observer().wait_for<wsbpf_retransmit>(cookie);
  EXPECT_EQ(state_of(record.header), TcpState::kFinWait1);
}

TEST_F(Retransmit, OfAConnectNobodyAnswers) {
  Socket listener = watched_listener();
  listener.drop_input();
  Socket client;
  ASSERT_EQ(fcntl(client.fd(), F_SETFL, O_NONBLOCK), 0);
  ASSERT_EQ(client.connect(listener.local()), EINPROGRESS);
  const auto record = observer().wait_for<wsbpf_retransmit>(client.cookie());
  EXPECT_EQ(state_of(record.header), TcpState::kSynSent);
  EXPECT_GE(record.total, 1u);
}

TEST_F(Retransmit, OverIPv6) {
  const Socket listener = watched_listener(ipv6, "::1");
  Pair pair = connect_pair(listener);
  pair.client.drop_input();
  pair.server.send(1);
  const auto record = observer().wait_for<wsbpf_retransmit>(pair.server.cookie());
  EXPECT_EQ(record.header.family, AF_INET6);
}

TEST_F(Retransmit, NeverWhileThePeerAnswers) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  for (int round = 0; round < 50; ++round) {
    pair.server.send(1000);
    pair.client.receive(1000);
    pair.client.send(10);
    pair.server.receive(10);
  }
  catch_up();
  // A slow machine may send again what was only late: the kernel's own count is what must agree.
  EXPECT_LE(observer().all<wsbpf_retransmit>(pair.server.cookie()).size(),
            pair.server.info().tcpi_total_retrans);
  EXPECT_LE(observer().all<wsbpf_retransmit>(pair.client.cookie()).size(),
            pair.client.info().tcpi_total_retrans);
}

}  // namespace
}  // namespace wsbpf::kernel_test
