#include "integrations/prometheus_cpp/dropin/quantile_stream.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace prometheus {
namespace detail {
namespace {

// Errors below are taken as this: memory stays bounded.
constexpr double kLeastError = 0.0001;

}  // namespace

QuantileStream::QuantileStream(const std::vector<QuantileTarget>& targets) {
  for (const QuantileTarget& target : targets) {
    // The least and the greatest value are always kept; the error of NaN says nothing.
    if (!(target.quantile > 0 && target.quantile < 1)) continue;
    const double error = target.error >= kLeastError ? target.error : kLeastError;
    // A value below the quantile may be off by what is allowed at its own rank, which is more than
    // at the quantile's. With this part of the error it is off by no more than all of it.
    targets_.push_back({target.quantile, error / (1 + 2 * error / (1 - target.quantile))});
  }
}

double QuantileStream::Allowed(double rank) const noexcept {
  const auto n = static_cast<double>(count_);
  double allowed = n;
  for (const QuantileTarget& target : targets_) {
    const double error = rank <= target.quantile * n
                             ? 2 * target.error * (n - rank) / (1 - target.quantile)
                             : 2 * target.error * rank / target.quantile;
    allowed = std::min(allowed, error);
  }
  return allowed;
}

void QuantileStream::Insert(const std::vector<double>& sorted) {
  if (sorted.empty()) return;
  merged_.clear();
  merged_.reserve(samples_.size() + sorted.size());
  std::uint64_t rank = 0;  // of the samples so far
  std::size_t next = 0;
  for (const double value : sorted) {
    for (; next < samples_.size() && samples_[next].value <= value; ++next) {
      rank += samples_[next].width;
      merged_.push_back(samples_[next]);
    }
    std::uint64_t slack = 0;
    // The ends are known exactly; in between a value may stand anywhere before its successor.
    if (!merged_.empty() && next < samples_.size()) {
      slack = samples_[next].width + samples_[next].slack - 1;
    }
    ++rank;
    ++count_;
    merged_.push_back({value, 1, slack});
  }
  merged_.insert(merged_.end(), samples_.begin() + static_cast<std::ptrdiff_t>(next),
                 samples_.end());
  samples_.swap(merged_);
  Compress();
}

void QuantileStream::Compress() {
  if (samples_.size() < 3) return;
  // From the greatest down; `kept` is where the sample that may take in its predecessor stands.
  std::uint64_t rank = count_ - samples_.back().width;  // of all before samples_[kept]
  std::size_t kept = samples_.size() - 1;
  for (std::size_t i = samples_.size() - 2; i > 0; --i) {
    const Sample& sample = samples_[i];
    Sample& successor = samples_[kept];
    rank -= sample.width;
    const auto joined = static_cast<double>(sample.width + successor.width + successor.slack);
    if (joined <= Allowed(static_cast<double>(rank))) {
      successor.width += sample.width;
    } else {
      samples_[--kept] = sample;
    }
  }
  samples_[--kept] = samples_[0];  // the least value stays by itself
  samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(kept));
}

double QuantileStream::Query(double quantile) const {
  if (samples_.empty()) return std::numeric_limits<double>::quiet_NaN();
  if (!(quantile > 0)) return samples_.front().value;
  if (quantile >= 1) return samples_.back().value;
  const auto n = static_cast<double>(count_);
  const double wanted = std::ceil(quantile * n);
  double most = wanted + Allowed(wanted) / 2;
  for (const QuantileTarget& target : targets_) {
    // Another target nearby may allow less; that must not make this one worse.
    if (target.quantile == quantile) most = wanted + target.error * n;
  }
  double rank = 0;
  for (std::size_t i = 1; i < samples_.size(); ++i) {
    rank += static_cast<double>(samples_[i - 1].width);
    if (rank + static_cast<double>(samples_[i].width + samples_[i].slack) > most) {
      return samples_[i - 1].value;
    }
  }
  return samples_.back().value;
}

void QuantileStream::Clear() {
  samples_.clear();
  count_ = 0;
}

}  // namespace detail
}  // namespace prometheus
