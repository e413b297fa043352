#include "exporters/common/exposition/family_names.h"

#include <algorithm>

#include "exporters/common/encoding/written_labels.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kTotal = "_total";
constexpr std::string_view kInfo = "_info";
constexpr std::string_view kCreated = "_created";

bool EndsWith(std::string_view text, std::string_view suffix) noexcept {
  return text.size() > suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}
std::string_view Without(std::string_view text, std::string_view suffix) noexcept {
  return EndsWith(text, suffix) ? text.substr(0, text.size() - suffix.size()) : text;
}
std::string Join(std::string_view stem, std::string_view suffix) {
  return std::string(stem).append(suffix);
}

}  // namespace

FamilyNaming::FamilyNaming(const Snapshot& snapshot, bool openmetrics, NameEscaping escaping)
    : families_(snapshot.families()), openmetrics_(openmetrics), escaping_(escaping) {
  const bool as_they_are =
      escaping == NameEscaping::kAllowUtf8 ||
      std::none_of(families_.begin(), families_.end(), [](const FamilyView& family) {
        return family.utf8_names && !IsPlainMetricName(family.name);
      });
  if (!as_they_are) MakeWritten();
  has_target_ = openmetrics && !snapshot.resource().attributes.empty() && !Owned("target") &&
                !Owned("target_info");
}

std::string FamilyNaming::WrittenName(const FamilyView& family) const {
  return family.utf8_names ? EscapedMetricName(family.name, escaping_) : std::string(family.name);
}

void FamilyNaming::MakeWritten() {
  written_.reserve(families_.size());
  for (const FamilyView& family : families_) {
    if (family.size() != 0) written_.push_back({WrittenName(family), &family});
  }
  // Stable: families come by name.
  std::stable_sort(written_.begin(), written_.end(), [](const Written& a, const Written& b) {
    const int order = a.name.compare(b.name);
    return order != 0 ? order < 0 : a.family->name == a.name && b.family->name != b.name;
  });
  const auto same = [](const Written& a, const Written& b) { return a.name == b.name; };
  written_.erase(std::unique(written_.begin(), written_.end(), same), written_.end());
}

// Only families with points: the others are not on the page.
const FamilyView* FamilyNaming::Find(std::string_view name) const {
  if (!written_.empty()) {
    const auto known = std::lower_bound(
        written_.begin(), written_.end(), name,
        [](const Written& written, std::string_view wanted) { return written.name < wanted; });
    return known != written_.end() && known->name == name ? known->family : nullptr;
  }
  const auto found = std::lower_bound(
      families_.begin(), families_.end(), name,
      [](const FamilyView& family, std::string_view wanted) { return family.name < wanted; });
  return found != families_.end() && found->name == name && found->size() != 0 ? &*found : nullptr;
}

// Whether OpenMetrics has, or could have, a counter family `stem`.
bool FamilyNaming::IsCounter(std::string_view stem) const {
  const FamilyView* const family = Find(Join(stem, kTotal));
  return family != nullptr && family->type() == MetricType::kCounter;
}

// Whether it is a name of a histogram's or summary's samples, other than its own.
bool FamilyNaming::OwnedByComposite(std::string_view name) const {
  for (const std::string_view suffix : {"_bucket", "_sum", "_count", "_created"}) {
    if (!EndsWith(name, suffix) || (suffix == kCreated && !openmetrics_)) continue;
    const FamilyView* const family = Find(Without(name, suffix));
    if (family == nullptr) continue;
    if (family->type() == MetricType::kHistogram) return true;
    if (family->type() == MetricType::kSummary && suffix != "_bucket") return true;
  }
  return false;
}

// Whether a family has the name whatever its form is.
bool FamilyNaming::Owned(std::string_view name) const {
  if (Find(name) != nullptr || OwnedByComposite(name)) return true;
  // An info `x` has the sample x_info.
  const FamilyView* const info = EndsWith(name, kInfo) ? Find(Without(name, kInfo)) : nullptr;
  return info != nullptr && info->type() == MetricType::kInfo;
}

// Whether a counter or info cannot have `base` as its family's name.
bool FamilyNaming::BaseTaken(std::string_view base) const {
  return Owned(base) || (EndsWith(base, kCreated) && IsCounter(Without(base, kCreated))) ||
         (has_target_ && (base == "target" || base == "target_info"));
}

std::optional<FamilyView> FamilyNaming::WithoutClashingSeries(const FamilyView& family,
                                                              EncodeReport& report) const {
  if (!family.utf8_names || escaping_ == NameEscaping::kAllowUtf8) return std::nullopt;
  const auto write = [this](std::string_view name) { return EscapedLabelName(name, escaping_); };
  std::uint64_t left_out = 0;
  auto rest = encoding::WithoutClashingSeries(family, write, left_out);
  report.LeaveOut("name_clash", left_out);
  return rest;
}

FamilyForm FamilyNaming::FormOf(const FamilyView& family) const {
  std::string escaped;
  if (!written_.empty()) escaped = WrittenName(family);
  const std::string_view name = written_.empty() ? family.name : escaped;
  if (!written_.empty() && Find(name) != &family) return FamilyForm::kLeftOut;
  if (OwnedByComposite(name)) return FamilyForm::kLeftOut;
  switch (family.type()) {
    case MetricType::kCounter: {
      const std::string_view base = Without(name, kTotal);
      if (!openmetrics_ || base == name) return FamilyForm::kNatural;
      return BaseTaken(base) || Owned(Join(base, kCreated)) ? FamilyForm::kDemoted
                                                            : FamilyForm::kNatural;
    }
    case MetricType::kInfo: {
      const std::string_view base = Without(name, kInfo);
      if (base == name) {
        const std::string sample = Join(name, kInfo);
        if (Find(sample) != nullptr || OwnedByComposite(sample)) return FamilyForm::kLeftOut;
        return FamilyForm::kNatural;  // nobody else has its name
      }
      if (!openmetrics_) return FamilyForm::kNatural;
      return BaseTaken(base) || IsCounter(base) ? FamilyForm::kDemoted : FamilyForm::kNatural;
    }
    case MetricType::kGauge:
    case MetricType::kHistogram:
    case MetricType::kSummary:
    case MetricType::kUnknown:
      break;
  }
  return FamilyForm::kNatural;
}

FamilyNames FamilyNaming::NamesOf(const FamilyView& family, FamilyForm form) const {
  const std::string name = WrittenName(family);
  const bool demoted = form == FamilyForm::kDemoted;
  switch (family.type()) {
    case MetricType::kCounter: {
      if (!openmetrics_) return {name, "counter", name};
      if (demoted || !EndsWith(name, kTotal)) return {name, "unknown", name};
      return {std::string(Without(name, kTotal)), "counter", name};
    }
    case MetricType::kInfo: {
      const std::string base(Without(name, kInfo));
      const std::string sample = base + std::string(kInfo);
      if (!openmetrics_ || demoted) return {sample, "gauge", sample};
      return {base, "info", sample};
    }
    case MetricType::kGauge:
      return {name, "gauge", name};
    case MetricType::kHistogram:
      return {name, "histogram", name};
    case MetricType::kSummary:
      return {name, "summary", name};
    case MetricType::kUnknown:
      break;
  }
  return {name, openmetrics_ ? "unknown" : "untyped", name};
}

}  // namespace detail
POLYMETER_END_NAMESPACE
