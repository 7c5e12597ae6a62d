// The end of the socket: after CLOSE, and not before the application has let go of it.
#include <cerrno>
#include <csignal>

#include "harness.h"

namespace wsbpf::kernel_test {
namespace {

class Destroyed : public KernelTest {
 protected:
  // Types of the socket's records, in order.
  std::vector<int> types_of(uint64_t cookie) {
    std::vector<int> types;
    for (const Event& event : observer().events_of(cookie)) {
      types.push_back(header_of(event).type);
    }
    return types;
  }

  void expect_last(uint64_t cookie) {
    const auto destroyed = observer().wait_for<wsbpf_destroyed>(cookie);
    EXPECT_EQ(state_of(destroyed.header), TcpState::kClose);
    EXPECT_EQ(destroyed.header.netns, netns());
    const auto closed = observer().all<wsbpf_closed>(cookie);
    ASSERT_EQ(closed.size(), 1u);
    EXPECT_GE(destroyed.header.time_ns, closed[0].header.time_ns);
    EXPECT_EQ(types_of(cookie).back(), WSBPF_RECORD_DESTROYED);
    EXPECT_EQ(observer().all<wsbpf_destroyed>(cookie).size(), 1u);
  }

  bool is_destroyed(uint64_t cookie) {
    catch_up();
    return !observer().all<wsbpf_destroyed>(cookie).empty();
  }
};

TEST_F(Destroyed, ClosesTheLifeOfAnAcceptedConnection) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.shutdown(SHUT_WR);
  ASSERT_TRUE(pair.server.receives_end());
  pair.server.close();
  expect_last(cookie);
  EXPECT_THAT(types_of(cookie),
              testing::ElementsAre(WSBPF_RECORD_OPENED, WSBPF_RECORD_LEFT, WSBPF_RECORD_STATE,
                                   WSBPF_RECORD_CLOSED, WSBPF_RECORD_DESTROYED));
}

TEST_F(Destroyed, ClosesTheLifeOfAConnectionOverIPv6) {
  const Socket listener = watched_listener(ipv6, "::1");
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.abort();
  pair.server.close();
  expect_last(cookie);
  EXPECT_EQ(observer().all<wsbpf_destroyed>(cookie)[0].header.family, AF_INET6);
}

TEST_F(Destroyed, WhenATimewaitSocketTakesOver) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.client.cookie();
  pair.client.close();
  ASSERT_TRUE(pair.server.receives_end());
  pair.server.acknowledge();
  expect_last(cookie);
  EXPECT_EQ(pair.server.state(), TcpState::kCloseWait) << "the peer lives on";
}

TEST_F(Destroyed, NotWhileADescriptorIsOpenAfterThePeersReset) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.abort();
  observer().wait_for<wsbpf_closed>(cookie);
  EXPECT_FALSE(is_destroyed(cookie));
  EXPECT_EQ(pair.server.receive_error(), ECONNRESET);
  EXPECT_FALSE(is_destroyed(cookie));
  pair.server.close();
  expect_last(cookie);
}

TEST_F(Destroyed, NotWhileADescriptorIsOpenAfterBothHaveShutDown) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.shutdown(SHUT_WR);
  pair.server.shutdown(SHUT_WR);
  ASSERT_TRUE(pair.client.receives_end());
  observer().wait_for<wsbpf_closed>(cookie);
  EXPECT_FALSE(is_destroyed(cookie));
  pair.server.close();
  expect_last(cookie);
}

TEST_F(Destroyed, NotWhileAnotherProcessHoldsTheSocket) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  Child holder([&] {
    pair.client.close();
    wait_to_be_killed();
  });
  holder.go();
  pair.client.abort();  // by whichever process is the last to close it
  pair.server.close();
  observer().wait_for<wsbpf_closed>(cookie);
  EXPECT_FALSE(is_destroyed(cookie));
  holder.join(SIGKILL);
  expect_last(cookie);
}

// By then an abort has wiped the peer's port, by which a client's socket is known to be watched.
TEST_F(Destroyed, AClientThatAborted) {
  const uint16_t port = free_port();
  watch(port_set({port}), false, true);
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.client.cookie();
  pair.client.abort();
  expect_last(cookie);
}

TEST_F(Destroyed, AClientThatWasRefused) {
  const uint16_t port = free_port();
  watch(port_set({port}), false, true);
  Socket client;
  ASSERT_EQ(client.connect(ipv4("127.0.0.1", port)), ECONNREFUSED);
  const uint64_t cookie = client.cookie();
  EXPECT_FALSE(is_destroyed(cookie));
  client.close();
  expect_last(cookie);
}

TEST_F(Destroyed, AListener) {
  Socket listener = watched_listener();
  const uint64_t cookie = listener.cookie();
  listener.close();
  expect_last(cookie);
}

TEST_F(Destroyed, AConnectionThatNobodyAccepted) {
  Socket listener = watched_listener();
  const Socket client = connect_to(listener.local());
  const auto child = observer().wait_for_match<wsbpf_opened>(
      [&](const wsbpf_opened& record) { return record.endpoints.remote_port == client.port(); });
  listener.close();
  expect_last(child.header.cookie);
}

}  // namespace
}  // namespace wsbpf::kernel_test
