// Setters of View that change a container.
#include "polymeter/views.h"

#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE

View::View(std::string families) : families_(std::move(families)) {}

View& View::Backend(std::string name) {
  backend_ = detail::LowerCase(name);
  return *this;
}

View& View::DropLabels(std::vector<std::string> labels) {
  dropped_labels_.insert(dropped_labels_.end(), labels.begin(), labels.end());
  return *this;
}

View& View::KeepLabels(std::vector<std::string> labels) {
  kept_labels_ = std::move(labels);
  return *this;
}

View& View::RenameLabel(std::string from, std::string to) {
  renamed_labels_.emplace_back(std::move(from), std::move(to));
  return *this;
}

View& View::Buckets(std::vector<double> bounds) {
  buckets_ = std::move(bounds);
  native_schema_.reset();
  return *this;
}

View& View::Native(int schema) {
  native_schema_ = schema;
  buckets_.reset();
  return *this;
}

POLYMETER_END_NAMESPACE
