// A ring buffer that is too small: what is lost is counted, and the rest goes on.
#include <poll.h>
#include <sys/epoll.h>

#include <numeric>

#include "harness.h"

namespace wsbpf::kernel_test {
namespace {

constexpr uint32_t kOnePage = 4096;

class Loss : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    port_ = free_port();
    watch(port_set({port_}), true, false, kOnePage);
  }

  // Each makes three records: of the opening, of the close and of the end.
  void open_and_close_listeners(size_t count) const {
    for (size_t i = 0; i < count; ++i) listen_on(ipv4("127.0.0.1", port_));
  }
  static constexpr size_t kRecordBytes = sizeof(wsbpf_opened) + sizeof(wsbpf_closed) +
                                         sizeof(wsbpf_destroyed) + 3 * 8;  // and their headers

  bool asks_to_be_read(std::chrono::milliseconds wait) {
    pollfd fd = {observer().source().wakeup_fd(), POLLIN, 0};
    return poll(&fd, 1, static_cast<int>(wait.count())) == 1;
  }

  uint16_t port_ = 0;
};

TEST_F(Loss, EveryRecordIsEitherThereOrCounted) {
  expect_losses();
  constexpr size_t kCount = 200;
  open_and_close_listeners(kCount);
  const size_t kept = observer().events().size();
  const auto drops = observer().source().drops();
  EXPECT_GT(kept, 0u);
  EXPECT_EQ(kept + std::accumulate(drops.begin(), drops.end(), uint64_t{0}), 3 * kCount);
  EXPECT_GT(drops[WSBPF_PROGRAM_SET_STATE], 0u);
  EXPECT_GT(drops[WSBPF_PROGRAM_DESTROY], 0u);
  EXPECT_EQ(drops[WSBPF_PROGRAM_RETRANSMIT], 0u);
  EXPECT_EQ(drops[WSBPF_PROGRAM_SEND_RESET], 0u);
  EXPECT_EQ(drops[WSBPF_PROGRAM_RECEIVE_RESET], 0u);

  // Once it has been read there is room again.
  const Socket listener = listen_on(ipv4("127.0.0.1", port_));
  const auto record = observer().wait_for<wsbpf_opened>(listener.cookie());
  EXPECT_EQ(record.endpoints.local_port, port_);
  EXPECT_EQ(observer().source().drops(), drops);
}

TEST_F(Loss, ResetsAreCountedByTheirOwnPrograms) {
  expect_losses();
  const Socket listener = listen_on(ipv4("127.0.0.1", port_));
  for (int i = 0; i < 100; ++i) {
    Pair server_aborts = connect_pair(listener);
    server_aborts.server.abort();
    Pair client_aborts = connect_pair(listener);
    client_aborts.client.abort();
  }
  const auto drops = observer().source().drops();
  EXPECT_GT(drops[WSBPF_PROGRAM_SEND_RESET], 0u);
  EXPECT_GT(drops[WSBPF_PROGRAM_RECEIVE_RESET], 0u);
}

TEST_F(Loss, NoneWhenItIsReadInTime) {
  for (int round = 0; round < 50; ++round) {
    open_and_close_listeners(kOnePage / kRecordBytes / 2);
    observer().events();
  }
  EXPECT_EQ(observer().events().size(), 50 * (kOnePage / kRecordBytes / 2) * 3);
}

TEST_F(Loss, AskedToBeReadEarlyWhenHalfFull) {
  constexpr size_t kBelowHalf = kOnePage / 2 / kRecordBytes;
  for (int round = 0; round < 3; ++round) {
    open_and_close_listeners(kBelowHalf);
    EXPECT_FALSE(asks_to_be_read(std::chrono::milliseconds(0))) << "there is time enough";
    open_and_close_listeners(2);
    EXPECT_TRUE(asks_to_be_read(kDeadline));
    observer().events();
    EXPECT_FALSE(asks_to_be_read(std::chrono::milliseconds(0))) << "it has been read";
  }
}

// A wake-up costs more than the records.
TEST_F(Loss, AskedOnlyOnceUntilItIsRead) {
  const Fd waits(epoll_create1(EPOLL_CLOEXEC));
  epoll_event on_each_wakeup{};
  on_each_wakeup.events = EPOLLIN | EPOLLET;
  const int fd = observer().source().wakeup_fd();
  ASSERT_EQ(epoll_ctl(waits.get(), EPOLL_CTL_ADD, fd, &on_each_wakeup), 0);
  const auto is_woken = [&](std::chrono::milliseconds wait) {
    epoll_event event{};
    return epoll_wait(waits.get(), &event, 1, static_cast<int>(wait.count())) == 1;
  };
  constexpr std::chrono::milliseconds kMoment{20};
  for (int round = 0; round < 2; ++round) {
    open_and_close_listeners(kOnePage / 2 / kRecordBytes + 1);
    EXPECT_TRUE(is_woken(kDeadline));
    EXPECT_FALSE(is_woken(kMoment));
    open_and_close_listeners(2);
    EXPECT_FALSE(is_woken(kMoment));
    observer().events();
  }
}

}  // namespace
}  // namespace wsbpf::kernel_test
