// Cumulative-bucket histograms in the manner of Prometheus.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace wsbpf {

// Upper bounds in seconds; pinned, dashboards are written against them.
inline constexpr std::array<double, 11> kDurationBuckets_seconds = {
    1, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400, 86400};

struct DurationHistogram {
  std::array<uint64_t, kDurationBuckets_seconds.size() + 1> counts{};  // the last one: above all
  double sum_seconds = 0;

  void observe(double seconds) {
    size_t bucket = 0;
    while (bucket < kDurationBuckets_seconds.size() && seconds > kDurationBuckets_seconds[bucket]) {
      ++bucket;
    }
    ++counts[bucket];
    sum_seconds += seconds;
  }

  DurationHistogram& operator+=(const DurationHistogram& other) {
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum_seconds += other.sum_seconds;
    return *this;
  }
};

}  // namespace wsbpf
