// What a family may be: names, labels and buckets that are accepted, and what clashes with a family
// that is there.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <span>

#include "polymeter/buckets.h"
#include "sdk/src/bucket_limit.h"
#include "sdk/src/native_spec.h"
#include "sdk/src/registry.h"
#include "sdk/src/snapshot_data.h"
#include "sdk/src/text.h"
#include "sdk/src/units.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool EndsWith(std::string_view text, std::string_view suffix) noexcept {
  return text.size() > suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

std::string LabelsOf(const std::vector<std::string>& names) {
  std::string out = "{";
  for (const std::string& name : names) out += (out.size() > 1 ? "," : "") + ShownName(name);
  return out + "}";
}

// What stands behind the names of a family's samples.
std::span<const std::string_view> SampleSuffixes(MetricType type) noexcept {
  static constexpr std::string_view kHistogram[] = {"_bucket", "_sum", "_count", "_created"};
  static constexpr std::string_view kInfo[] = {"_info"};
  switch (type) {
    case MetricType::kHistogram:
      return kHistogram;
    case MetricType::kSummary:
      return std::span(kHistogram).subspan(1);
    case MetricType::kInfo:
      return kInfo;
    default:
      return {};
  }
}

// A family in words, for an error that names two: counter jobs_total{model,language}.
std::string Describe(const FamilySpec& spec) {
  std::string out =
      std::string(ToString(spec.type)) + " " + ShownName(spec.name) + LabelsOf(spec.labels);
  if (!spec.unit.empty()) out += " in " + spec.unit;
  if (spec.additive) out += ", additive";
  if (spec.bounds != nullptr && spec.bounds->count != 0) {
    out += " with buckets";
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(spec.bounds->count, 20); ++i) {
      char text[32];
      std::snprintf(text, sizeof(text), " %g", spec.bounds->values[i]);
      out += text;
    }
    if (spec.bounds->count > 20) out += " ...";
  }
  if (spec.native) out += DescribeNative(*spec.native);
  if (spec.type == MetricType::kSummary) out += InWords(spec.summary);
  return out;
}

}  // namespace

std::optional<std::size_t> Registry::BucketsNamed(std::string_view name, std::size_t begin,
                                                  std::size_t end) const {
  for (std::size_t i = end; i-- > begin;) {
    const std::string& family = buckets_[i].first;
    if (family == name || prefix_ + family == name) return i;
  }
  return std::nullopt;
}

Status Registry::CheckBounds(const FamilyOptions& options, FamilySpec& spec) const {
  std::optional<std::vector<double>> asked = options.buckets();
  spec.native = options.native();
  if (!spec.viewed_buckets) {
    // The last one of METRICS_BUCKETS decides, on top of the last one of the code.
    const std::size_t of_code = buckets_.size() - configured_buckets_;
    if (const auto i = BucketsNamed(spec.name, 0, of_code)) {
      asked = buckets_[*i].second;
      spec.native = native_buckets_[*i];
    }
    if (const auto i = BucketsNamed(spec.name, of_code, buckets_.size())) {
      asked = buckets_[*i].second;
      if (!native_buckets_[*i]) {
        spec.native.reset();
      } else {
        // How many buckets there may be, and what counts as zero, is still the code's to say.
        if (!spec.native) spec.native.emplace();
        spec.native->Schema(native_buckets_[*i]->schema());
      }
    }
  }
  if (spec.native) {
    Status status = CheckNative(spec.name, *spec.native);
    if (!status) return status;
    if (!asked || asked->empty()) {
      spec.bounds = InternBounds({});
      return {};
    }
  }
  std::vector<double> bounds = asked ? *std::move(asked) : LatencyBuckets();
  if (!bounds.empty() && bounds.back() == std::numeric_limits<double>::infinity()) {
    bounds.pop_back();  // every histogram has it anyway
  }
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (bounds[i] == 0) bounds[i] = 0;  // -0 and 0 are one bound
    if (!std::isfinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1])) {
      return Status::Error("histogram " + ShownName(spec.name) +
                           ": buckets must be finite and ascend, and bound " + std::to_string(i) +
                           " does not");
    }
  }
  if (bounds.empty() || bounds.size() > kMostBounds) {
    return Status::Error("histogram " + ShownName(spec.name) + ": has " +
                         std::to_string(bounds.size()) + " buckets, where 1 to " +
                         std::to_string(kMostBounds) + " are accepted");
  }
  spec.bounds = InternBounds(bounds);
  return {};
}

Status Registry::Check(MetricType type, std::string_view name, const std::string_view* labels,
                       std::size_t count, const FamilyOptions& options, FamilySpec& spec) const {
  const auto bad = [&](const std::string& why) {
    return Status::Error(std::string(ToString(type)) + " " + Quoted(name) + ": " + why);
  };
  spec.type = type;
  spec.name = prefix_ + std::string(name);
  if (name.empty() || !IsMetricName(spec.name, names_)) {
    return bad("a name is " + std::string(AcceptedMetricNames(names_)) +
               " and begins with no '__'");
  }
  if (count > kMostLabels) return bad("more than " + std::to_string(kMostLabels) + " labels");
  const auto reserved = [&](std::string_view label) {
    return !IsLabelName(label, names_) || (type == MetricType::kHistogram && label == "le") ||
           (type == MetricType::kSummary && label == "quantile") || label == kOverflowLabel;
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (reserved(labels[i])) {
      return bad("label " + Quoted(labels[i]) + " is reserved or not " +
                 std::string(AcceptedLabelNames(names_)));
    }
    if (std::find(labels, labels + i, labels[i]) != labels + i) {
      return bad("label " + Quoted(labels[i]) + " is named twice");
    }
    spec.labels.emplace_back(labels[i]);
  }
  for (const auto& [label, value] : options.const_labels()) {
    const auto same = [&n = label](const auto& known) { return known.first == n; };
    if (reserved(label) || std::find(labels, labels + count, label) != labels + count ||
        std::any_of(spec.const_labels.begin(), spec.const_labels.end(), same)) {
      return bad("constant label " + Quoted(label) + " is reserved, named twice or not " +
                 std::string(AcceptedLabelNames(names_)));
    }
    spec.const_labels.emplace_back(label, ToUtf8(value));
  }
  const auto narrow = [](const auto& label) { return !IsLabelName(label.first); };
  spec.utf8_names =
      !IsMetricName(spec.name) ||
      !std::all_of(labels, labels + count, [](std::string_view l) { return IsLabelName(l); }) ||
      std::any_of(spec.const_labels.begin(), spec.const_labels.end(), narrow) ||
      std::any_of(constant_texts_.begin(), constant_texts_.end(), narrow);
  spec.unit = PrometheusUnit(options.unit());
  if (!spec.unit.empty() && !IsLabelName(spec.unit))
    return bad("unit " + Quoted(spec.unit) + " is not [a-zA-Z_][a-zA-Z0-9_]*");
  spec.otel_name = ToUtf8(options.otel_name());
  spec.otel_attributes = options.otel_attributes();
  spec.additive = type == MetricType::kGauge && options.additive();
  spec.exemplars = options.exemplars() && exemplar_filter_ != ExemplarFilter::kAlwaysOff &&
                   (type == MetricType::kCounter || type == MetricType::kHistogram);
  if (type == MetricType::kSummary) {
    return CheckSummary(spec.name, options.summary().value_or(SummaryOptions()), spec.summary);
  }
  return type == MetricType::kHistogram ? CheckBounds(options, spec) : Status();
}

Status Registry::CheckSame(const FamilySpec& known, const FamilySpec& asked) const {
  if (known.type == asked.type && known.labels == asked.labels && known.bounds == asked.bounds &&
      SameNative(known.native, asked.native) && known.unit == asked.unit &&
      known.additive == asked.additive && known.const_labels == asked.const_labels &&
      known.summary == asked.summary) {
    return {};
  }
  return Status::Error(
      "asked for " + Describe(asked) + ", but there is already " + Describe(known) +
      (known.const_labels == asked.const_labels ? "" : " with other constant labels"));
}

Status Registry::CheckSuffixes(const FamilySpec& spec) const {
  // A histogram x has samples x_bucket, x_sum and x_count: no family may bear such a name.
  for (const std::string_view suffix : SampleSuffixes(spec.type)) {
    const auto sample = families_.find(spec.name + std::string(suffix));
    if (sample != families_.end()) {
      return Status::Error("asked for " + Describe(spec) + ", whose samples clash with " +
                           Describe(sample->second->spec()));
    }
  }
  const std::size_t underscore = spec.name.rfind('_');
  if (underscore == std::string::npos) return {};
  const auto base = families_.find(spec.name.substr(0, underscore));
  if (base == families_.end()) return {};
  for (const std::string_view suffix : SampleSuffixes(base->second->spec().type)) {
    if (EndsWith(spec.name, suffix)) {
      return Status::Error("asked for " + Describe(spec) + ", which clashes with a sample of " +
                           Describe(base->second->spec()));
    }
  }
  return {};
}

}  // namespace detail
POLYMETER_END_NAMESPACE
