// Connections that have ended, by their ends.
#include "core/tombstones.h"

#include <gtest/gtest.h>

#include "kernel_records.h"

namespace wsbpf {
namespace {

FourTuple ends(uint16_t remote_port) {
  return {address_of("10.0.0.1"), address_of("10.0.3.7"), 8080, remote_port, 1};
}

Tombstone tombstone(uint64_t cookie, uint64_t ended_ns) { return {cookie, ended_ns, 0, 0}; }

TEST(Tombstones, GivesBackWhatItHas) {
  Tombstones tombstones;
  tombstones.add(ends(1), {7, 10_s, 2, 3});
  const auto taken = tombstones.take(ends(1), 20_s);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->cookie, 7u);
  EXPECT_EQ(taken->ended_ns, 10_s);
  EXPECT_EQ(taken->generation, 2u);
  EXPECT_EQ(taken->listener, 3u);
}

TEST(Tombstones, GivesEachOnce) {
  Tombstones tombstones;
  tombstones.add(ends(1), tombstone(7, 10_s));
  EXPECT_TRUE(tombstones.take(ends(1), 20_s));
  EXPECT_FALSE(tombstones.take(ends(1), 20_s));
  EXPECT_EQ(tombstones.size(), 0u);
}

TEST(Tombstones, KnowsEveryPartOfTheEnds) {
  Tombstones tombstones;
  tombstones.add(ends(1), tombstone(7, 10_s));
  FourTuple other = ends(1);
  other.netns = 2;
  EXPECT_FALSE(tombstones.take(other, 20_s));
  other = ends(1);
  other.local_port = 9090;
  EXPECT_FALSE(tombstones.take(other, 20_s));
  other = ends(1);
  other.local_address = address_of("10.0.0.2");
  EXPECT_FALSE(tombstones.take(other, 20_s));
  other = ends(1);
  std::swap(other.local_address, other.remote_address);
  EXPECT_FALSE(tombstones.take(other, 20_s));
  EXPECT_TRUE(tombstones.take(ends(1), 20_s));
}

TEST(Tombstones, KeepsThemForAMinute) {
  Tombstones tombstones;
  tombstones.add(ends(1), tombstone(1, 10_s));
  tombstones.add(ends(2), tombstone(2, 10_s));
  EXPECT_TRUE(tombstones.take(ends(1), 70_s));
  EXPECT_FALSE(tombstones.take(ends(2), 70_s + 1));
}

TEST(Tombstones, ForgetsTheOldAsTheNewCome) {
  Tombstones tombstones;
  for (uint16_t i = 0; i < 100; ++i) tombstones.add(ends(i), tombstone(i, i * 1_s));
  EXPECT_EQ(tombstones.size(), 61u);
  EXPECT_FALSE(tombstones.take(ends(38), 99_s));
  EXPECT_TRUE(tombstones.take(ends(39), 99_s));
}

TEST(Tombstones, OfEndsThatWereUsedAgainKeepsTheLast) {
  Tombstones tombstones;
  tombstones.add(ends(1), tombstone(1, 10_s));
  tombstones.add(ends(1), tombstone(2, 50_s));
  tombstones.add(ends(2), tombstone(3, 80_s));  // the first is too old by now
  EXPECT_EQ(tombstones.size(), 2u);
  const auto taken = tombstones.take(ends(1), 90_s);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->cookie, 2u);
}

TEST(Tombstones, NeverHoldsMoreThanFit) {
  Tombstones tombstones;
  const auto numbered = [](size_t i) {
    FourTuple out = ends(static_cast<uint16_t>(i & 0xffff));
    out.netns = static_cast<uint32_t>(i >> 16);
    return out;
  };
  constexpr size_t kAdded = Tombstones::kMost + 1000;
  for (size_t i = 0; i < kAdded; ++i) tombstones.add(numbered(i), tombstone(i, 10_s));
  EXPECT_EQ(tombstones.size(), Tombstones::kMost);
  EXPECT_FALSE(tombstones.take(numbered(999), 10_s)) << "the oldest have gone";
  EXPECT_TRUE(tombstones.take(numbered(1000), 10_s));
  EXPECT_TRUE(tombstones.take(numbered(kAdded - 1), 10_s));
}

TEST(Tombstones, CanBeErasedByACondition) {
  Tombstones tombstones;
  tombstones.add(ends(1), tombstone(1, 10_s));
  tombstones.add(ends(3), tombstone(3, 10_s));
  tombstones.erase_if([](const Tombstone& stone) { return stone.cookie == 1; });
  EXPECT_EQ(tombstones.size(), 1u);
  EXPECT_FALSE(tombstones.take(ends(1), 10_s));
  tombstones.add(ends(1), tombstone(2, 10_s));
  EXPECT_EQ(tombstones.take(ends(1), 10_s)->cookie, 2u);
}

}  // namespace
}  // namespace wsbpf
