#include "exporters/pushgateway/unique_series.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// The positions of those that come again later, ascending.
template <class Point>
std::vector<std::size_t> Repeated(const std::vector<Point>& points) {
  std::vector<std::size_t> repeated;
  if (points.size() < 2) return repeated;
  std::vector<std::pair<std::uint64_t, std::size_t>> order;  // hash, position
  order.reserve(points.size());
  for (const Point& point : points) {
    order.emplace_back(HashOfLabels(point.series.labels()), order.size());
  }
  std::sort(order.begin(), order.end());
  for (auto one = order.begin(); one != order.end(); ++one) {
    for (auto later = one + 1; later != order.end() && later->first == one->first; ++later) {
      if (!SameLabels(points[one->second].series.labels(), points[later->second].series.labels())) {
        continue;
      }
      repeated.push_back(one->second);
      break;
    }
  }
  std::sort(repeated.begin(), repeated.end());
  return repeated;
}

}  // namespace

Snapshot WithoutRepeatedSeries(const Snapshot& snapshot, std::uint64_t& left_out) {
  left_out = 0;
  std::shared_ptr<SnapshotData> data;
  std::size_t position = 0;
  for (const FamilyView& family : snapshot.families()) {
    std::visit(
        [&](const auto& points) {
          const auto repeated = Repeated(points);
          if (repeated.empty()) return;
          if (data == nullptr) {
            data = std::make_shared<SnapshotData>();
            data->time = snapshot.time();
            data->resource = std::make_shared<Resource>(snapshot.resource());
            data->families = snapshot.families();
            data->keep.push_back(std::make_shared<Snapshot>(snapshot));
          }
          auto& kept = std::get<std::decay_t<decltype(points)>>(data->families[position].points);
          kept.clear();
          auto next = repeated.begin();
          for (std::size_t i = 0; i < points.size(); ++i) {
            if (next != repeated.end() && *next == i) {
              ++next;
            } else {
              kept.push_back(points[i]);
            }
          }
          left_out += repeated.size();
        },
        family.points);
    ++position;
  }
  return data == nullptr ? snapshot : Snapshot(std::move(data));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
