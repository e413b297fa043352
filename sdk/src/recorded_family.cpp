#include "sdk/src/recorded_family.h"

#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool NameEndsIn(std::string_view name, std::string_view suffix) noexcept {
  return name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix;
}

}  // namespace

RecordedFamily FamilyOf(Recorded what, std::string_view stem) {
  std::string name(stem);
  const auto complete = [&](std::string_view suffix) {
    // An empty name stays empty, to be refused.
    if (!stem.empty() && !NameEndsIn(stem, suffix)) name += suffix;
  };
  switch (what) {
    case Recorded::kCount:
      complete("_total");
      return {MetricType::kCounter, std::move(name), {}};
    case Recorded::kGauge:
      return {MetricType::kGauge, std::move(name), {}};
    case Recorded::kSum:
      return {MetricType::kGauge, std::move(name), FamilyOptions().Additive()};
    case Recorded::kValue:
      return {MetricType::kHistogram, std::move(name), {}};
    case Recorded::kLatency:
      if (!NameEndsIn(stem, "_seconds")) {
        const bool says_time = NameEndsIn(stem, "_duration") || NameEndsIn(stem, "_latency") ||
                               NameEndsIn(stem, "_time");
        complete(says_time ? "_seconds" : "_duration_seconds");
      }
      return {MetricType::kHistogram, std::move(name), FamilyOptions().Unit("seconds")};
    case Recorded::kItems:
      complete("_items_total");
      return {MetricType::kCounter, std::move(name), {}};
    case Recorded::kBytes:
      complete("_bytes_total");
      return {MetricType::kCounter, std::move(name), FamilyOptions().Unit("bytes")};
  }
  return {MetricType::kUnknown, std::move(name), {}};
}

}  // namespace detail
POLYMETER_END_NAMESPACE
