// Names as StatsD has them are fewer than ours: `a.b`, `a:b` and `a_b` are one there, and a
// histogram `h.x` may be written as h_x_count. A receiver would add up or overwrite what has
// nothing to do with each other, so that of families whose names become one, one is written.
#pragma once

#include <string>
#include <unordered_set>

#include "exporters/statsd/statsd_format.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class WrittenNames {
 public:
  // Looks at every family of the snapshot, also at those without points now: differences leave out
  // what is idle, and a name must not change its owner from flush to flush. Families that are
  // called as they are written come first, then the order of names decides.
  WrittenNames(const Snapshot& snapshot, const StatsdFormat& format);

  // Whether a name of its lines belongs to another family.
  bool Clashes(const FamilyView& family) const { return clashing_.count(&family) != 0; }

 private:
  void Claim(const FamilyView& family, const std::string& name, const StatsdFormat& format);

  std::unordered_set<std::string> owned_;
  std::unordered_set<const FamilyView*> clashing_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
