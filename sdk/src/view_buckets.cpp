#include "sdk/src/view_buckets.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void ViewTroubles::Add(std::string message) {
  const auto known = std::find_if(
      all.begin(), all.end(), [&](const Trouble& trouble) { return trouble.message == message; });
  if (known == all.end()) {
    all.push_back({std::move(message), 1});
  } else {
    ++known->points;
  }
}

const ViewBuckets::Plan& ViewBuckets::PlanOf(const HistogramPoint& point, std::string_view family,
                                             ViewTroubles& troubles) {
  const double* const end = point.bounds + point.bound_count;
  const bool native = point.native != nullptr;
  if (has_plan_ && planned_native_ == native &&
      std::equal(planned_.begin(), planned_.end(), point.bounds, end)) {
    return plan_;
  }
  planned_.assign(point.bounds, end);
  planned_native_ = native;
  has_plan_ = true;
  plan_ = Plan{};
  plan_.bounds = planned_;
  const auto say = [&](const std::string& why) {
    troubles.Add("a view's buckets for histogram " + std::string(family) + why);
  };
  if (view_ != nullptr && view_->native_schema()) {
    if (native) {
      plan_.bounds.clear();
      plan_.same = false;
      plan_.native_alone = true;
    } else {
      say(": it has no exponential ones, and a snapshot cannot make them; its own stay");
    }
  } else if (view_ != nullptr && view_->buckets()) {
    std::vector<double> left;
    std::set_intersection(planned_.begin(), planned_.end(), view_->buckets()->begin(),
                          view_->buckets()->end(), std::back_inserter(left));
    if (left.empty()) {
      say(": none of these bounds is among its own, which stay");
    } else {
      if (left.size() < view_->buckets()->size()) {
        say(": some of these bounds are not among its own and are left out");
      }
      plan_.keeps_native = false;
      plan_.same = !native && left.size() == planned_.size();
      plan_.bounds = std::move(left);
    }
  }
  for (std::size_t i = 0; i <= planned_.size(); ++i) {
    // Bucket i counts up to its bound, so it goes to the first bucket that reaches as far.
    const auto target = i == planned_.size() ? plan_.bounds.end()
                                             : std::lower_bound(plan_.bounds.begin(),
                                                                plan_.bounds.end(), planned_[i]);
    plan_.targets.push_back(static_cast<std::uint32_t>(target - plan_.bounds.begin()));
  }
  return plan_;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
