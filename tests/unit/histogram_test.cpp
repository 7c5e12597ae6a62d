// Buckets of durations.
#include "core/histogram.h"

#include <gtest/gtest.h>

#include <numeric>

namespace wsbpf {
namespace {

TEST(DurationHistogram, ABoundBelongsToItsBucket) {
  DurationHistogram histogram;
  for (const double bound : kDurationBuckets_seconds) histogram.observe(bound);
  for (size_t i = 0; i < kDurationBuckets_seconds.size(); ++i) EXPECT_EQ(histogram.counts[i], 1u);
  EXPECT_EQ(histogram.counts.back(), 0u);
}

TEST(DurationHistogram, TheLastBucketTakesTheRest) {
  DurationHistogram histogram;
  histogram.observe(86400.1);
  EXPECT_EQ(histogram.counts.back(), 1u);
}

TEST(DurationHistogram, NothingIsShort) {
  DurationHistogram histogram;
  histogram.observe(0);
  EXPECT_EQ(histogram.counts.front(), 1u);
}

TEST(DurationHistogram, AddsUp) {
  DurationHistogram a;
  a.observe(2);
  a.observe(40);
  DurationHistogram b;
  b.observe(45);
  a += b;
  EXPECT_EQ(std::accumulate(a.counts.begin(), a.counts.end(), uint64_t{0}), 3u);
  EXPECT_EQ(a.counts[3], 2u);
  EXPECT_DOUBLE_EQ(a.sum_seconds, 87);
}

}  // namespace
}  // namespace wsbpf
