// What a view makes of a histogram's buckets in a snapshot, where they can only become fewer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/snapshot.h"
#include "polymeter/views.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// What a pass over a snapshot has to say; said once the stage's lock is gone.
struct ViewTroubles {
  struct Trouble {
    std::string message;
    std::uint64_t points = 0;
  };
  std::vector<Trouble> all;
  void Add(std::string message);
};

// The buckets of one family's histograms. Not thread-safe.
class ViewBuckets {
 public:
  // `view` decides about buckets; null: they stay.
  explicit ViewBuckets(const View* view) : view_(view) {}

  // Where the buckets of a histogram go. Valid until the next call.
  struct Plan {
    std::vector<double> bounds;          // what is left of them
    std::vector<std::uint32_t> targets;  // old bucket -> new one
    bool same = true;                    // all stay
    bool keeps_native = true;
    bool native_alone = false;  // the exponential ones are all
  };
  const Plan& PlanOf(const HistogramPoint& point, std::string_view family, ViewTroubles& troubles);
  // The coarsest that the view asks for; finer ones are halved down to it.
  std::int32_t native_schema() const noexcept {
    return view_ != nullptr && view_->native_schema() ? *view_->native_schema() : 8;
  }

 private:
  const View* view_;
  std::vector<double> planned_;  // the bounds that plan_ is for
  bool planned_native_ = false;
  bool has_plan_ = false;
  Plan plan_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
