// A view stage of backend `b`, and what it says.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/src/view_stage.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

class Stage {
 public:
  explicit Stage(std::vector<View> views)
      : stage_(std::make_shared<const detail::ViewRules>(std::move(views), ""), "b",
               /*registered=*/true,
               [this](std::string_view reason, std::string_view message, std::uint64_t points) {
                 EXPECT_EQ(reason, "view");
                 messages.emplace_back(message);
                 reported += points;
               }) {}
  Snapshot Apply(const Snapshot& snapshot) { return stage_.Apply(snapshot, ++order_); }
  Snapshot ApplyLate(const Snapshot& snapshot) { return stage_.Apply(snapshot, order_ - 1); }

  std::vector<std::string> messages;
  std::uint64_t reported = 0;

 private:
  detail::ViewStage stage_;
  std::uint64_t order_ = 0;
};

inline View Without(std::string label) {
  return View("*").Backend("b").DropLabels({std::move(label)});
}

inline std::vector<double> BucketsOf(const HistogramPoint& point) {
  return {point.buckets, point.buckets + point.bound_count + 1};
}

}  // namespace testing
POLYMETER_END_NAMESPACE
