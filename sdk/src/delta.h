// The Delta stage: from totals to differences since the consumer's last snapshot. Each consumer
// has its own, so that two never disturb each other.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "polymeter/push_backend.h"
#include "polymeter/snapshot.h"
#include "sdk/src/native_totals.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Not thread-safe.
//
// A series whose value has not changed is left out of a family of differences, and so is an
// exemplar that the last snapshot had. The first difference of a series is its whole total; so is
// one after a reset (a total that went back, which only producers' families can; of a histogram all
// its buckets and its sum together). Doubles are taken off from what the receiver has added up so
// far, so that rounding does not add up there. The sum of a histogram that has once become infinite
// is NaN in later differences: nobody knows it.
class DeltaStage {
 public:
  explicit DeltaStage(DeltaOptions options) : options_(options) {}

  // Families of the kinds in the options become differences; the others stay as they are. Keeps
  // `snapshot` as long as the result lives.
  Snapshot Apply(const Snapshot& snapshot);

 private:
  // What the consumer has got of a series so far.
  struct Cursor {
    std::uint32_t generation = 0;
    std::uint32_t round = 0;  // when it was last seen
    std::uint64_t whole = 0;  // a counter's integers; a summary's count
    double part = 0;          // a counter's doubles; a sum: what the differences add up to
    double total = 0;         // which they were to add up to: an ulp more or less
    std::vector<std::uint64_t> buckets;
    std::vector<double> bounds;  // of a histogram that a producer gives
    // One, of a histogram that has exponential buckets: small where it has none, and copied with
    // the cursor.
    std::vector<NativeTotals> native;
    std::vector<std::uint64_t> exemplars;  // those of the last snapshot, as FingerprintOf them
  };
  // Where the differences of a family's histograms go.
  struct Room {
    std::uint64_t* buckets = nullptr;
    NativeHistogram* natives = nullptr;
    Exemplar* exemplars = nullptr;
  };
  struct FamilyCursors {
    std::uint32_t round = 0;
    bool kept = false;                                  // also while it is not there
    std::size_t most = 0;                               // series without identity in one round
    std::vector<Cursor> by_index;                       // series of the registry
    std::unordered_map<std::string, Cursor> by_labels;  // those that producers give
  };

  Cursor& CursorOf(FamilyCursors& family, SeriesView series);
  FamilyPoints Differences(FamilyCursors& cursors, const FamilyView& family, Room room);
  static Room RoomFor(const FamilyView& family, SnapshotData& data);
  static void Forget(FamilyCursors& family, std::uint32_t round);
  // False: nothing came since. Otherwise `point` becomes the difference and takes of `room`.
  static bool Advance(Cursor& cursor, HistogramPoint& point, Room& room);
  static void LeaveOutOldExemplars(Cursor& cursor, HistogramPoint& point, Room& room);
  bool Wanted(const FamilyView& family) const noexcept;

  const DeltaOptions options_;
  std::unordered_map<std::string, FamilyCursors> families_;  // by type and name
  std::uint32_t round_ = 0;
  std::int64_t last_unix_nanos_ = 0;  // time of the last snapshot; 0: there was none
  std::string key_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
