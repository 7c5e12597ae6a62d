// Cumulative-bucket histograms in the manner of Prometheus.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace wsbpf {

// Upper bounds in seconds; pinned, dashboards are written against them.
inline constexpr std::array<double, 11> kDurationBuckets_seconds = {
    1, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400, 86400};

// From a round trip on one host to a peer that has all but gone.
inline constexpr std::array<double, 12> kPingBuckets_seconds = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};

template <const auto& bounds_seconds>
struct Histogram {
  static constexpr const auto& kBounds_seconds = bounds_seconds;

  std::array<uint64_t, bounds_seconds.size() + 1> counts{};  // the last one: above all
  double sum_seconds = 0;

  void observe(double seconds) {
    size_t bucket = 0;
    while (bucket < bounds_seconds.size() && seconds > bounds_seconds[bucket]) ++bucket;
    ++counts[bucket];
    sum_seconds += seconds;
  }

  Histogram& operator+=(const Histogram& other) {
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum_seconds += other.sum_seconds;
    return *this;
  }
};

using DurationHistogram = Histogram<kDurationBuckets_seconds>;
using PingHistogram = Histogram<kPingBuckets_seconds>;

}  // namespace wsbpf
