// Entry into the states where a connection can dwell, and who led it there.
#include <unistd.h>

#include <csignal>
#include <thread>

#include "harness.h"
#include "source/kernel_clock.h"

namespace wsbpf::kernel_test {
namespace {

class Entering : public KernelTest {
 protected:
  struct Transition {
    wsbpf_header header;
    wsbpf_closer closer;
  };

  // The record of this transition of the socket: out of ESTABLISHED, one with counters.
  Transition transition(uint64_t cookie, TcpState from, TcpState to) {
    if (from == TcpState::kEstablished) {
      const auto record = observer().wait_for<wsbpf_left>(cookie, to);
      return {record.header, record.closer};
    }
    const auto record = observer().wait_for<wsbpf_state>(cookie, to);
    return {record.header, record.closer};
  }

  // It was made by the network.
  void expect_from_network(uint64_t cookie, TcpState from, TcpState to) {
    const Transition made = transition(cookie, from, to);
    EXPECT_EQ(old_state_of(made.header), from);
    expect_nobody(made.closer);
  }

  void expect_by(uint32_t pid, uint64_t cookie, TcpState from, TcpState to) {
    const Transition made = transition(cookie, from, to);
    EXPECT_EQ(old_state_of(made.header), from);
    EXPECT_EQ(made.closer.pid, pid);
    EXPECT_EQ(made.closer.exiting, 0u);
    EXPECT_EQ(made.closer.exit_code, 0);
  }

  // `exit_code` as wait(2) gives it.
  void expect_by_exit(uint32_t pid, int exit_code, uint64_t cookie, TcpState from, TcpState to) {
    const Transition made = transition(cookie, from, to);
    EXPECT_EQ(old_state_of(made.header), from);
    EXPECT_EQ(made.closer.pid, pid);
    EXPECT_EQ(made.closer.exiting, 1u);
    EXPECT_EQ(made.closer.exit_code, exit_code);
  }
};

TEST_F(Entering, CloseWaitWhenThePeerHasFinished) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t before_ns = boot_time_ns();
  pair.client.shutdown(SHUT_WR);
  ASSERT_TRUE(pair.server.receives_end());
  const uint64_t after_ns = boot_time_ns();

  expect_from_network(pair.server.cookie(), TcpState::kEstablished, TcpState::kCloseWait);
  const auto record = observer().wait_for<wsbpf_left>(pair.server.cookie());
  EXPECT_EQ(record.header.type, WSBPF_RECORD_LEFT);
  EXPECT_EQ(record.header.family, AF_INET);
  EXPECT_EQ(record.header.netns, netns());
  EXPECT_GE(record.header.time_ns, before_ns);
  EXPECT_LE(record.header.time_ns, after_ns);
}

TEST_F(Entering, CloseWaitOverIPv6) {
  const Socket listener = watched_listener(ipv6, "::1");
  Pair pair = connect_pair(listener);
  pair.client.shutdown(SHUT_WR);
  const auto record = observer().wait_for<wsbpf_left>(pair.server.cookie(), TcpState::kCloseWait);
  EXPECT_EQ(record.header.family, AF_INET6);
}

TEST_F(Entering, FinWait1NamesWhoShutDownAndFinWait2Nobody) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.server.shutdown(SHUT_WR);
  ASSERT_TRUE(pair.client.receives_end());
  pair.client.acknowledge();
  const uint64_t cookie = pair.server.cookie();
  expect_by(own_pid(), cookie, TcpState::kEstablished, TcpState::kFinWait1);
  expect_from_network(cookie, TcpState::kFinWait1, TcpState::kFinWait2);
}

TEST_F(Entering, FinWait1NamesTheProcessThatClosed) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  Child child([&] {
    pair.server.close();
    wait_to_be_killed();
  });
  pair.server.close();
  child.go();
  expect_by(child.pid(), cookie, TcpState::kEstablished, TcpState::kFinWait1);
}

TEST_F(Entering, FinWait1NamesTheProcessAndNotTheThread) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  std::thread([&] { pair.server.close(); }).join();
  expect_by(own_pid(), cookie, TcpState::kEstablished, TcpState::kFinWait1);
}

TEST_F(Entering, LastAckNamesTheProcessThatClosed) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  pair.client.shutdown(SHUT_WR);
  ASSERT_TRUE(pair.server.receives_end());
  Child child([&] {
    pair.server.close();
    wait_to_be_killed();
  });
  pair.server.close();
  child.go();
  expect_by(child.pid(), cookie, TcpState::kCloseWait, TcpState::kLastAck);
}

// Each end's FIN is on its way when the other's is sent: here because the server hears nothing.
TEST_F(Entering, ClosingWhenBothFinishAtOnce) {
  const Socket listener = watched_listener();
  std::optional<wsbpf_closed> closed;
  for (int attempt = 0; attempt < kTimerAttempts && !closed; ++attempt) {
    Pair pair = connect_pair(listener);
    const uint64_t client = pair.client.cookie();
    const uint64_t server = pair.server.cookie();
    pair.server.drop_input();
    pair.client.shutdown(SHUT_WR);
    pair.server.shutdown(SHUT_WR);
    expect_by(own_pid(), client, TcpState::kEstablished, TcpState::kFinWait1);
    expect_from_network(client, TcpState::kFinWait1, TcpState::kClosing);
    expect_by(own_pid(), server, TcpState::kEstablished, TcpState::kFinWait1);

    pair.server.restore_input();  // and a FIN that is sent again comes through
    ASSERT_TRUE(eventually([&] { return pair.client.state() == TcpState::kClose; }));
    catch_up();
    closed = observer().find<wsbpf_closed>(client);
  }
  ASSERT_TRUE(closed);
  EXPECT_EQ(old_state_of(closed->header), TcpState::kClosing);
  EXPECT_EQ(closed->error, 0);
  expect_nobody(closed->closer);
}

TEST_F(Entering, AnExitIsToldFromAClose) {
  const Socket listener = watched_listener();
  Pair open = connect_pair(listener);
  Pair half_closed = connect_pair(listener);
  const uint64_t open_cookie = open.server.cookie();
  const uint64_t half_closed_cookie = half_closed.server.cookie();
  half_closed.client.shutdown(SHUT_WR);
  ASSERT_TRUE(half_closed.server.receives_end());
  Child child([] {});
  open.server.close();
  half_closed.server.close();
  const uint32_t pid = child.pid();
  child.go();
  expect_by_exit(pid, 0, open_cookie, TcpState::kEstablished, TcpState::kFinWait1);
  expect_by_exit(pid, 0, half_closed_cookie, TcpState::kCloseWait, TcpState::kLastAck);
}

TEST_F(Entering, AKilledProcessIsExiting) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  Child child(wait_to_be_killed);
  pair.server.close();
  const uint32_t pid = child.pid();
  child.go();
  child.join(SIGKILL);
  expect_by_exit(pid, SIGKILL, cookie, TcpState::kEstablished, TcpState::kFinWait1);
}

TEST_F(Entering, AnExitTellsItsStatus) {
  const Socket listener = watched_listener();
  Pair open = connect_pair(listener);
  Pair half_closed = connect_pair(listener);
  const uint64_t open_cookie = open.server.cookie();
  const uint64_t half_closed_cookie = half_closed.server.cookie();
  half_closed.client.shutdown(SHUT_WR);
  ASSERT_TRUE(half_closed.server.receives_end());
  Child child([] { _exit(3); });
  open.server.close();
  half_closed.server.close();
  const uint32_t pid = child.pid();
  child.go();
  expect_by_exit(pid, 3 << 8, open_cookie, TcpState::kEstablished, TcpState::kFinWait1);
  expect_by_exit(pid, 3 << 8, half_closed_cookie, TcpState::kCloseWait, TcpState::kLastAck);
}

TEST_F(Entering, NothingWhileTheConnectionIsOnlyUsed) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  pair.client.send(5000);
  pair.server.receive(5000);
  pair.server.shutdown(SHUT_RD);  // sends nothing, and changes no state
  catch_up();
  EXPECT_TRUE(observer().all<wsbpf_left>(pair.client.cookie()).empty());
  EXPECT_TRUE(observer().all<wsbpf_left>(pair.server.cookie()).empty());
  EXPECT_TRUE(observer().all<wsbpf_state>(pair.client.cookie()).empty());
  EXPECT_TRUE(observer().all<wsbpf_state>(pair.server.cookie()).empty());
}

}  // namespace
}  // namespace wsbpf::kernel_test
