// A Metrics' own summaries and infos in every format.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "exporters/backends.h"
#include "polymeter/polymeter.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class OwnSummaries : public ::testing::Test {
 protected:
  OwnSummaries() {
    const auto rpc =
        metrics_.Summary("rpc_seconds", "RPCs.", {"method"}, SummaryOptions().Quantiles({0.5, 1}));
    rpc.With("get").Observe(0.25);
    rpc.With("get").Observe(0.5);
    rpc.With("none");
    metrics_.Info("build", "Build.", {{"version", "1.2"}});
  }
  std::string Rendered(std::string_view format) const {
    const auto text = Render(metrics_, format);
    EXPECT_TRUE(text) << format << ": " << text.message();
    return text.value();
  }

  Metrics metrics_ = Build(Options().Service("demo").Consumer());
};

TEST_F(OwnSummaries, StandInPrometheusText) {
  const std::string page = Rendered("text");
  EXPECT_THAT(page, HasSubstr("# TYPE rpc_seconds summary\n"
                              "rpc_seconds{method=\"get\",quantile=\"0.5\"} 0.25\n"
                              "rpc_seconds{method=\"get\",quantile=\"1\"} 0.5\n"
                              "rpc_seconds_sum{method=\"get\"} 0.75\n"
                              "rpc_seconds_count{method=\"get\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("rpc_seconds{method=\"none\",quantile=\"0.5\"} NaN\n"));
  EXPECT_THAT(page, HasSubstr("rpc_seconds_count{method=\"none\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("build_info{version=\"1.2\"} 1\n"));
}

TEST_F(OwnSummaries, StandInOpenMetrics) {
  const std::string page = Rendered("openmetrics");
  EXPECT_THAT(page, HasSubstr("# TYPE rpc_seconds summary\n"));
  EXPECT_THAT(page, HasSubstr("rpc_seconds{method=\"get\",quantile=\"1.0\"} 0.5\n"));
  EXPECT_THAT(page, HasSubstr("rpc_seconds_count{method=\"get\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("# TYPE build info\n"));
  EXPECT_THAT(page, HasSubstr("build_info{version=\"1.2\"} 1\n"));
}

TEST_F(OwnSummaries, StandInEveryOtherFormat) {
  int formats = 0;
  for (const detail::TableRow& row : detail::BackendTable()) {
    if (row.info == nullptr || row.info->make_encoder == nullptr) continue;
    const std::string text = Rendered(row.name);
    EXPECT_THAT(text, HasSubstr("rpc_seconds")) << row.name;
    EXPECT_THAT(text, HasSubstr("build")) << row.name;
    ++formats;
  }
  EXPECT_GT(formats, 0);
}

}  // namespace
POLYMETER_END_NAMESPACE
