#include "integrations/build/kind_totals.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string_view>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

std::vector<std::pair<std::string, KindTotals>> TotalsByKind(const BuildSummary& build) {
  constexpr std::array<std::string_view, 4> kOrder = {"compile", "archive", "link", "custom"};
  std::map<std::pair<std::ptrdiff_t, std::string>, KindTotals> rows;
  for (const BuildStep& step : build.steps) {
    const auto rank = std::find(kOrder.begin(), kOrder.end(), step.kind) - kOrder.begin();
    KindTotals& row = rows[{rank, step.kind}];
    ++row.steps;
    if (step.result == "cached") ++row.cached;
    if (step.result == "failed") ++row.failed;
    row.seconds += step.seconds.value_or(0);
    row.longest_seconds = std::max(row.longest_seconds, step.seconds.value_or(0));
  }
  std::vector<std::pair<std::string, KindTotals>> totals;
  for (const auto& [kind, row] : rows) totals.emplace_back(kind.second, row);
  return totals;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
