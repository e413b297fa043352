#include "polymeter/testing.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "sdk/src/native_quantile.h"
#include "sdk/src/near_miss.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

constexpr std::size_t kMostShown = 20;  // series in the message of a failed matcher

struct ValueOfPoint {
  std::optional<double> operator()(const CounterPoint& point) const { return point.value(); }
  std::optional<double> operator()(const GaugePoint& point) const { return point.value; }
  std::optional<double> operator()(const UnknownPoint& point) const { return point.value; }
  std::optional<double> operator()(const InfoPoint&) const { return 1; }
  std::optional<double> operator()(const HistogramPoint&) const { return {}; }
  std::optional<double> operator()(const SummaryPoint&) const { return {}; }
};

// Calls visit(point) for the point of the series, whatever its kind. False: there is none.
template <class Visit>
bool VisitPoint(const Snapshot& snapshot, std::string_view name, const LabelSet& labels,
                Visit&& visit) {
  const FamilyView* const family = FindFamily(snapshot, name);
  if (family == nullptr) return false;
  return std::visit(
      [&](const auto& points) {
        for (const auto& point : points) {
          if (!labels.Match(*family, point.series)) continue;
          visit(point);
          return true;
        }
        return false;
      },
      family->points);
}

std::string NumberText(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), number, std::chars_format::general).ptr;
  return std::string(text, end);
}

std::string QuotedValue(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string LabelsText(const FamilyView& family, SeriesView series) {
  std::vector<std::pair<std::string, std::string>> labels;
  VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
    labels.emplace_back(std::string(name), std::string(value));
  });
  std::sort(labels.begin(), labels.end());
  std::string out = "{";
  for (const auto& [name, value] : labels) {
    out += (out.size() > 1 ? "," : "") + name + "=" + QuotedValue(value);
  }
  return out + "}";
}

struct TextOfPoint {
  template <class Point>
  std::string operator()(const Point& point) const {
    return NumberText(ValueOfPoint()(point).value_or(0));
  }
  std::string operator()(const CounterPoint& point) const {
    return point.is_integer() ? std::to_string(point.whole) : NumberText(point.value());
  }
  std::string operator()(const HistogramPoint& point) const {
    std::string out = "count=" + std::to_string(point.count) + " sum=" + NumberText(point.sum);
    std::uint64_t below = 0;
    for (std::uint32_t i = 0; i <= point.bound_count; ++i) {
      if (point.buckets[i] == 0) continue;
      below += point.buckets[i];
      out += " le(" + (i < point.bound_count ? NumberText(point.bounds[i]) : "+Inf") +
             ")=" + std::to_string(below);
    }
    return out;
  }
  std::string operator()(const SummaryPoint& point) const {
    std::string out = "count=" + std::to_string(point.count) + " sum=" + NumberText(point.sum);
    for (std::uint32_t i = 0; i < point.quantile_count; ++i) {
      out += " quantile(" + NumberText(point.quantiles[i].quantile) +
             ")=" + NumberText(point.quantiles[i].value);
    }
    return out;
  }
};

std::vector<std::string> LinesOf(const FamilyView& family) {
  std::vector<std::string> lines;
  std::visit(
      [&](const auto& points) {
        for (const auto& point : points) {
          lines.push_back(std::string(family.name) + LabelsText(family, point.series) + " " +
                          TextOfPoint()(point));
        }
      },
      family.points);
  std::sort(lines.begin(), lines.end());
  return lines;
}

// Linear within the bucket that the rank falls into; the first one begins at 0 unless its bound is
// negative, and for the last one the highest bound stands.
// https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
std::optional<double> QuantileOfHistogram(const HistogramPoint& point, double quantile) {
  if (point.native != nullptr) return detail::QuantileOfNative(*point.native, quantile);
  if (point.count == 0 || point.bound_count == 0 || std::isnan(quantile)) return {};
  if (quantile < 0) return -std::numeric_limits<double>::infinity();
  if (quantile > 1) return std::numeric_limits<double>::infinity();
  const double rank = quantile * static_cast<double>(point.count);
  double below = 0;
  for (std::uint32_t i = 0; i < point.bound_count; ++i) {
    const auto here = static_cast<double>(point.buckets[i]);
    if (below + here < rank || here == 0) {
      below += here;
      continue;
    }
    const double upper = point.bounds[i];
    if (i == 0 && upper <= 0) return upper;
    const double lower = i == 0 ? 0 : point.bounds[i - 1];
    return lower + (upper - lower) * (rank - below) / here;
  }
  return point.bounds[point.bound_count - 1];
}

}  // namespace

bool LabelSet::Match(const FamilyView& family, SeriesView series) const noexcept {
  std::size_t seen = 0;
  std::size_t right = 0;
  VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
    ++seen;
    for (const auto& wanted : labels_) right += wanted.first == name && wanted.second == value;
  });
  return seen == labels_.size() && right == labels_.size();
}

// --- values ----------------------------------------------------------------------------------

std::optional<double> ValueOf(const Snapshot& snapshot, std::string_view name,
                              const LabelSet& labels) {
  std::optional<double> value;
  VisitPoint(snapshot, name, labels, [&](const auto& point) { value = ValueOfPoint()(point); });
  return value;
}

std::optional<std::uint64_t> CountOf(const Snapshot& snapshot, std::string_view name,
                                     const LabelSet& labels) {
  if (const auto* h = FindPoint<HistogramPoint>(snapshot, name, labels)) return h->count;
  if (const auto* s = FindPoint<SummaryPoint>(snapshot, name, labels)) return s->count;
  return {};
}

std::optional<double> SumOf(const Snapshot& snapshot, std::string_view name,
                            const LabelSet& labels) {
  if (const auto* h = FindPoint<HistogramPoint>(snapshot, name, labels)) return h->sum;
  if (const auto* s = FindPoint<SummaryPoint>(snapshot, name, labels)) return s->sum;
  return {};
}

std::optional<std::uint64_t> BucketOf(const Snapshot& snapshot, std::string_view name, double le,
                                      const LabelSet& labels) {
  const auto* const point = FindPoint<HistogramPoint>(snapshot, name, labels);
  if (point == nullptr) return {};
  if (le == std::numeric_limits<double>::infinity()) return point->count;
  std::uint64_t below = 0;
  for (std::uint32_t i = 0; i < point->bound_count; ++i) {
    below += point->buckets[i];
    if (point->bounds[i] == le) return below;
  }
  return {};
}

std::optional<double> QuantileOf(const Snapshot& snapshot, std::string_view name, double quantile,
                                 const LabelSet& labels) {
  if (const auto* h = FindPoint<HistogramPoint>(snapshot, name, labels)) {
    return QuantileOfHistogram(*h, quantile);
  }
  const auto* const summary = FindPoint<SummaryPoint>(snapshot, name, labels);
  for (std::uint32_t i = 0; summary != nullptr && i < summary->quantile_count; ++i) {
    if (summary->quantiles[i].quantile == quantile) return summary->quantiles[i].value;
  }
  return {};
}

bool Exists(const Snapshot& snapshot, std::string_view name, const LabelSet& labels) {
  return VisitPoint(snapshot, name, labels, [](const auto&) {});
}

std::size_t SeriesCount(const Snapshot& snapshot, std::string_view name) {
  const FamilyView* const family = FindFamily(snapshot, name);
  return family == nullptr ? 0 : family->size();
}

// --- Delta -----------------------------------------------------------------------------------

Delta::Delta(const Metrics& metrics, std::string_view name, LabelSet labels)
    : metrics_(metrics), name_(name), labels_(std::move(labels)), begin_(Now()) {}

Delta::Numbers Delta::Now() const {
  Numbers numbers;
  const Snapshot snapshot = metrics_.TakeSnapshot();
  const auto* const family = FindFamily(snapshot, name_);
  numbers.counts = family != nullptr && family->type() != MetricType::kGauge &&
                   family->type() != MetricType::kUnknown;
  VisitPoint(snapshot, name_, labels_, [&](const auto& point) {
    numbers.index = point.series.index();
    numbers.generation = point.series.generation();
    numbers.value = ValueOfPoint()(point).value_or(0);
  });
  numbers.count = CountOf(snapshot, name_, labels_).value_or(0);
  numbers.sum = SumOf(snapshot, name_, labels_).value_or(0);
  return numbers;
}

Delta::Numbers Delta::Base(const Numbers& now) const {
  const bool same = begin_.index == now.index && begin_.generation == now.generation;
  const bool has_identity = begin_.generation != 0;  // a producer's series has none
  return begin_.counts && has_identity && !same ? Numbers() : begin_;
}

double Delta::value() const {
  const Numbers now = Now();
  return now.value - Base(now).value;
}
std::int64_t Delta::count() const {
  const Numbers now = Now();
  return static_cast<std::int64_t>(now.count - Base(now).count);
}
double Delta::sum() const {
  const Numbers now = Now();
  return now.sum - Base(now).sum;
}

// --- text ------------------------------------------------------------------------------------

std::string ToText(const Snapshot& snapshot, std::string_view family) {
  std::string out;
  for (const FamilyView& view : snapshot.families()) {
    const bool own = view.name.substr(0, 10) == "polymeter_";
    if (family.empty() ? own : view.name != family) continue;
    for (const std::string& line : LinesOf(view)) out += line + "\n";
  }
  return out;
}

namespace matchers {

std::string SeriesText(std::string_view name, const LabelSet& labels) {
  std::string out = std::string(name) + "{";
  const char* comma = "";
  for (const auto& [label, value] : labels.labels()) {
    out += comma + label + "=" + QuotedValue(value);
    comma = ",";
  }
  return out + "}";
}

std::string NearMisses(const Snapshot& snapshot, MetricType type, std::string_view name) {
  const FamilyView* const family = FindFamily(snapshot, name);
  if (family == nullptr) {
    std::vector<std::string> names;
    for (const FamilyView& other : snapshot.families()) names.emplace_back(other.name);
    const std::string_view near = detail::NearMiss(name, names);
    std::string out = "which has no family " + std::string(name);
    if (!near.empty()) return out + "; did you mean " + std::string(near) + "?";
    // A name without its ending, or with another one.
    std::string same_beginning;
    for (const std::string& other : names) {
      const std::size_t shared = std::min(other.size(), name.size());
      if (shared >= 3 && other.substr(0, shared) == name.substr(0, shared)) {
        same_beginning += (same_beginning.empty() ? "" : ", ") + other;
      }
    }
    return same_beginning.empty() ? out : out + "; there is " + same_beginning;
  }
  if (family->type() != type) {
    return "where " + std::string(name) + " is a " + std::string(ToString(family->type()));
  }
  const std::vector<std::string> lines = LinesOf(*family);
  if (lines.empty()) return "where " + std::string(name) + " has no series";
  std::string out = "where " + std::string(name) + " has";
  for (std::size_t i = 0; i < std::min(lines.size(), kMostShown); ++i) out += "\n  " + lines[i];
  if (lines.size() > kMostShown) {
    out += "\n  and " + std::to_string(lines.size() - kMostShown) + " more";
  }
  return out;
}

}  // namespace matchers
}  // namespace testing
POLYMETER_END_NAMESPACE
