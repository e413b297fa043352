// What stands behind a Summary: number and sum of all observations, and quantiles of the latest
// ones. Internal.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

#include "integrations/prometheus_cpp/dropin/quantile_stream.h"
#include "prometheus/client_metric.h"
#include "prometheus/summary.h"

namespace prometheus {
namespace detail {

// Observations go into `age_buckets` streams that were begun one after the other; the oldest one
// answers, and is emptied when it gets too old. They share the buffer in which observations are
// gathered and sorted. Thread-safe.
class SummaryState {
 public:
  using Clock = std::chrono::steady_clock;

  SummaryState(const Summary::Quantiles& quantiles, std::chrono::milliseconds max_age,
               int age_buckets, std::uint32_t forks);

  void Observe(double value, Clock::time_point now = Clock::now());
  // Appends the quantiles in the order in which they were asked for.
  struct Totals {
    std::uint64_t count;
    double sum;
  };
  Totals Read(std::vector<ClientMetric::Quantile>& quantiles, Clock::time_point now = Clock::now());

  // In which generation of forked processes it was made: another one's is not to be touched, its
  // lock may be taken for ever.
  std::uint32_t forks() const noexcept { return forks_; }
  // The same without any observation, for the process of that generation.
  SummaryState* Renewed(std::uint32_t forks) const;
  // Of one that such a process has renewed: kept where nobody takes it for lost, because a thread
  // that is not there may have been changing it.
  void Abandon() noexcept;

 private:
  void Flush();
  void Rotate(Clock::time_point now);

  static constexpr std::size_t kBuffered = 512;

  const Summary::Quantiles quantiles_;
  const std::chrono::milliseconds max_age_;
  const std::size_t age_buckets_;
  const std::uint32_t forks_;
  const Clock::duration interval_;
  SummaryState* abandoned_before_ = nullptr;

  std::mutex mutex_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::vector<double> buffer_;  // in no stream yet
  std::vector<QuantileStream> streams_;
  std::size_t oldest_ = 0;
  Clock::time_point last_rotation_;
};

}  // namespace detail
}  // namespace prometheus
