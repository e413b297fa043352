// Sums of our series by operation.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "polymeter/snapshot.h"
#include "sdk/testing/values.h"

namespace client_test {

struct Counts {
  std::uint64_t all = 0;
  std::map<std::string, std::uint64_t> by_outcome;
  std::uint64_t errors() const {
    const auto ok = by_outcome.find("ok");
    return all - (ok == by_outcome.end() ? 0 : ok->second);
  }
};

// Of a counter its value, of a histogram its count, by the label `operation`.
inline std::map<std::string, Counts> CountsOf(const polymeter::Snapshot& snapshot,
                                              std::string_view name) {
  using polymeter::CounterPoint;
  using polymeter::HistogramPoint;
  std::map<std::string, Counts> counts;
  const polymeter::FamilyView* const family = polymeter::testing::FindFamily(snapshot, name);
  if (family == nullptr) return counts;
  const auto add = [&](const auto& series, std::uint64_t n) {
    std::string operation;
    std::string outcome;
    polymeter::VisitLabels(*family, series, [&](std::string_view label, std::string_view value) {
      if (label == "operation") operation = value;
      if (label == "outcome") outcome = value;
    });
    counts[operation].all += n;
    counts[operation].by_outcome[outcome] += n;
  };
  std::visit(
      [&](const auto& points) {
        for (const auto& point : points) {
          using Point = std::decay_t<decltype(point)>;
          if constexpr (std::is_same_v<Point, CounterPoint>) {
            add(point.series, point.whole);
          } else if constexpr (std::is_same_v<Point, HistogramPoint>) {
            add(point.series, point.count);
          }
        }
      },
      family->points);
  return counts;
}

}  // namespace client_test
