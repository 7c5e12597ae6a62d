// HalfOpenAccumulation and EventsLost, in pairs: fires, and stays quiet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "alert/events_lost.h"
#include "alert/half_open.h"
#include "kernel_records.h"

namespace wsbpf {
namespace {

using testing::HasSubstr;

ListenerSummary listener_with(uint32_t unacked, uint32_t probing, uint32_t stuck,
                              uint32_t handshakes = 0) {
  ListenerSummary listener;
  listener.key = {1, 8080, Role::kServer};
  listener.comm = "node";
  listener.half_open[static_cast<size_t>(HalfOpen::kUnacked)] = unacked;
  listener.half_open[static_cast<size_t>(HalfOpen::kProbing)] = probing;
  listener.half_open_stuck = stuck;
  listener.stuck_handshakes = handshakes;
  return listener;
}

Finding half_open(const ListenerSummary& listener) {
  const auto findings = evaluate_half_open({listener});
  EXPECT_EQ(findings.size(), 1u);
  return findings.empty() ? Finding{} : findings.front();
}

TEST(HalfOpenRule, FiresAboveTheThreshold) {
  const Finding finding = half_open(listener_with(30, 21, 51));
  EXPECT_EQ(finding.level, Finding::Level::kFiring);
  EXPECT_EQ(finding.alert, "HalfOpenAccumulation");
  EXPECT_EQ(finding.listener, (ListenerKey{1, 8080, Role::kServer}));
  EXPECT_EQ(finding.comm, "node");
  EXPECT_EQ(finding.value, 51);
  EXPECT_EQ(finding.threshold, 50);
  EXPECT_THAT(finding.summary, HasSubstr("51 connections on port 8080"));
  EXPECT_THAT(finding.summary, HasSubstr("30 unacked, 21 probing"));
}

TEST(HalfOpenRule, StaysQuietAtTheThreshold) {
  EXPECT_EQ(half_open(listener_with(50, 0, 50)).level, Finding::Level::kInBounds);
}

TEST(HalfOpenRule, PendsWhileNotEachIsUnheardOfForLong) {
  EXPECT_EQ(half_open(listener_with(51, 0, 50)).level, Finding::Level::kPending);
  EXPECT_EQ(half_open(listener_with(26, 25, 0)).level, Finding::Level::kPending);
  EXPECT_EQ(half_open(listener_with(25, 25, 0)).level, Finding::Level::kInBounds);
}

TEST(HalfOpenRule, NeverForSilentOnes) {
  ListenerSummary listener = listener_with(0, 0, 0);
  listener.half_open[static_cast<size_t>(HalfOpen::kSilent)] = 100'000;
  EXPECT_EQ(half_open(listener).level, Finding::Level::kInBounds);
}

TEST(HalfOpenRule, HandshakesCountByThemselves) {
  const Finding finding = half_open(listener_with(0, 0, 0, 51));
  EXPECT_EQ(finding.level, Finding::Level::kFiring);
  EXPECT_EQ(finding.value, 51);
  EXPECT_THAT(finding.summary, HasSubstr("51 handshakes on port 8080"));
  EXPECT_EQ(half_open(listener_with(0, 0, 0, 50)).level, Finding::Level::kInBounds);
  EXPECT_EQ(half_open(listener_with(30, 0, 30, 30)).level, Finding::Level::kInBounds);
}

TEST(HalfOpenRule, IsCriticalAtTenTimesTheThreshold) {
  EXPECT_EQ(half_open(listener_with(499, 0, 499)).severity, Severity::kWarning);
  EXPECT_EQ(half_open(listener_with(500, 0, 500)).severity, Severity::kCritical);
  EXPECT_EQ(half_open(listener_with(0, 0, 0, 500)).severity, Severity::kCritical);
}

TEST(HalfOpenRule, LeavesClientsAlone) {
  ListenerSummary listener = listener_with(1'000, 0, 1'000);
  listener.key.role = Role::kClient;
  EXPECT_TRUE(evaluate_half_open({listener}).empty());
}

TEST(HalfOpenRule, JudgesEachListenerByItself) {
  ListenerSummary other = listener_with(30, 0, 30);
  other.key.port = 9090;
  const auto findings = evaluate_half_open({listener_with(30, 0, 30), other});
  ASSERT_EQ(findings.size(), 2u);
  for (const Finding& finding : findings) EXPECT_EQ(finding.level, Finding::Level::kInBounds);
}

// --- through the machine -------------------------------------------------------------------------

TEST(HalfOpenAlert, FiresOnceAndResolvesAfterTenSeconds) {
  AlertMachine machine;
  const std::vector<Finding> firing = evaluate_half_open({listener_with(51, 0, 51)});
  const std::vector<Finding> in_bounds = evaluate_half_open({listener_with(3, 0, 3)});
  auto changes = machine.update(1_s, firing);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].state, AlertState::kFiring);
  EXPECT_TRUE(machine.update(5_s, firing).empty());
  EXPECT_TRUE(machine.update(10_s, in_bounds).empty());
  EXPECT_TRUE(machine.update(20_s - 1, in_bounds).empty());
  EXPECT_EQ(machine.active().size(), 1u);
  changes = machine.update(20_s, in_bounds);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].state, AlertState::kResolved);
  EXPECT_TRUE(machine.active().empty());
}

TEST(HalfOpenAlert, ReturningWithinTenSecondsIsTheSameAlert) {
  AlertMachine machine;
  const std::vector<Finding> firing = evaluate_half_open({listener_with(51, 0, 51)});
  const std::vector<Finding> in_bounds = evaluate_half_open({listener_with(3, 0, 3)});
  machine.update(1_s, firing);
  machine.update(5_s, in_bounds);
  EXPECT_TRUE(machine.update(14_s, firing).empty());
  EXPECT_TRUE(machine.update(20_s, in_bounds).empty());
  EXPECT_EQ(machine.active()[0].since_ns, 1_s);
}

using Lost = std::map<std::string, uint64_t>;

TEST(EventsLostRule, StaysQuietWhileNothingIsLost) {
  EventsLostRule rule;
  for (uint64_t now_ns = 1_s; now_ns < 4'000_s; now_ns += 60_s) {
    const Finding finding = rule.evaluate(now_ns, {{"ring_buffer", 0}, {"recursion", 0}});
    EXPECT_EQ(finding.level, Finding::Level::kInBounds);
    EXPECT_EQ(finding.value, 0);
  }
}

TEST(EventsLostRule, FiresForTheFirstLoss) {
  EventsLostRule rule;
  rule.evaluate(1_s, {{"ring_buffer", 0}});
  const Finding finding = rule.evaluate(2_s, {{"ring_buffer", 1}});
  EXPECT_EQ(finding.level, Finding::Level::kFiring);
  EXPECT_EQ(finding.severity, Severity::kWarning);
  EXPECT_EQ(finding.alert, "EventsLost");
  EXPECT_EQ(finding.value, 1);
  EXPECT_THAT(finding.summary, HasSubstr("1 ring_buffer"));
}

TEST(EventsLostRule, FiresForWhatWasLostBeforeItLooked) {
  EventsLostRule rule;
  EXPECT_EQ(rule.evaluate(1_s, {{"recursion", 3}}).level, Finding::Level::kFiring);
}

TEST(EventsLostRule, SumsWhatWasLostWhileItFires) {
  EventsLostRule rule;
  rule.evaluate(1_s, {{"ring_buffer", 2}, {"unseen", 0}});
  rule.evaluate(60_s, {{"ring_buffer", 2}, {"unseen", 5}});
  const Finding finding = rule.evaluate(61_s, {{"ring_buffer", 3}, {"unseen", 5}});
  EXPECT_EQ(finding.value, 8);
  EXPECT_THAT(finding.summary, HasSubstr("8 events were lost (3 ring_buffer, 5 unseen)"));
}

TEST(EventsLostRule, ForgivesAFewThatNothingCounted) {
  EventsLostRule rule;
  const Finding few = rule.evaluate(1_s, {{"ring_buffer", 0}, {"unseen", kUnseenForgiven}});
  EXPECT_EQ(few.level, Finding::Level::kInBounds);
  EXPECT_EQ(few.value, kUnseenForgiven);
  EXPECT_EQ(rule.evaluate(2_s, {{"unseen", kUnseenForgiven + 1}}).level, Finding::Level::kFiring);
}

TEST(EventsLostRule, ForgivesThemAnewAfterFifteenMinutes) {
  EventsLostRule rule;
  rule.evaluate(1_s, {{"unseen", kUnseenForgiven}});
  EXPECT_EQ(rule.evaluate(901_s, {{"unseen", 2 * kUnseenForgiven}}).level,
            Finding::Level::kInBounds);
}

TEST(EventsLostRule, IsHeldForFifteenMinutesAfterTheLast) {
  EventsLostRule rule;
  rule.evaluate(100_s, {{"ring_buffer", 1}});
  rule.evaluate(500_s, {{"ring_buffer", 2}});
  EXPECT_EQ(rule.evaluate(500_s + 900_s - 1, {{"ring_buffer", 2}}).level, Finding::Level::kFiring);
  const Finding after = rule.evaluate(500_s + 900_s, {{"ring_buffer", 2}});
  EXPECT_EQ(after.level, Finding::Level::kInBounds);
}

TEST(EventsLostRule, ALaterFiringCountsAnew) {
  EventsLostRule rule;
  rule.evaluate(100_s, {{"ring_buffer", 40}});
  EXPECT_EQ(rule.evaluate(2'000_s, {{"ring_buffer", 40}}).level, Finding::Level::kInBounds);
  const Finding finding = rule.evaluate(2'001_s, {{"ring_buffer", 42}});
  EXPECT_EQ(finding.level, Finding::Level::kFiring);
  EXPECT_EQ(finding.value, 2);
}

TEST(EventsLostAlert, ResolvesTenSecondsAfterItWasHeld) {
  EventsLostRule rule;
  AlertMachine machine;
  const Lost lost = {{"ring_buffer", 1}};
  std::vector<std::pair<uint64_t, AlertState>> changes;
  for (uint64_t second = 1; second <= 1'000; ++second) {
    const Lost now = second < 10 ? Lost{{"ring_buffer", 0}} : lost;
    for (const Alert& alert : machine.update(second * 1_s, {rule.evaluate(second * 1_s, now)})) {
      changes.emplace_back(second, alert.state);
    }
  }
  EXPECT_EQ(changes, (std::vector<std::pair<uint64_t, AlertState>>{
                         {10, AlertState::kFiring}, {10 + 900 + 10, AlertState::kResolved}}));
}

}  // namespace
}  // namespace wsbpf
