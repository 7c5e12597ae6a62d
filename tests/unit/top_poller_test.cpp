// Asking on another thread, and leaving it behind when it hangs.
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "top/poller.h"

namespace wsbpf::top {
namespace {

using Clock = std::chrono::steady_clock;

Result<std::string> empty_answer(const std::string&) { return "{}"; }

std::optional<Answer> wait_for_answer(Poller& poller) {
  pollfd fd = {poller.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&fd, 1, 5000), 1);
  return poller.take();
}

TEST(TopPoller, GivesEachAnswerOnceWithItsQuery) {
  Poller poller(empty_answer);
  EXPECT_FALSE(poller.take());
  poller.request({.sort = "-age", .max_rows = 1});
  const auto answer = wait_for_answer(poller);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->model);
  EXPECT_EQ(answer->query.sort, "-age");
  EXPECT_FALSE(poller.take());
  pollfd fd = {poller.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&fd, 1, 0), 0);
}

TEST(TopPoller, AnExceptionIsAnError) {
  Poller poller(
      [](const std::string&) -> Result<std::string> { throw std::runtime_error("ouch"); });
  poller.request({});
  const auto answer = wait_for_answer(poller);
  ASSERT_TRUE(answer);
  ASSERT_FALSE(answer->model);
  EXPECT_EQ(answer->model.error().message, "ouch");
}

TEST(TopPoller, EndsWithinASecondWhileAFetchHangs) {
  struct Steps {
    std::promise<void> entered, released, left;
  };
  const auto steps = std::make_shared<Steps>();
  auto poller = std::make_unique<Poller>([steps](const std::string&) -> Result<std::string> {
    steps->entered.set_value();
    steps->released.get_future().wait();
    steps->left.set_value();
    return fail("too late");
  });
  poller->request({});
  steps->entered.get_future().wait();

  const auto begun = Clock::now();
  poller.reset();
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(1));

  steps->released.set_value();  // so that the thread does not outlive the test
  steps->left.get_future().wait();
}

TEST(TopPoller, EndsAtOnceWhenNothingIsUnderWay) {
  const auto begun = Clock::now();
  { Poller poller(empty_answer); }
  EXPECT_LT(Clock::now() - begun, std::chrono::milliseconds(400));
}

}  // namespace
}  // namespace wsbpf::top
