// What a BuildSummary's own numbers are.
#include <algorithm>
#include <cmath>
#include <tuple>

#include "polymeter/build.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

bool HasTime(const BuildStep& step) {
  return step.seconds && std::isfinite(*step.seconds) && *step.seconds >= 0;
}

}  // namespace

double BuildSummary::step_seconds() const noexcept {
  double sum = 0;
  for (const BuildStep& step : steps) {
    if (HasTime(step)) sum += *step.seconds;
  }
  return sum;
}

double BuildSummary::parallelism() const noexcept {
  return std::isfinite(wall_seconds) && wall_seconds > 0 ? step_seconds() / wall_seconds : 0;
}

std::uint64_t BuildSummary::failed_steps() const noexcept {
  return static_cast<std::uint64_t>(std::count_if(
      steps.begin(), steps.end(), [](const BuildStep& step) { return step.result == "failed"; }));
}

std::optional<double> BuildSummary::cache_hit_ratio() const noexcept {
  double hits = 0;
  double misses = 0;
  for (const BuildCacheRequests& one : cache) {
    const auto requests = static_cast<double>(one.requests);
    if (one.result == "direct_hit" || one.result == "preprocessed_hit") hits += requests;
    if (one.result == "miss") misses += requests;
  }
  if (hits + misses == 0) return std::nullopt;
  return hits / (hits + misses);
}

std::vector<const BuildStep*> BuildSummary::slowest_steps(std::size_t most) const {
  std::vector<const BuildStep*> slowest;
  for (const BuildStep& step : steps) {
    if (HasTime(step)) slowest.push_back(&step);
  }
  const auto end = slowest.begin() + static_cast<std::ptrdiff_t>(std::min(most, slowest.size()));
  std::partial_sort(slowest.begin(), end, slowest.end(),
                    [](const BuildStep* a, const BuildStep* b) {
                      return std::tie(*b->seconds, a->name) < std::tie(*a->seconds, b->name);
                    });
  slowest.erase(end, slowest.end());
  return slowest;
}

POLYMETER_END_NAMESPACE
