// The parts that Prometheus metrics are made of.
#pragma once

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/histogram.h"

namespace wsbpf {

using Labels = std::vector<prometheus::ClientMetric::Label>;

struct Exposition {
  std::vector<prometheus::MetricFamily> families;

  prometheus::MetricFamily& family(std::string name, std::string help,
                                   prometheus::MetricType type) {
    families.push_back({std::move(name), std::move(help), type, {}});
    return families.back();
  }
};

inline void add_value(prometheus::MetricFamily& family, Labels labels, double value) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  if (family.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

template <const auto& bounds_seconds>
void add_histogram(prometheus::MetricFamily& family, Labels labels,
                   const Histogram<bounds_seconds>& histogram) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  uint64_t cumulative = 0;
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    cumulative += histogram.counts[i];
    const bool last = i == bounds_seconds.size();
    metric.histogram.bucket.push_back(
        {cumulative, last ? std::numeric_limits<double>::infinity() : bounds_seconds[i]});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = histogram.sum_seconds;
  family.metric.push_back(std::move(metric));
}

// What a histogram takes: its buckets, its sum and its count.
template <const auto& bounds_seconds>
constexpr size_t series_of(const Histogram<bounds_seconds>&) {
  return bounds_seconds.size() + 3;
}

}  // namespace wsbpf
