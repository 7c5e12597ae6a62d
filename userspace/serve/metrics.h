// Prometheus metrics, made from a snapshot for each scrape: nothing is kept, so nothing goes stale.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "serve/observed.h"

namespace wsbpf {

// Series of one exposition; listeners beyond it are summed up under port="other".
inline constexpr size_t kSeriesLimit = 5000;

class MetricsCollector : public prometheus::Collectable {
 public:
  explicit MetricsCollector(const Observed& observed) : observed_(observed) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Observed& observed_;
};

// The text exposition format, version 0.0.4.
std::string metrics_text(const Observed& observed);

}  // namespace wsbpf
