// TextSerializer, and the rules for names.
#include "prometheus/text_serializer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iomanip>
#include <limits>
#include <locale>
#include <sstream>
#include <string>
#include <vector>

#include "prometheus/check_names.h"

namespace prometheus {
namespace {

MetricFamily FamilyOf(MetricType type) {
  MetricFamily family;
  family.name = "x";
  family.help = "Help.";
  family.type = type;
  family.metric.resize(1);
  return family;
}

std::string Text(const MetricFamily& family) { return TextSerializer().Serialize({family}); }

TEST(DropInTextSerializer, WritesCountersGaugesAndUntyped) {
  MetricFamily counter = FamilyOf(MetricType::Counter);
  counter.metric[0].counter.value = 0.1;
  counter.metric[0].label = {{"a", "1"}, {"b", "2"}};
  EXPECT_EQ(Text(counter), "# HELP x Help.\n# TYPE x counter\nx{a=\"1\",b=\"2\"} 0.1\n");
  MetricFamily gauge = FamilyOf(MetricType::Gauge);
  gauge.metric[0].gauge.value = -std::numeric_limits<double>::infinity();
  gauge.metric[0].timestamp_ms = 1700000000123;
  EXPECT_EQ(Text(gauge), "# HELP x Help.\n# TYPE x gauge\nx -Inf 1700000000123\n");
  MetricFamily untyped = FamilyOf(MetricType::Untyped);
  untyped.help.clear();
  untyped.metric[0].untyped.value = 1e300;
  untyped.metric[0].timestamp_ms = -5;
  EXPECT_EQ(Text(untyped), "# TYPE x untyped\nx 1e+300 -5\n");
}

TEST(DropInTextSerializer, WritesHistogramsWithTheirInfiniteBucket) {
  MetricFamily family = FamilyOf(MetricType::Histogram);
  family.help.clear();
  auto& histogram = family.metric[0].histogram;
  histogram.sample_count = 3;
  histogram.sample_sum = 1.5;
  histogram.bucket.resize(1);
  histogram.bucket[0].upper_bound = 0.25;
  histogram.bucket[0].cumulative_count = 2;
  const std::string text =
      "# TYPE x histogram\nx_count 3\nx_sum 1.5\nx_bucket{le=\"0.25\"} 2\nx_bucket{le=\"+Inf\"} "
      "3\n";
  EXPECT_EQ(Text(family), text);
  histogram.bucket.resize(2);
  histogram.bucket[1].upper_bound = std::numeric_limits<double>::infinity();
  histogram.bucket[1].cumulative_count = 3;
  EXPECT_EQ(Text(family), text);
}

TEST(DropInTextSerializer, WritesSummaries) {
  MetricFamily family = FamilyOf(MetricType::Summary);
  family.metric[0].label = {{"a", "1"}};
  family.metric[0].summary.sample_count = 2;
  family.metric[0].summary.quantile.resize(1);
  family.metric[0].summary.quantile[0].quantile = 0.99;
  family.metric[0].summary.quantile[0].value = std::nan("");
  EXPECT_EQ(Text(family),
            "# HELP x Help.\n# TYPE x summary\nx_count{a=\"1\"} 2\nx_sum{a=\"1\"} 0\n"
            "x{a=\"1\",quantile=\"0.99\"} NaN\n");
}

TEST(DropInTextSerializer, NamesTheMetricOfAnInfo) {
  MetricFamily family = FamilyOf(MetricType::Info);
  family.metric[0].info.value = 1;
  family.metric[0].label = {{"version", "2"}};
  EXPECT_EQ(Text(family), "# HELP x_info Help.\n# TYPE x_info gauge\nx_info{version=\"2\"} 1\n");
}

TEST(DropInTextSerializer, EscapesHelpAndLabels) {
  MetricFamily family = FamilyOf(MetricType::Counter);
  family.help = "a\\b\n\"c\"";
  family.metric[0].label = {{"l", "q\"\\\n"}};
  EXPECT_EQ(Text(family), "# HELP x a\\\\b\\n\"c\"\n# TYPE x counter\nx{l=\"q\\\"\\\\\\n\"} 0\n");
}

TEST(DropInTextSerializer, WritesEveryDigitThatIsNeeded) {
  MetricFamily family = FamilyOf(MetricType::Counter);
  family.help.clear();
  family.metric[0].counter.value = 9007199254740993.0;
  EXPECT_EQ(Text(family), "# TYPE x counter\nx 9.007199254740992e+15\n");
  family.metric[0].counter.value = 1.0 / 3;
  EXPECT_EQ(Text(family), "# TYPE x counter\nx 0.3333333333333333\n");
}

struct Commas : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(DropInTextSerializer, DependsNotOnTheStreamsStateAndLeavesIt) {
  MetricFamily family = FamilyOf(MetricType::Counter);
  family.help.clear();
  family.metric[0].counter.value = 12345.5;
  std::ostringstream out;
  out.imbue(std::locale(std::locale::classic(), new Commas));
  out << std::hex << std::setw(40) << std::setfill('*');
  TextSerializer().Serialize(out, {family, family});
  EXPECT_EQ(out.str(), "# TYPE x counter\nx 12345.5\n# TYPE x counter\nx 12345.5\n");
}

TEST(DropInTextSerializer, WritesPagesOfManyBlocks) {
  MetricFamily family = FamilyOf(MetricType::Gauge);
  family.help.clear();
  family.metric.resize(20000);
  std::string expected = "# TYPE x gauge\n";
  for (std::size_t i = 0; i < family.metric.size(); ++i) {
    family.metric[i].gauge.value = static_cast<double>(i);
    family.metric[i].label = {{"i", std::to_string(i)}};
    expected += "x{i=\"" + std::to_string(i) + "\"} " + std::to_string(i) + "\n";
  }
  EXPECT_EQ(Text(family), expected);
}

TEST(DropInNames, AreChecked) {
  for (const char* const good : {"a", "_a", "a:b", ":a", "A9_"}) EXPECT_TRUE(CheckMetricName(good));
  for (const char* const bad : {"", "__a", "1a", "a-b", "a b", "\xc3\xa9"}) {
    EXPECT_FALSE(CheckMetricName(bad)) << bad;
    EXPECT_FALSE(CheckLabelName(bad)) << bad;
    EXPECT_FALSE(CheckLabelName(bad, MetricType::Counter)) << bad;
  }
  EXPECT_TRUE(CheckLabelName("a"));
  EXPECT_FALSE(CheckLabelName("a:b"));
  EXPECT_FALSE(CheckLabelName("le", MetricType::Histogram));
  EXPECT_TRUE(CheckLabelName("le", MetricType::Summary));
  EXPECT_FALSE(CheckLabelName("quantile", MetricType::Summary));
  EXPECT_TRUE(CheckLabelName("quantile", MetricType::Gauge));
}

}  // namespace
}  // namespace prometheus
