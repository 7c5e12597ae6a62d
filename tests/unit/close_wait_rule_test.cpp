// CloseWaitAccumulation, in pairs: fires, and stays quiet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "alert/close_wait.h"
#include "kernel_records.h"

namespace wsbpf {
namespace {

using testing::HasSubstr;

ListenerSummary listener_with(uint32_t stuck, uint32_t in_close_wait, uint16_t port = 8080) {
  ListenerSummary listener;
  listener.key = {1, port, Role::kServer};
  listener.comm = "node";
  listener.owners = {{.pid = 4121, .start_time = 1, .comm = "node"}};
  listener.states[static_cast<size_t>(TcpState::kCloseWait)] = in_close_wait;
  listener.close_wait_stuck = stuck;
  listener.oldest_close_wait_seconds = 840;
  return listener;
}

class CloseWaitRuleTest : public testing::Test {
 protected:
  Finding evaluate(uint64_t now_ns, const ListenerSummary& listener) {
    const auto findings = rule_.evaluate(now_ns, {listener}, settings_);
    EXPECT_EQ(findings.size(), 1u);
    return findings.empty() ? Finding{} : findings.front();
  }

  Finding::Level level(uint32_t stuck, uint32_t in_close_wait) {
    return evaluate(1_s, listener_with(stuck, in_close_wait)).level;
  }

  // Says whether it is critical after one evaluation a minute with these numbers.
  bool is_critical_after(const std::vector<uint32_t>& stuck_by_minute) {
    uint64_t now_ns = 1000_s;
    Severity severity{};
    for (const uint32_t stuck : stuck_by_minute) {
      severity = evaluate(now_ns, listener_with(stuck, stuck)).severity;
      now_ns += 60_s;
    }
    return severity == Severity::kCritical;
  }

  CloseWaitRule rule_;
  CloseWaitSettings settings_;
};

TEST_F(CloseWaitRuleTest, FiresAboveTheThreshold) {
  EXPECT_EQ(level(51, 51), Finding::Level::kFiring);
}

TEST_F(CloseWaitRuleTest, NamesThePodWhereThereIsOne) {
  ListenerSummary listener = listener_with(51, 51);
  EXPECT_THAT(evaluate(1_s, listener).summary, HasSubstr("owned by node[4121], the oldest"));
  listener.place.namespace_name = "shop";
  listener.place.pod = "chat-7f";
  const Finding finding = evaluate(2_s, listener);
  EXPECT_THAT(finding.summary, HasSubstr("owned by node[4121] in pod shop/chat-7f, the oldest"));
  EXPECT_EQ(finding.place.pod, "chat-7f");
  listener.owners.clear();
  EXPECT_THAT(evaluate(3_s, listener).summary, HasSubstr("owned by node in pod shop/chat-7f,"));
}

TEST_F(CloseWaitRuleTest, StaysQuietAtTheThreshold) {
  EXPECT_EQ(level(50, 50), Finding::Level::kInBounds);
}

TEST_F(CloseWaitRuleTest, PendsWhileNotEachIsStuck) {
  EXPECT_EQ(level(50, 51), Finding::Level::kPending);
  EXPECT_EQ(level(0, 1000), Finding::Level::kPending);
}

TEST_F(CloseWaitRuleTest, TheThresholdCanBeSet) {
  settings_.threshold = 5;
  EXPECT_EQ(level(5, 5), Finding::Level::kInBounds);
  EXPECT_EQ(level(6, 6), Finding::Level::kFiring);
}

TEST_F(CloseWaitRuleTest, ClientsCloseWhenTheyLike) {
  ListenerSummary listener = listener_with(1000, 1000);
  listener.key.role = Role::kClient;
  EXPECT_TRUE(rule_.evaluate(1_s, {listener}, settings_).empty());
}

TEST_F(CloseWaitRuleTest, EachListenerIsJudgedByItself) {
  const auto findings =
      rule_.evaluate(1_s, {listener_with(30, 30), listener_with(51, 51, 9090)}, settings_);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].level, Finding::Level::kInBounds);
  EXPECT_EQ(findings[1].level, Finding::Level::kFiring);
  EXPECT_EQ(findings[1].listener.port, 9090);
}

TEST_F(CloseWaitRuleTest, SaysWhatItFound) {
  const Finding finding = evaluate(1_s, listener_with(63, 70));
  EXPECT_EQ(finding.alert, "CloseWaitAccumulation");
  EXPECT_DOUBLE_EQ(finding.value, 63);
  EXPECT_DOUBLE_EQ(finding.threshold, 50);
  EXPECT_THAT(finding.summary, HasSubstr("63 connections in CLOSE_WAIT on port 8080"));
  EXPECT_THAT(finding.summary, HasSubstr("node[4121]"));
  EXPECT_THAT(finding.summary, HasSubstr("840 s"));
}

TEST_F(CloseWaitRuleTest, NamesTheOwnersAsFarAsTheyAreKnown) {
  ListenerSummary listener = listener_with(63, 63);
  listener.owners.push_back({.pid = 4122, .start_time = 1, .comm = "node"});
  EXPECT_THAT(evaluate(1_s, listener).summary, HasSubstr("node[4121] and 1 more"));
  listener.owners.clear();
  EXPECT_THAT(evaluate(1_s, listener).summary, HasSubstr("owned by node,"));
  listener.comm.clear();
  EXPECT_THAT(evaluate(1_s, listener).summary, HasSubstr("an unknown process"));
}

TEST_F(CloseWaitRuleTest, AHostileNameIsShownAsEscapes) {
  ListenerSummary listener = listener_with(63, 63);
  listener.owners[0].comm = "\x1b[2J";
  EXPECT_THAT(evaluate(1_s, listener).summary, HasSubstr("\\x1b[2J[4121]"));
}

// --- severity -----------------------------------------------------------------------------------

TEST_F(CloseWaitRuleTest, IsCriticalAtTenTimesTheThreshold) {
  EXPECT_EQ(evaluate(1_s, listener_with(500, 500)).severity, Severity::kCritical);
}

TEST_F(CloseWaitRuleTest, IsAWarningBelowThat) {
  EXPECT_EQ(evaluate(1_s, listener_with(499, 499)).severity, Severity::kWarning);
}

TEST_F(CloseWaitRuleTest, IsCriticalWhileGrowingForFiveMinutes) {
  EXPECT_TRUE(is_critical_after({60, 61, 62, 63, 64, 65}));
}

TEST_F(CloseWaitRuleTest, IsAWarningWhileGrowingForLess) {
  EXPECT_FALSE(is_critical_after({60, 61, 62, 63, 64}));
}

TEST_F(CloseWaitRuleTest, IsAWarningWhenAMinuteBroughtNoMore) {
  EXPECT_FALSE(is_critical_after({60, 61, 62, 62, 63, 64}));
}

TEST_F(CloseWaitRuleTest, IsAWarningAgainWhenTheGrowthEnds) {
  EXPECT_FALSE(is_critical_after({60, 61, 62, 63, 64, 65, 65}));
}

TEST_F(CloseWaitRuleTest, OnlyTheLastFiveMinutesCount) {
  EXPECT_TRUE(is_critical_after({90, 60, 61, 62, 63, 64, 65}));
}

TEST_F(CloseWaitRuleTest, GrowthIsMeasuredByTheMinuteHoweverOftenItLooks) {
  Severity severity{};
  for (uint64_t tick = 0; tick <= 600; ++tick) {  // five minutes of half seconds, with a wobble
    const auto stuck = static_cast<uint32_t>(60 + tick / 60 - tick % 2);
    severity = evaluate(1000_s + tick * 500_ms, listener_with(stuck, stuck)).severity;
  }
  EXPECT_EQ(severity, Severity::kCritical);
}

TEST_F(CloseWaitRuleTest, AListenerThatLeftHasNoHistory) {
  is_critical_after({60, 61, 62, 63, 64});
  EXPECT_TRUE(rule_.evaluate(1290_s, {}, settings_).empty());
  EXPECT_EQ(evaluate(1300_s, listener_with(65, 65)).severity, Severity::kWarning);
}

}  // namespace
}  // namespace wsbpf
