// Reads single values out of a snapshot, for tests.
#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>
#include <variant>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

inline const FamilyView* FindFamily(const Snapshot& snapshot, std::string_view name) {
  for (const FamilyView& family : snapshot.families()) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

// The point with exactly these labels, constant ones included; null when there is none. The
// snapshot must outlive the result.
template <class Point>
const Point* FindPoint(const Snapshot& snapshot, std::string_view name,
                       std::initializer_list<Label> labels = {}) {
  const FamilyView* const family = FindFamily(snapshot, name);
  if (family == nullptr) return nullptr;
  const auto* const points = std::get_if<std::vector<Point>>(&family->points);
  if (points == nullptr) return nullptr;
  for (const Point& point : *points) {
    std::size_t seen = 0;
    std::size_t right = 0;
    VisitLabels(*family, point.series, [&](std::string_view label, std::string_view value) {
      ++seen;
      for (const Label& wanted : labels) right += wanted.name == label && wanted.value == value;
    });
    if (seen == labels.size() && right == labels.size()) return &point;
  }
  return nullptr;
}

// The value of a counter, gauge or unknown; nothing when there is no such series.
inline std::optional<double> ValueOf(const Snapshot& snapshot, std::string_view name,
                                     std::initializer_list<Label> labels = {}) {
  if (const auto* c = FindPoint<CounterPoint>(snapshot, name, labels)) return c->value();
  if (const auto* g = FindPoint<GaugePoint>(snapshot, name, labels)) return g->value;
  if (const auto* u = FindPoint<UnknownPoint>(snapshot, name, labels)) return u->value;
  return std::nullopt;
}

}  // namespace testing
POLYMETER_END_NAMESPACE
