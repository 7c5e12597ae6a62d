// From pending to resolved.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "alert/alert.h"
#include "kernel_records.h"

namespace wsbpf {
namespace {

constexpr ListenerKey kListener{1, 8080, Role::kServer};

Finding found(Finding::Level level, Severity severity = Severity::kWarning, double value = 60) {
  Finding finding;
  finding.alert = "CloseWaitAccumulation";
  finding.listener = kListener;
  finding.level = level;
  finding.severity = severity;
  finding.value = value;
  finding.threshold = 50;
  return finding;
}

const Finding kInBounds = found(Finding::Level::kInBounds, Severity::kWarning, 0);
const Finding kPending = found(Finding::Level::kPending);
const Finding kFiring = found(Finding::Level::kFiring);
const Finding kCritical = found(Finding::Level::kFiring, Severity::kCritical, 500);

class AlertMachineTest : public testing::Test {
 protected:
  // Returns the state it changed to, or nothing.
  std::optional<AlertState> update(uint64_t now_ns, const Finding& finding) {
    const auto changes = machine_.update(now_ns, {finding});
    EXPECT_LE(changes.size(), 1u);
    if (changes.empty()) return std::nullopt;
    last_ = changes.front();
    return last_.state;
  }

  bool is_active() const { return !machine_.active().empty(); }
  Severity severity() const { return machine_.active().at(0).finding.severity; }

  AlertMachine machine_;
  Alert last_;
};

TEST_F(AlertMachineTest, StaysQuietInBounds) {
  EXPECT_FALSE(update(1_s, kInBounds));
  EXPECT_FALSE(is_active());
}

TEST_F(AlertMachineTest, FiresOnce) {
  EXPECT_EQ(update(1_s, kFiring), AlertState::kFiring);
  EXPECT_EQ(last_.since_ns, 1_s);
  EXPECT_FALSE(update(2_s, kFiring));
  ASSERT_TRUE(is_active());
  EXPECT_EQ(machine_.active()[0].since_ns, 1_s);
}

TEST_F(AlertMachineTest, PendsBeforeItFires) {
  EXPECT_EQ(update(1_s, kPending), AlertState::kPending);
  EXPECT_EQ(update(3_s, kFiring), AlertState::kFiring);
  EXPECT_EQ(last_.since_ns, 3_s);
}

TEST_F(AlertMachineTest, WhatWasOnlyPendingLeavesWithoutAWord) {
  update(1_s, kPending);
  EXPECT_FALSE(update(2_s, kInBounds));
  EXPECT_FALSE(update(12_s, kInBounds));
  EXPECT_FALSE(is_active());
}

TEST_F(AlertMachineTest, ResolvesAfterTenSecondsInBounds) {
  update(1_s, kFiring);
  EXPECT_FALSE(update(5_s, kInBounds));
  EXPECT_FALSE(update(15_s - 1, kInBounds));
  EXPECT_TRUE(is_active());
  EXPECT_EQ(update(15_s, kInBounds), AlertState::kResolved);
  EXPECT_EQ(last_.since_ns, 15_s);
  EXPECT_FALSE(is_active());
  EXPECT_FALSE(update(16_s, kInBounds));
}

TEST_F(AlertMachineTest, AMissingFindingIsInBounds) {
  update(1_s, kFiring);
  EXPECT_TRUE(machine_.update(5_s, {}).empty());
  ASSERT_EQ(machine_.update(15_s, {}).size(), 1u);
  EXPECT_FALSE(is_active());
}

TEST_F(AlertMachineTest, GoingBackOutOfBoundsStartsTheTenSecondsAnew) {
  update(1_s, kFiring);
  update(5_s, kInBounds);
  EXPECT_FALSE(update(14_s, kFiring));
  update(16_s, kInBounds);
  EXPECT_FALSE(update(25_s, kInBounds));
  EXPECT_EQ(update(26_s, kInBounds), AlertState::kResolved);
}

TEST_F(AlertMachineTest, WhatWouldOnlyPendResolves) {
  update(1_s, kFiring);
  EXPECT_FALSE(update(5_s, kPending));
  EXPECT_EQ(machine_.active().at(0).state, AlertState::kFiring);
  EXPECT_EQ(update(15_s, kPending), AlertState::kResolved);
  EXPECT_EQ(update(16_s, kPending), AlertState::kPending);
}

TEST_F(AlertMachineTest, SaysHowThingsStandNowWhenItResolves) {
  update(1_s, found(Finding::Level::kFiring, Severity::kWarning, 60));
  update(2_s, found(Finding::Level::kFiring, Severity::kWarning, 70));
  update(3_s, found(Finding::Level::kInBounds, Severity::kWarning, 4));
  EXPECT_EQ(machine_.active().at(0).state, AlertState::kFiring);
  EXPECT_DOUBLE_EQ(machine_.active().at(0).finding.value, 4);
  update(13_s, found(Finding::Level::kInBounds, Severity::kWarning, 3));
  EXPECT_EQ(last_.state, AlertState::kResolved);
  EXPECT_DOUBLE_EQ(last_.finding.value, 3);
}

TEST_F(AlertMachineTest, BecomesCriticalAtOnce) {
  update(1_s, kFiring);
  EXPECT_EQ(update(2_s, kCritical), AlertState::kFiring);
  EXPECT_EQ(last_.finding.severity, Severity::kCritical);
  EXPECT_EQ(last_.since_ns, 1_s);
}

TEST_F(AlertMachineTest, MayFireAsCriticalFromTheStart) {
  update(1_s, kPending);
  EXPECT_EQ(update(2_s, kCritical), AlertState::kFiring);
  EXPECT_EQ(last_.finding.severity, Severity::kCritical);
}

TEST_F(AlertMachineTest, BecomesMilderAfterTenSeconds) {
  update(1_s, kCritical);
  EXPECT_FALSE(update(5_s, kFiring));
  EXPECT_FALSE(update(15_s - 1, kFiring));
  EXPECT_EQ(severity(), Severity::kCritical);
  EXPECT_EQ(update(15_s, kFiring), AlertState::kFiring);
  EXPECT_EQ(severity(), Severity::kWarning);
}

TEST_F(AlertMachineTest, ASeverityThatComesAndGoesStaysCritical) {
  update(1_s, kCritical);
  for (uint64_t time = 2_s; time < 60_s; time += 5_s) {
    EXPECT_FALSE(update(time, kFiring));
    EXPECT_FALSE(update(time + 2_s, kCritical));
  }
}

TEST_F(AlertMachineTest, ListenersHaveAlertsOfTheirOwn) {
  Finding other = kFiring;
  other.listener.port = 9090;
  EXPECT_EQ(machine_.update(1_s, {kFiring, other}).size(), 2u);
  const auto changes = machine_.update(20_s, {other});
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(machine_.update(30_s, {other}).size(), 1u);
  ASSERT_EQ(machine_.active().size(), 1u);
  EXPECT_EQ(machine_.active()[0].finding.listener.port, 9090);
}

TEST_F(AlertMachineTest, FiresAgainAfterItWasResolved) {
  update(1_s, kFiring);
  update(2_s, kInBounds);
  update(12_s, kInBounds);
  EXPECT_EQ(update(20_s, kFiring), AlertState::kFiring);
  EXPECT_EQ(last_.since_ns, 20_s);
}

TEST(Runbook, IsTheAlertsPlaceInTheDocumentation) {
  EXPECT_EQ(runbook_of("CloseWaitAccumulation"), "docs/alerts.md#CloseWaitAccumulation");
}

}  // namespace
}  // namespace wsbpf
