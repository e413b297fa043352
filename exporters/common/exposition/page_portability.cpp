#include "exporters/common/exposition/page_portability.h"

#include <string>
#include <utility>

#include "exporters/common/exposition/name_escaping.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool HasSuffix(std::string_view text, std::string_view suffix) noexcept {
  return text.size() > suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

// Of a family that has a unit; empty: the page shows it.
std::string WhyNoUnit(const FamilyDescription& family, PageKind kind) {
  if (kind == PageKind::kText) return "text 0.0.4 has no units";
  if (family.type == MetricType::kInfo) return "an info has no unit";
  std::string_view base = family.name;
  if (family.type == MetricType::kCounter && HasSuffix(base, "_total")) base.remove_suffix(6);
  const std::string suffix = "_" + std::string(family.unit);
  if (HasSuffix(base, suffix)) return {};
  return (kind == PageKind::kProtobuf ? "protobuf shows " : "OpenMetrics shows ") +
         std::string(family.unit) + " only where the name ends in " + suffix +
         (family.type == MetricType::kCounter ? " before _total" : "");
}

}  // namespace

std::string InfoSampleName(std::string_view name) {
  return std::string(name) + (HasSuffix(name, "_info") ? "" : "_info");
}

std::vector<PortabilityNote> PagePortability(const FamilyDescription& family,
                                             std::string_view backend, PageKind kind,
                                             bool other_form) {
  std::vector<PortabilityNote> notes;
  const auto add = [&](PortabilityEffect effect, std::string detail, bool avoidable) {
    notes.push_back({{}, std::string(backend), effect, std::move(detail), avoidable});
  };
  const bool openmetrics = kind == PageKind::kOpenMetrics;
  std::string name =
      family.type == MetricType::kInfo ? InfoSampleName(family.name) : std::string(family.name);
  name = EscapedMetricName(name, NameEscaping::kUnderscores);
  if (name != family.name) add(PortabilityEffect::kRenamed, name, false);
  if (family.type == MetricType::kCounter && openmetrics && !HasSuffix(family.name, "_total")) {
    add(PortabilityEffect::kTypeChanged,
        "unknown in OpenMetrics: the name of a counter ends in _total", true);
  }
  if (family.type == MetricType::kInfo && !openmetrics) {
    add(PortabilityEffect::kTypeChanged, "a gauge of 1", false);
  }
  if (!family.unit.empty()) {
    std::string why = WhyNoUnit(family, kind);
    if (!why.empty()) {
      add(PortabilityEffect::kUnitLost, std::move(why), kind != PageKind::kText);
    }
  }
  if (kind == PageKind::kProtobuf) return notes;  // has a place for all the rest
  if (family.native) {
    std::string how = family.explicit_buckets ? "only the explicit ones are written"
                                              : "only count and sum are left";
    if (other_form) how = "in text pages " + how;
    add(PortabilityEffect::kNativeLost, std::move(how), !family.explicit_buckets && !other_form);
  }
  if (family.exemplars && !openmetrics) {
    add(PortabilityEffect::kExemplarsLost, "text 0.0.4 has none", false);
  }
  return notes;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
