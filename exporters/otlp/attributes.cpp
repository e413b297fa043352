#include "exporters/otlp/attributes.h"

#include <algorithm>
#include <charconv>

#include "sdk/src/snapshot_data.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kOverflowKey = "otel.metric.overflow";

std::string_view MappedKey(const FamilyView& family, std::string_view label) noexcept {
  for (std::size_t i = 0; i < family.otel_attribute_count; ++i) {
    const auto& [from, to] = family.otel_attributes[i];
    if (from == label) return to.empty() ? label : std::string_view(to);
  }
  return label;
}

bool IsLabel(const FamilyView& family, SeriesView series, std::string_view name) {
  bool found = false;
  VisitLabels(family, series,
              [&](std::string_view label, std::string_view) { found = found || label == name; });
  return found;
}

}  // namespace

bool Attributes::Has(std::string_view key) const noexcept {
  return std::any_of(attributes_.begin(), attributes_.end(),
                     [&](const Attribute& a) { return a.key == key; });
}

std::string_view Attributes::Checked(std::string_view text) {
  if (IsUtf8(text)) return text;
  return repaired_.emplace_back(ToUtf8(text));
}

const std::vector<Attribute>& Attributes::Of(const FamilyView& family, SeriesView series) {
  attributes_.clear();
  repaired_.clear();
  // Views of them stay valid while more come.
  repaired_.reserve(
      2 * (series.labels().size() + family.constant_label_count + family.otel_attribute_count));
  VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
    Attribute attribute;
    if (name == kOverflowLabel && value == "true") {
      attribute = {kOverflowKey, Attribute::Type::kBool, {}, 1};
    } else {
      attribute.key = Checked(MappedKey(family, name));
      attribute.text = Checked(value);
    }
    if (attribute.key != name && (Has(attribute.key) || IsLabel(family, series, attribute.key))) {
      attribute.key = name;
    }
    if (!Has(attribute.key)) attributes_.push_back(attribute);
  });
  for (std::size_t i = 0; i < family.otel_attribute_count; ++i) {
    const auto& [label, pair] = family.otel_attributes[i];
    const std::size_t equals = label.empty() ? pair.find('=') : std::string::npos;
    if (equals == std::string::npos) continue;
    Attribute attribute;
    attribute.key = Checked(std::string_view(pair).substr(0, equals));
    attribute.text = Checked(std::string_view(pair).substr(equals + 1));
    if (!attribute.key.empty() && !Has(attribute.key)) attributes_.push_back(attribute);
  }
  return attributes_;
}

const std::vector<Attribute>& Attributes::Of(const Resource& resource) {
  attributes_.clear();
  repaired_.clear();
  repaired_.reserve(2 * resource.attributes.size());
  for (const auto& [name, value] : resource.attributes) {
    Attribute attribute;
    attribute.key = Checked(name);
    attribute.text = Checked(value);
    if (name == "process.pid") {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), attribute.integer);
      if (error == std::errc() && end == value.data() + value.size()) {
        attribute.type = Attribute::Type::kInteger;
      }
    }
    if (!attribute.key.empty() && !Has(attribute.key)) attributes_.push_back(attribute);
  }
  return attributes_;
}

const std::vector<Attribute>& Attributes::Of(const Exemplar& exemplar) {
  attributes_.clear();
  repaired_.clear();
  repaired_.reserve(2 * std::size_t{exemplar.label_count});
  for (std::uint32_t i = 0; i < exemplar.label_count; ++i) {
    Attribute attribute;
    attribute.key = Checked(exemplar.labels[i].name);
    attribute.text = Checked(exemplar.labels[i].value);
    if (!attribute.key.empty() && !Has(attribute.key)) attributes_.push_back(attribute);
  }
  return attributes_;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
