#include "exporters/statsd/written_names.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/statsd/names.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// What its lines are called besides its own name; see Flush.
std::vector<std::string_view> SuffixesOf(MetricType type, StatsdHistograms histograms) {
  switch (type) {
    case MetricType::kSummary:
      return {"_count", "_sum", "_quantile"};
    case MetricType::kHistogram:
      // Single observations are counters where a producer has none.
      if (histograms == StatsdHistograms::kBuckets) return {""};
      if (histograms == StatsdHistograms::kCounters) return {"_count", "_sum", "_bucket"};
      return {"", "_count", "_sum", "_bucket"};
    case MetricType::kCounter:
    case MetricType::kGauge:
    case MetricType::kInfo:
    case MetricType::kUnknown:
      break;
  }
  return {""};
}

}  // namespace

WrittenNames::WrittenNames(const Snapshot& snapshot, const StatsdFormat& format) {
  const auto& families = snapshot.families();
  // Legacy names without colons are written as they are, and the registry keeps them apart.
  const auto changed = [](const FamilyView& family) {
    return family.utf8_names || family.name.find(':') != std::string_view::npos;
  };
  if (std::none_of(families.begin(), families.end(), changed)) return;
  std::vector<std::pair<const FamilyView*, std::string>> later;
  for (const FamilyView& family : families) {
    std::string name;
    AppendMetricName(name, family.name);
    if (name == family.name) {
      Claim(family, name, format);
    } else {
      later.emplace_back(&family, std::move(name));
    }
  }
  for (const auto& [family, name] : later) Claim(*family, name, format);
}

void WrittenNames::Claim(const FamilyView& family, const std::string& name,
                         const StatsdFormat& format) {
  const auto suffixes = SuffixesOf(family.type(), format.histograms);
  const bool clashes = std::any_of(suffixes.begin(), suffixes.end(), [&](std::string_view suffix) {
    return owned_.count(name + std::string(suffix)) != 0;
  });
  if (clashes) {
    clashing_.insert(&family);
    return;
  }
  for (const std::string_view suffix : suffixes) owned_.insert(name + std::string(suffix));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
