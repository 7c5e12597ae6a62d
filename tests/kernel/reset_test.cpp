// Resets: those that are sent, with the kernel's reason, and those that arrive.
#include <cerrno>
#include <map>

#include "harness.h"
#include "source/bpf_features.h"
#include "source/kernel_clock.h"

namespace wsbpf::kernel_test {
namespace {

class Reset : public KernelTest {
 protected:
  wsbpf_reset wait_for_reset(wsbpf_reset_direction direction, uint64_t cookie) {
    return observer().wait_for_match<wsbpf_reset>([&](const wsbpf_reset& record) {
      return record.header.cookie == cookie && record.direction == direction;
    });
  }

  // Before 6.10 the kernel does not say.
  static void expect_reason(const wsbpf_reset& record, std::string_view name) {
    const std::map<int, std::string> reasons = reset_reasons();
    if (reasons.empty()) {
      EXPECT_EQ(record.reason, -1);
    } else {
      ASSERT_TRUE(reasons.contains(record.reason)) << record.reason;
      EXPECT_EQ(reasons.at(record.reason), name);
    }
  }

  std::vector<wsbpf_reset> resets_of(uint64_t cookie) {
    catch_up();
    return observer().all<wsbpf_reset>(cookie);
  }
};

TEST_F(Reset, SentByAnAbort) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.client.cookie();
  const uint64_t before_ns = boot_time_ns();
  pair.client.abort();
  const uint64_t after_ns = boot_time_ns();

  const auto record = wait_for_reset(WSBPF_RESET_SENT, cookie);
  EXPECT_EQ(record.header.type, WSBPF_RECORD_RESET);
  EXPECT_EQ(record.header.family, AF_INET);
  EXPECT_EQ(record.header.netns, netns());
  EXPECT_GE(record.header.time_ns, before_ns);
  EXPECT_LE(record.header.time_ns, after_ns);
  EXPECT_EQ(state_of(record.header), TcpState::kClose) << "the state changes first";
  expect_reason(record, "tcp_state");
  EXPECT_EQ(resets_of(cookie).size(), 1u);
}

TEST_F(Reset, SentByACloseWithDataUnread) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const Endpoint local = pair.server.local(), remote = pair.server.remote();
  pair.client.send(10);
  ASSERT_TRUE(eventually([&] { return pair.server.info().tcpi_bytes_received == 10; }));
  pair.server.close();

  const auto record = wait_for_reset(WSBPF_RESET_SENT, cookie);
  expect_endpoints(record.endpoints, local, remote);
  expect_reason(record, "tcp_abort_on_close");
}

TEST_F(Reset, ReceivedWhileEstablished) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const Endpoint local = pair.server.local(), remote = pair.server.remote();
  const uint64_t before_ns = boot_time_ns();
  pair.client.abort();
  ASSERT_EQ(pair.server.receive_error(), ECONNRESET);
  const uint64_t after_ns = boot_time_ns();

  const auto record = wait_for_reset(WSBPF_RESET_RECEIVED, cookie);
  EXPECT_EQ(record.header.type, WSBPF_RECORD_RESET);
  EXPECT_EQ(state_of(record.header), TcpState::kEstablished) << "the state changes afterwards";
  EXPECT_EQ(record.header.netns, netns());
  EXPECT_GE(record.header.time_ns, before_ns);
  EXPECT_LE(record.header.time_ns, after_ns);
  expect_endpoints(record.endpoints, local, remote);
  EXPECT_EQ(record.reason, -1);
  EXPECT_EQ(resets_of(cookie).size(), 1u);
}

TEST_F(Reset, ReceivedOverIPv6) {
  const Socket listener = watched_listener(ipv6, kSecondLoopback6);
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  const Endpoint local = pair.server.local(), remote = pair.server.remote();
  pair.client.abort();
  const auto record = wait_for_reset(WSBPF_RESET_RECEIVED, cookie);
  EXPECT_EQ(record.header.family, AF_INET6);
  expect_endpoints(record.endpoints, local, remote);
}

TEST_F(Reset, ReceivedByAConnectThatWasRefused) {
  const uint16_t port = free_port();
  watch_both(port);
  Socket client;
  ASSERT_EQ(client.connect(ipv4("127.0.0.1", port)), ECONNREFUSED);
  const auto record = wait_for_reset(WSBPF_RESET_RECEIVED, client.cookie());
  EXPECT_EQ(state_of(record.header), TcpState::kSynSent);
  EXPECT_EQ(record.endpoints.remote_port, port);
}

// Data for a connection of which only a timewait socket is left: that has no cookie.
TEST_F(Reset, SentForDataAfterTheClose) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t client = pair.client.cookie();
  const uint64_t server = pair.server.cookie();
  const Endpoint local = pair.server.local(), remote = pair.server.remote();
  pair.server.close();
  ASSERT_TRUE(pair.client.receives_end());
  pair.client.acknowledge();
  observer().wait_for<wsbpf_destroyed>(server);
  pair.client.send(1);

  const auto record = wait_for_reset(WSBPF_RESET_SENT, 0);
  EXPECT_EQ(state_of(record.header), TcpState::kTimeWait);
  EXPECT_EQ(record.header.family, AF_INET);
  EXPECT_EQ(record.header.netns, netns());
  expect_endpoints(record.endpoints, local, remote);
  expect_reason(record, "tcp_timewait_socket");

  const auto received = wait_for_reset(WSBPF_RESET_RECEIVED, client);
  EXPECT_EQ(state_of(received.header), TcpState::kCloseWait);
}

// The kernel reports what it does to itself as a reset received, although none has arrived.
TEST_F(Reset, SentForDataAfterAShutdownLooksReceivedFirst) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.server.shutdown(SHUT_RDWR);
  ASSERT_TRUE(pair.client.receives_end());
  pair.client.acknowledge();
  pair.client.send(1);

  const auto closed = observer().wait_for<wsbpf_closed>(cookie);
  EXPECT_EQ(closed.error, ECONNRESET);
  expect_nobody(closed.closer);
  const auto resets = resets_of(cookie);
  ASSERT_EQ(resets.size(), 2u);
  EXPECT_EQ(resets[0].direction, static_cast<uint32_t>(WSBPF_RESET_RECEIVED));
  EXPECT_EQ(state_of(resets[0].header), TcpState::kFinWait2);
  EXPECT_EQ(resets[1].direction, static_cast<uint32_t>(WSBPF_RESET_SENT));
  EXPECT_EQ(state_of(resets[1].header), TcpState::kClose);
  expect_reason(resets[1], "tcp_abort_on_data");
}

TEST_F(Reset, SentToWhatWasNeverAccepted) {
  Socket listener = watched_listener();
  const Socket client = connect_to(listener.local());
  const auto child = observer().wait_for_match<wsbpf_opened>(
      [&](const wsbpf_opened& record) { return record.endpoints.remote_port == client.port(); });
  listener.close();
  expect_reason(wait_for_reset(WSBPF_RESET_SENT, child.header.cookie), "tcp_state");
}

TEST_F(Reset, NoneInAnOrderlyClose) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.client.shutdown(SHUT_WR);
  ASSERT_TRUE(pair.server.receives_end());
  pair.server.shutdown(SHUT_WR);
  ASSERT_TRUE(pair.client.receives_end());
  EXPECT_TRUE(resets_of(pair.server.cookie()).empty());
  EXPECT_TRUE(resets_of(pair.client.cookie()).empty());
  EXPECT_TRUE(resets_of(0).empty());
}

// A segment for a port where nobody is belongs to no socket, and is not watched.
TEST_F(Reset, NoneFromAPortWithoutASocket) {
  const uint16_t port = free_port();
  watch(port_set({port}));
  Socket client;
  ASSERT_EQ(client.connect(ipv4("127.0.0.1", port)), ECONNREFUSED);
  EXPECT_TRUE(resets_of(0).empty());
}

}  // namespace
}  // namespace wsbpf::kernel_test
