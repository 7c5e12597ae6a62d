// Values at stable indexes.
#include "core/slab.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace wsbpf {
namespace {

TEST(Slab, KeepsValuesAtTheirIndexes) {
  Slab<std::string> slab;
  const uint32_t first = slab.insert("first");
  const uint32_t second = slab.insert("second");
  slab.erase(first);
  EXPECT_FALSE(slab.contains(first));
  EXPECT_TRUE(slab.contains(second));
  EXPECT_EQ(slab[second], "second");
  EXPECT_EQ(slab.size(), 1u);
}

TEST(Slab, GivesFreedIndexesOutAgain) {
  Slab<int> slab;
  slab.insert(1);
  const uint32_t freed = slab.insert(2);
  slab.insert(3);
  slab.erase(freed);
  EXPECT_EQ(slab.insert(4), freed);
  EXPECT_EQ(slab.end(), 3u);
  EXPECT_EQ(slab[freed], 4);
}

TEST(Slab, DropsTheValueThatIsErased) {
  Slab<std::shared_ptr<int>> slab;
  const auto value = std::make_shared<int>(1);
  slab.erase(slab.insert(value));
  EXPECT_EQ(value.use_count(), 1);
}

TEST(Slab, GrowingMovesNothing) {
  Slab<int> slab;
  const int* const first = &slab[slab.insert(0)];
  for (int i = 1; i < 5000; ++i) slab.insert(i);
  EXPECT_EQ(&slab[0], first);
  for (uint32_t i = 0; i < 5000; ++i) ASSERT_EQ(slab[i], static_cast<int>(i));
}

TEST(Slab, VisitsWhatIsThereInOrder) {
  Slab<int> slab;
  for (int i = 0; i < 2000; ++i) slab.insert(i);
  for (uint32_t i = 1; i < 2000; i += 2) slab.erase(i);
  std::vector<int> seen;
  slab.each([&](uint32_t, int value) { seen.push_back(value); });
  ASSERT_EQ(seen.size(), 1000u);
  for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], static_cast<int>(2 * i));
}

TEST(Slab, TheVisitedMayBeErased) {
  Slab<int> slab;
  for (int i = 0; i < 10; ++i) slab.insert(i);
  slab.each([&](uint32_t index, int value) {
    if (value % 2 == 0) slab.erase(index);
  });
  EXPECT_EQ(slab.size(), 5u);
}

TEST(Slab, DoesNotContainWhatWasNeverGivenOut) {
  const Slab<int> slab;
  EXPECT_FALSE(slab.contains(0));
  EXPECT_EQ(slab.size(), 0u);
}

}  // namespace
}  // namespace wsbpf
