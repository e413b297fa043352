// One series that a view stage gives, with what it adds up.
#pragma once

#include <cstdint>
#include <vector>

#include "sdk/src/view_groups.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct ViewGroups::Group {
  SeriesRecord* record = nullptr;
  bool made_now = true;  // in this pass: nobody has seen the record
  std::uint32_t round = 0;
  std::uint32_t epoch = 0;
  std::uint32_t members = 0;
  Totals base;                 // of members that are gone
  std::vector<double> bounds;  // of a histogram
  Totals shown;                // of a counter, the last time

  // Of one pass.
  bool bounds_known = false;
  std::uint32_t seen_members = 0;
  Totals sum;
  bool all_native = true;
  std::uint64_t* room = nullptr;
  double value = 0;
  const Exemplar* exemplar = nullptr;
  const SummaryPoint* summary = nullptr;
  const HistogramPoint* histogram = nullptr;  // that can be shown as it is
  std::vector<Exemplar> exemplars;
  std::vector<double> samples;

  void Begin(std::uint32_t now) {
    round = now;
    bounds_known = false;
    seen_members = 0;
    all_native = true;
    exemplar = nullptr;
    summary = nullptr;
    histogram = nullptr;
    exemplars.clear();
    samples.clear();
  }
  // Whether one member is all that there is and ever was.
  bool single() const noexcept { return seen_members == 1 && members == 1 && base.empty(); }
  // The same while the first member comes in.
  bool single_so_far() const noexcept { return seen_members == 0 && members == 1 && base.empty(); }
};

}  // namespace detail
POLYMETER_END_NAMESPACE
