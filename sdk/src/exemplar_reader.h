// Copies exemplars from their slots into memory that a snapshot keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "polymeter/snapshot.h"
#include "sdk/src/exemplar_slots.h"
#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Of one snapshot. What it gives lives as long as the snapshot. Exemplars are to be read before
// the cell that they belong to: what they show has then been counted.
class ExemplarReader {
 public:
  struct Found {
    const Exemplar* exemplars = nullptr;
    std::uint32_t count = 0;
  };

  explicit ExemplarReader(SnapshotData& data) noexcept : data_(data) {}
  ExemplarReader(const ExemplarReader&) = delete;
  ExemplarReader& operator=(const ExemplarReader&) = delete;

  // Null: it has none.
  const Exemplar* OfCounter(const SeriesRecord& series);
  // Ascending by bucket; those of a histogram without explicit buckets by time.
  Found OfHistogram(const SeriesRecord& series);

 private:
  Exemplar Kept(const SeriesRecord& series, std::uint32_t bucket);
  Found Copy();
  Arena& arena();

  SnapshotData& data_;
  std::shared_ptr<Arena> arena_;  // made when there is something to keep
  StoredExemplar stored_;
  std::vector<Exemplar> found_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
