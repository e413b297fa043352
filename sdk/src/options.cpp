// Setters that change a container. Here, because their templates were a tenth of what
// polymeter.h takes to compile.
#include "polymeter/options.h"

#include <utility>

POLYMETER_BEGIN_NAMESPACE

FamilyOptions& FamilyOptions::Buckets(std::vector<double> bounds) {
  buckets_ = std::move(bounds);
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
  return *this;
}

POLYMETER_END_NAMESPACE
