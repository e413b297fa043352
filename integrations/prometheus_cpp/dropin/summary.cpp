#include "prometheus/summary.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "integrations/prometheus_cpp/dropin/drop_in_process.h"
#include "integrations/prometheus_cpp/dropin/summary_state.h"

namespace prometheus {
namespace detail {

SummaryState::SummaryState(const Summary::Quantiles& quantiles, std::chrono::milliseconds max_age,
                           int age_buckets, std::uint32_t forks)
    : quantiles_(quantiles),
      max_age_(std::max(max_age, std::chrono::milliseconds(1))),
      age_buckets_(static_cast<std::size_t>(std::max(age_buckets, 1))),
      forks_(forks),
      interval_(std::max<Clock::duration>(
          Clock::duration(max_age_) / static_cast<Clock::rep>(age_buckets_), Clock::duration(1))),
      last_rotation_(Clock::now()) {
  if (quantiles_.empty()) return;  // number and sum alone
  std::vector<QuantileTarget> targets;
  for (const auto& quantile : quantiles_) targets.push_back({quantile.quantile, quantile.error});
  streams_.assign(age_buckets_, QuantileStream(targets));
}

SummaryState* SummaryState::Renewed(std::uint32_t forks) const {
  return new SummaryState(quantiles_, max_age_, static_cast<int>(age_buckets_), forks);
}

void SummaryState::Abandon() noexcept {
  static constinit std::atomic<SummaryState*> last{nullptr};
  abandoned_before_ = last.load(std::memory_order_relaxed);
  while (!last.compare_exchange_weak(abandoned_before_, this, std::memory_order_release,
                                     std::memory_order_relaxed)) {
  }
}

void SummaryState::Observe(double value, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  ++count_;
  sum_ += value;
  if (streams_.empty()) return;
  Rotate(now);
  if (std::isnan(value)) return;  // it has no rank
  buffer_.push_back(value);
  if (buffer_.size() >= kBuffered) Flush();
}

void SummaryState::Flush() {
  std::sort(buffer_.begin(), buffer_.end());
  for (QuantileStream& stream : streams_) stream.Insert(buffer_);
  buffer_.clear();
}

void SummaryState::Rotate(Clock::time_point now) {
  if (now - last_rotation_ < interval_) return;
  Flush();
  const auto due = static_cast<std::uint64_t>((now - last_rotation_) / interval_);
  last_rotation_ += interval_ * static_cast<Clock::rep>(due);
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(due, streams_.size()); ++i) {
    streams_[oldest_].Clear();
    oldest_ = (oldest_ + 1) % streams_.size();
  }
}

SummaryState::Totals SummaryState::Read(std::vector<ClientMetric::Quantile>& quantiles,
                                        Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (!streams_.empty()) {
    Rotate(now);
    Flush();
  }
  for (const auto& quantile : quantiles_) {
    ClientMetric::Quantile& read = quantiles.emplace_back();
    read.quantile = quantile.quantile;
    read.value = streams_[oldest_].Query(quantile.quantile);
  }
  return {count_, sum_};
}

}  // namespace detail

const MetricType Summary::metric_type;

Summary::Summary(const Quantiles& quantiles, std::chrono::milliseconds max_age, int age_buckets)
    : state_(new detail::SummaryState(quantiles, max_age, age_buckets,
                                      detail::DropInProcess::Instance().forks())) {}

Summary::~Summary() {
  // The parent's state may be locked for ever in a child.
  if (state_->forks() == detail::DropInProcess::Instance().forks()) {
    delete state_;
  } else {
    state_->Abandon();
  }
}

detail::SummaryState& Summary::State() const {
  detail::SummaryState* state = __atomic_load_n(&state_, __ATOMIC_ACQUIRE);
  const std::uint32_t forks = detail::DropInProcess::Instance().forks();
  if (__builtin_expect(state->forks() == forks, 1)) return *state;
  detail::SummaryState* const renewed = state->Renewed(forks);
  if (__atomic_compare_exchange_n(&state_, &state, renewed, /*weak=*/false, __ATOMIC_ACQ_REL,
                                  __ATOMIC_ACQUIRE)) {
    state->Abandon();
    return *renewed;
  }
  delete renewed;  // another thread was faster
  return *state;
}

void Summary::Observe(double value) { State().Observe(value); }

ClientMetric Summary::Collect() const {
  ClientMetric metric;
  const auto totals = State().Read(metric.summary.quantile);
  metric.summary.sample_count = totals.count;
  metric.summary.sample_sum = totals.sum;
  return metric;
}

}  // namespace prometheus
