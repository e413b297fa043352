// Setters that change a container. Here, because their templates were a tenth of what
// polymeter.h takes to compile.
#include "polymeter/options.h"

#include <cmath>
#include <utility>

#include "sdk/src/native_index.h"

POLYMETER_BEGIN_NAMESPACE

NativeHistogramOptions& NativeHistogramOptions::GrowthFactor(double factor) {
  constexpr double kRounding = 1 + 0x1p-50;  // 2^(1/4) as somebody wrote it is still schema 2
  if (!(factor > 1)) {
    schema_ = detail::kFinestSchema + 1;  // there is none: the family is refused
    return *this;
  }
  schema_ = detail::kCoarsestSchema;
  while (schema_ < detail::kFinestSchema &&
         std::exp2(std::ldexp(1.0, -schema_)) > factor * kRounding) {
    ++schema_;
  }
  return *this;
}

FamilyOptions& FamilyOptions::Buckets(std::vector<double> bounds) {
  buckets_ = std::move(bounds);
  return *this;
}

FamilyOptions& FamilyOptions::Native(NativeHistogramOptions native) {
  native_ = native;
  return *this;
}

SummaryOptions& SummaryOptions::Quantiles(std::vector<double> quantiles) {
  quantiles_ = std::move(quantiles);
  return *this;
}

FamilyOptions& FamilyOptions::Summary(SummaryOptions summary) {
  summary_ = std::move(summary);
  return *this;
}

FamilyOptions& FamilyOptions::OtelAttributes(StringPairs map) {
  otel_attributes_ = std::move(map);
  return *this;
}

FamilyOptions& FamilyOptions::ConstLabels(StringPairs labels) {
  const_labels_ = std::move(labels);
  return *this;
}

Options& Options::ResourceAttributes(StringPairs attributes) {
  resource_ = std::move(attributes);
  return *this;
}

Options& Options::ConstLabels(StringPairs labels) {
  const_labels_ = std::move(labels);
  return *this;
}

Options& Options::Backends(std::string names) {
  backends_ = std::move(names);
  return *this;
}

Options& Options::Set(std::string variable, std::string value) {
  settings_.emplace_back(std::move(variable), std::move(value));
  return *this;
}

Options& Options::AddBackend(std::shared_ptr<Backend> backend) {
  own_backends_.push_back(std::move(backend));
  return *this;
}

Options& Options::Log(LogCallback log) {
  log_ = std::move(log);
  return *this;
}

Options& Options::Clock(std::function<SystemTime()> clock) {
  clock_ = std::move(clock);
  return *this;
}

Options& Options::Buckets(std::string family, std::vector<double> bounds) {
  buckets_.emplace_back(std::move(family), std::move(bounds));
  native_buckets_.emplace_back();
  return *this;
}

Options& Options::Buckets(std::string family, NativeHistogramOptions native,
                          std::vector<double> bounds) {
  buckets_.emplace_back(std::move(family), std::move(bounds));
  native_buckets_.emplace_back(native);
  return *this;
}

Options& Options::AddView(View view) {
  views_.push_back(std::move(view));
  return *this;
}

Options& Options::Views(std::vector<View> views) {
  views_ = std::move(views);
  return *this;
}

POLYMETER_END_NAMESPACE
