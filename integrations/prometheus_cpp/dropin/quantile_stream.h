// Estimates chosen quantiles of a stream of numbers in little memory, each with its own error
// (Cormode, Korn, Muthukrishnan, Srivastava: "Effective Computation of Biased Quantiles over Data
// Streams", ICDE 2005, "targeted quantiles"). Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace prometheus {
namespace detail {

struct QuantileTarget {
  double quantile;  // 0 to 1
  double error;     // of the rank, as a part of all numbers
};

// Not thread-safe.
class QuantileStream {
 public:
  explicit QuantileStream(const std::vector<QuantileTarget>& targets);

  // `sorted`: ascending, without NaN.
  void Insert(const std::vector<double>& sorted);
  // A value whose rank among all lies within error of `quantile`; NaN without any number.
  double Query(double quantile) const;
  void Clear();

  std::uint64_t count() const noexcept { return count_; }
  std::size_t samples() const noexcept { return samples_.size(); }

 private:
  // A value that stands for itself and the width - 1 values before it. Its rank is at least the sum
  // of the widths up to its own, and at most `slack` more.
  struct Sample {
    double value;
    std::uint64_t width;
    std::uint64_t slack;
  };

  // How far apart the least and the greatest possible rank of a sample at `rank` may be.
  double Allowed(double rank) const noexcept;
  void Compress();

  std::vector<QuantileTarget> targets_;
  std::vector<Sample> samples_;
  std::vector<Sample> merged_;  // memory of Insert
  std::uint64_t count_ = 0;
};

}  // namespace detail
}  // namespace prometheus
