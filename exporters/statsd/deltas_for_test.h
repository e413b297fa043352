// Snapshots as the Delta stage and the observation tap give them, from literals.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sdk/src/snapshot_data.h"
#include "sdk/testing/snapshot_builder.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// As of a registry's own series. `observations`: of each histogram series, in the order of the
// snapshot.
inline Snapshot Recorded(SnapshotBuilder& builder,
                         std::vector<std::vector<double>> observations = {}) {
  const Snapshot produced = builder.Generation(1).Build();
  auto data = std::make_shared<detail::SnapshotData>();
  auto kept = std::make_shared<std::vector<std::vector<double>>>(std::move(observations));
  data->time = produced.time();
  data->resource = std::make_shared<Resource>(produced.resource());
  data->families = produced.families();
  data->keep = {std::make_shared<Snapshot>(produced), kept};
  std::size_t next = 0;
  for (FamilyView& family : data->families) {
    family.delta = true;
    auto* const histograms = std::get_if<HistogramPoints>(&family.points);
    if (histograms == nullptr) continue;
    for (HistogramPoint& point : *histograms) {
      if (next == kept->size()) break;
      point.samples = (*kept)[next].data();
      point.sample_count = static_cast<std::uint32_t>((*kept)[next].size());
      ++next;
    }
  }
  return Snapshot(std::move(data));
}

}  // namespace testing
POLYMETER_END_NAMESPACE
