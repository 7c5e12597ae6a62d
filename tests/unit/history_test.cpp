// How listeners were over the last minutes.
#include "core/history.h"

#include <gtest/gtest.h>

namespace wsbpf {
namespace {

constexpr uint64_t kSecond_ns = 1'000'000'000;
constexpr size_t kMinute = 0;   // of kHistorySpans
constexpr size_t kQuarter = 1;  // of an hour

ListenerSummary listener_with(uint32_t close_wait, uint32_t stuck, uint16_t port = 8080) {
  ListenerSummary listener;
  listener.key = {1, port, Role::kServer};
  listener.states[static_cast<size_t>(TcpState::kEstablished)] = 10;
  listener.states[static_cast<size_t>(TcpState::kCloseWait)] = close_wait;
  listener.close_wait_stuck = stuck;
  return listener;
}

const ListenerKey kKey{1, 8080, Role::kServer};

TEST(History, EndsWithTheStepOfTheLastNote) {
  History history;
  history.note(1000 * kSecond_ns, {listener_with(3, 1)});
  history.note(1001 * kSecond_ns, {listener_with(4, 2)});
  const auto samples = history.of(kKey, kMinute);
  ASSERT_EQ(samples.size(), 60u);
  EXPECT_FALSE(samples[57]);
  EXPECT_EQ(samples[58]->close_wait, 3u);
  EXPECT_EQ(samples[59]->close_wait, 4u);
  EXPECT_EQ(samples[59]->close_wait_stuck, 2u);
  EXPECT_EQ(samples[59]->connections, 14u);
  EXPECT_EQ(history.end_ns(kMinute), 1002 * kSecond_ns);
}

TEST(History, KeepsTheGreatestOfAStep) {
  History history;
  history.note(1000 * kSecond_ns, {listener_with(9, 1)});
  history.note(1002 * kSecond_ns, {listener_with(2, 7)});
  const auto samples = history.of(kKey, kQuarter);
  ASSERT_EQ(samples.size(), 180u);
  EXPECT_EQ(samples.back()->close_wait, 9u);
  EXPECT_EQ(samples.back()->close_wait_stuck, 7u);
}

TEST(History, WhatWasNotNotedIsMissing) {
  History history;
  history.note(1000 * kSecond_ns, {listener_with(1, 0)});
  history.note(1005 * kSecond_ns, {listener_with(2, 0)});
  const auto samples = history.of(kKey, kMinute);
  EXPECT_TRUE(samples[54]);
  for (size_t i = 55; i < 59; ++i) EXPECT_FALSE(samples[i]) << i;
  EXPECT_TRUE(samples[59]);
}

TEST(History, ForgetsWhatIsOlderThanTheSpan) {
  History history;
  history.note(1000 * kSecond_ns, {listener_with(1, 0)});
  history.note(1060 * kSecond_ns, {listener_with(2, 0)});
  const auto samples = history.of(kKey, kMinute);
  EXPECT_FALSE(samples[0]);
  EXPECT_EQ(samples[59]->close_wait, 2u);
}

TEST(History, ForgetsListenersThatAreNoMore) {
  History history;
  history.note(1000 * kSecond_ns, {listener_with(1, 0), listener_with(5, 0, 9090)});
  history.note(1001 * kSecond_ns, {listener_with(1, 0)});
  for (const auto& sample : history.of({1, 9090, Role::kServer}, kMinute)) EXPECT_FALSE(sample);
  EXPECT_TRUE(history.of(kKey, kMinute)[58]);
}

TEST(History, BeginsWithTheMachine) {
  History history;
  history.note(2 * kSecond_ns, {listener_with(1, 0)});
  const auto samples = history.of(kKey, kMinute);
  EXPECT_TRUE(samples[59]);
  for (size_t i = 0; i < 59; ++i) EXPECT_FALSE(samples[i]) << i;
}

}  // namespace
}  // namespace wsbpf
