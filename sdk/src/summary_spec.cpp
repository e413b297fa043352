#include "sdk/src/summary_spec.h"

#include <chrono>
#include <cstdio>

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostQuantiles = 64;
constexpr int kMostAgeBuckets = 64;
constexpr std::chrono::milliseconds kLeastInterval(10);
constexpr std::chrono::hours kLongestWindow(366 * 24);

}  // namespace

Status CheckSummary(std::string_view name, const SummaryOptions& options, SummarySpec& spec) {
  const auto bad = [&](const std::string& why) {
    return Status::Error("summary " + ShownName(name) + ": " + why);
  };
  const std::vector<double>& quantiles = options.quantiles();
  for (std::size_t i = 0; i < quantiles.size(); ++i) {
    if (!(quantiles[i] >= 0 && quantiles[i] <= 1) || (i > 0 && quantiles[i] <= quantiles[i - 1])) {
      return bad("quantiles are 0 to 1 and ascend, and quantile " + std::to_string(i) +
                 " does not");
    }
  }
  if (quantiles.size() > kMostQuantiles) {
    return bad("has " + std::to_string(quantiles.size()) + " quantiles, where up to " +
               std::to_string(kMostQuantiles) + " are accepted");
  }
  const int steps = options.age_buckets();
  if (steps < 1 || steps > kMostAgeBuckets) {
    return bad("has " + std::to_string(steps) + " age buckets, where 1 to " +
               std::to_string(kMostAgeBuckets) + " are accepted");
  }
  if (options.max_age() > kLongestWindow || options.max_age() / steps < kLeastInterval) {
    return bad("a window of " + std::to_string(options.max_age().count()) + " ms in " +
               std::to_string(steps) +
               " steps, where at least 10 ms a step and at most 366 days are accepted");
  }
  spec = {quantiles, std::chrono::nanoseconds(options.max_age()).count(),
          static_cast<std::uint32_t>(steps)};
  return {};
}

std::string InWords(const SummarySpec& spec) {
  std::string out = " with quantiles";
  for (const double quantile : spec.quantiles) {
    char text[32];
    std::snprintf(text, sizeof(text), " %g", quantile);
    out += text;
  }
  return out + " of " + std::to_string(spec.max_age / 1'000'000) + " ms in " +
         std::to_string(spec.age_buckets) + " steps";
}

}  // namespace detail
POLYMETER_END_NAMESPACE
