#include "integrations/common/family_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polymeter::detail {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(FamilyRow, BecomesOptions) {
  const FamilyOptions options =
      OptionsOf({MetricType::kHistogram, "http_request_duration_seconds", "Duration.", "seconds",
                 "method,path", "http.server.request.duration",
                 "method=http.request.method,path=http.route"});
  EXPECT_EQ(options.unit(), "seconds");
  EXPECT_EQ(options.otel_name(), "http.server.request.duration");
  EXPECT_FALSE(options.additive());
  EXPECT_THAT(options.otel_attributes(),
              ElementsAre(Pair("method", "http.request.method"), Pair("path", "http.route")));
}

TEST(FamilyRow, LeavesOutWhatItDoesNotSay) {
  const FamilyOptions options = OptionsOf(
      {.type = MetricType::kGauge, .name = "queue_depth", .help = "Tasks.", .additive = true});
  EXPECT_TRUE(options.additive());
  EXPECT_EQ(options.otel_name(), "");
  EXPECT_THAT(options.otel_attributes(), IsEmpty());
}

}  // namespace
}  // namespace polymeter::detail
