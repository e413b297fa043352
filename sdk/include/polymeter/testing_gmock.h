// GoogleTest matchers over a Metrics or a Snapshot. C++17; needs GoogleTest >= 1.11 with
// GoogleMock, which the test includes itself.
//
//   EXPECT_THAT(metrics, HasCounter("jobs_total", {{"model", "base"}}, 3));
//   EXPECT_THAT(metrics, HasHistogram("job_seconds", {}, Ge(1u), DoubleNear(0.5, 0.1)));
//   EXPECT_THAT(metrics, Not(HasCounter("jobs_failed_total")));
//
// Numbers are matched by a value or by any matcher of double (of a histogram's count: of uint64_t).
// Labels are all of the series' labels, as in testing.h. A failure shows what the family has
// instead, and when there is no such family, names that are near.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "polymeter/testing.h"

// Declared by GoogleTest; the matchers below are templates and need no more until they are used.
namespace testing {
template <typename T>
class Matcher;
}  // namespace testing

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace matchers {

struct AnyNumber {};  // no matcher was given

inline const Snapshot& SnapshotOf(const Snapshot& snapshot) { return snapshot; }
inline Snapshot SnapshotOf(const Metrics& metrics) { return metrics.TakeSnapshot(); }

template <class Number, class M>
::testing::Matcher<Number> MatcherOf(const M& matcher) {
  if constexpr (std::is_arithmetic<M>::value) {
    return ::testing::Matcher<Number>(static_cast<Number>(matcher));
  } else {
    return ::testing::Matcher<Number>(matcher);
  }
}

// Says "<what> that ..." of one number.
template <class Number, class M>
void DescribeNumber(const char* what, const M& matcher, std::ostream* out) {
  *out << what;
  MatcherOf<Number>(matcher).DescribeTo(out);
}
template <class Number>
void DescribeNumber(const char*, const AnyNumber&, std::ostream*) {}

template <class Number, class M>
bool MatchesNumber(const M& matcher, Number number) {
  return MatcherOf<Number>(matcher).Matches(number);
}
template <class Number>
bool MatchesNumber(const AnyNumber&, Number) {
  return true;
}

// A counter, gauge or info with a value.
template <class Point, class M>
class HasValueMatcher {
 public:
  using is_gtest_matcher = void;
  HasValueMatcher(MetricType type, std::string_view name, LabelSet labels, M matcher)
      : type_(type), name_(name), labels_(std::move(labels)), matcher_(std::move(matcher)) {}

  template <class MetricsOrSnapshot>
  bool MatchAndExplain(const MetricsOrSnapshot& of, std::ostream* out) const {
    const Snapshot snapshot = SnapshotOf(of);
    if (FindPoint<Point>(snapshot, name_, labels_) == nullptr) {
      if (out != nullptr) *out << NearMisses(snapshot, type_, name_);
      return false;
    }
    const double value = ValueOf(snapshot, name_, labels_).value_or(0);
    if (out != nullptr) *out << "whose value is " << value;
    return MatchesNumber<double>(matcher_, value);
  }
  void DescribeTo(std::ostream* out) const {
    *out << "has the " << ToString(type_) << " " << SeriesText(name_, labels_);
    DescribeNumber<double>(" with a value that ", matcher_, out);
  }
  void DescribeNegationTo(std::ostream* out) const {
    *out << "does not have the " << ToString(type_) << " " << SeriesText(name_, labels_);
    DescribeNumber<double>(" with a value that ", matcher_, out);
  }

 private:
  MetricType type_;
  std::string name_;
  LabelSet labels_;
  M matcher_;
};

// A histogram or summary with a count and a sum.
template <class Point, class Count, class Sum>
class HasObservationsMatcher {
 public:
  using is_gtest_matcher = void;
  HasObservationsMatcher(MetricType type, std::string_view name, LabelSet labels, Count count,
                         Sum sum)
      : type_(type),
        name_(name),
        labels_(std::move(labels)),
        count_(std::move(count)),
        sum_(std::move(sum)) {}

  template <class MetricsOrSnapshot>
  bool MatchAndExplain(const MetricsOrSnapshot& of, std::ostream* out) const {
    const Snapshot snapshot = SnapshotOf(of);
    const auto* const point = FindPoint<Point>(snapshot, name_, labels_);
    if (point == nullptr) {
      if (out != nullptr) *out << NearMisses(snapshot, type_, name_);
      return false;
    }
    if (out != nullptr) *out << "whose count is " << point->count << " and sum " << point->sum;
    return MatchesNumber<std::uint64_t>(count_, point->count) &&
           MatchesNumber<double>(sum_, point->sum);
  }
  void DescribeTo(std::ostream* out) const { Describe("has", out); }
  void DescribeNegationTo(std::ostream* out) const { Describe("does not have", out); }

 private:
  void Describe(const char* verb, std::ostream* out) const {
    *out << verb << " the " << ToString(type_) << " " << SeriesText(name_, labels_);
    DescribeNumber<std::uint64_t>(" with a count that ", count_, out);
    DescribeNumber<double>(" with a sum that ", sum_, out);
  }

  MetricType type_;
  std::string name_;
  LabelSet labels_;
  Count count_;
  Sum sum_;
};

}  // namespace matchers

// Matches a Metrics or Snapshot that has this counter, with a value that `value` matches.
template <class M = matchers::AnyNumber>
matchers::HasValueMatcher<CounterPoint, M> HasCounter(std::string_view name, LabelSet labels = {},
                                                      M value = {}) {
  return {MetricType::kCounter, name, std::move(labels), std::move(value)};
}
// The same of a gauge.
template <class M = matchers::AnyNumber>
matchers::HasValueMatcher<GaugePoint, M> HasGauge(std::string_view name, LabelSet labels = {},
                                                  M value = {}) {
  return {MetricType::kGauge, name, std::move(labels), std::move(value)};
}
// The same of a histogram, with a count and a sum that the matchers match.
template <class Count = matchers::AnyNumber, class Sum = matchers::AnyNumber>
matchers::HasObservationsMatcher<HistogramPoint, Count, Sum> HasHistogram(std::string_view name,
                                                                          LabelSet labels = {},
                                                                          Count count = {},
                                                                          Sum sum = {}) {
  return {MetricType::kHistogram, name, std::move(labels), std::move(count), std::move(sum)};
}
// The same of a summary.
template <class Count = matchers::AnyNumber, class Sum = matchers::AnyNumber>
matchers::HasObservationsMatcher<SummaryPoint, Count, Sum> HasSummary(std::string_view name,
                                                                      LabelSet labels = {},
                                                                      Count count = {},
                                                                      Sum sum = {}) {
  return {MetricType::kSummary, name, std::move(labels), std::move(count), std::move(sum)};
}
// Matches a Metrics or Snapshot that has this info.
inline matchers::HasValueMatcher<InfoPoint, matchers::AnyNumber> HasInfo(std::string_view name,
                                                                         LabelSet labels = {}) {
  return {MetricType::kInfo, name, std::move(labels), {}};
}

}  // namespace testing
POLYMETER_END_NAMESPACE
