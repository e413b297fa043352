// Summary: quantiles of the latest observations, and the number and sum of all. C++14.
#pragma once

#include <chrono>
#include <vector>

#include "polymeter/export.h"
#include "prometheus/client_metric.h"
#include "prometheus/detail/builder.h"
#include "prometheus/detail/ckms_quantiles.h"
#include "prometheus/metric_type.h"

namespace prometheus {
namespace detail {
class SummaryState;
}  // namespace detail

// Thread-safe; Observe takes a lock. A child made by fork() starts from zero.
class POLYMETER_EXPORT Summary {
 public:
  using Quantiles = std::vector<detail::CKMSQuantiles::Quantile>;

  static const MetricType metric_type{MetricType::Summary};

  // Quantiles are of the observations of the last `max_age`, of which a part of 1/age_buckets
  // goes at a time; without any they are NaN. `age_buckets` below 1 counts as 1.
  Summary(const Quantiles& quantiles,  // NOLINT: as in prometheus-cpp
          std::chrono::milliseconds max_age = std::chrono::seconds{60}, int age_buckets = 5);
  ~Summary();
  Summary(const Summary&) = delete;
  Summary& operator=(const Summary&) = delete;

  void Observe(double value);

  ClientMetric Collect() const;

 private:
  friend struct InstrumentAccess;
  detail::SummaryState& State() const;

  mutable detail::SummaryState* state_;
};

// Describes a family of summaries; Register(registry) makes it.
POLYMETER_EXPORT detail::Builder<Summary> BuildSummary();

}  // namespace prometheus
