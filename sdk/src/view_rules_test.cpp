// Which views match, and what they make of labels.
#include "sdk/src/view_rules.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace polymeter {
namespace {

using detail::MatchesPattern;
using detail::ShownLabels;
using detail::ShownNames;
using detail::ViewRules;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kCounter = MetricType::kCounter;
constexpr auto kHistogram = MetricType::kHistogram;

TEST(ViewRules, MatchPatternsWithStarsForAnyCharacters) {
  EXPECT_TRUE(MatchesPattern("a", "a"));
  EXPECT_TRUE(MatchesPattern("*", ""));
  EXPECT_TRUE(MatchesPattern("http_*", "http_"));
  EXPECT_TRUE(MatchesPattern("*_seconds", "a_seconds_seconds"));
  EXPECT_TRUE(MatchesPattern("a*b*c", "aXbYbZc"));
  EXPECT_TRUE(MatchesPattern("**", "x"));
  EXPECT_FALSE(MatchesPattern("a", "ab"));
  EXPECT_FALSE(MatchesPattern("", "a"));
  EXPECT_FALSE(MatchesPattern("http_*", "http"));
  EXPECT_FALSE(MatchesPattern("a*b*c", "aXbY"));
  // Every star takes one character more at a time; all ways at once would take for ever.
  EXPECT_FALSE(MatchesPattern("*a*a*a*a*a*a*a*a*a*b", std::string(10000, 'a')));
}

TEST(ViewRules, MatchNamesWithAndWithoutThePrefix) {
  const ViewRules rules({View("jobs").Drop(), View("app_x").Drop()}, "app_");
  EXPECT_TRUE(rules.AtRegistration("app_jobs", kCounter).dropped);
  EXPECT_TRUE(rules.AtRegistration("app_x", kCounter).dropped);
  EXPECT_TRUE(rules.AtRegistration("jobs", kCounter).dropped);
  EXPECT_FALSE(rules.AtRegistration("my_jobs", kCounter).dropped);
}

TEST(ViewRules, TheFirstKeepOrDropDecides) {
  const ViewRules rules({View("a_1").Keep(), View("a_*").Drop(), View("a_2").Keep()}, "");
  EXPECT_FALSE(rules.AtRegistration("a_1", kCounter).dropped);
  EXPECT_TRUE(rules.AtRegistration("a_2", kCounter).dropped);
  EXPECT_FALSE(rules.AtRegistration("b", kCounter).dropped);
}

TEST(ViewRules, CanBeOfOneType) {
  const ViewRules rules({View("*").Type(kHistogram).Drop()}, "");
  EXPECT_TRUE(rules.AtRegistration("h", kHistogram).dropped);
  EXPECT_FALSE(rules.AtRegistration("c", kCounter).dropped);
}

TEST(ViewRules, AFamilyThatOneBackendKeepsIsNotDroppedForIt) {
  const ViewRules rules({View("job_*").Backend("statsd").Keep(), View("*").Drop()}, "");
  EXPECT_FALSE(rules.AtRegistration("job_x", kCounter).dropped);
  EXPECT_FALSE(rules.OfBackend("statsd", "job_x", kCounter, true).dropped);
  EXPECT_TRUE(rules.OfBackend("", "job_x", kCounter, true).dropped);
  EXPECT_TRUE(rules.OfBackend("otlp", "job_x", kCounter, true).dropped);
  EXPECT_TRUE(rules.AtRegistration("other", kCounter).dropped);
}

TEST(ViewRules, OfABackendAddToThoseOfAll) {
  const ViewRules rules({View("*").Backend("statsd").DropLabels({"b"}).Buckets({1}),
                         View("*").DropLabels({"a"}).Buckets({1, 2})},
                        "");
  EXPECT_EQ(rules.AtRegistration("h", kHistogram).labels.size(), 1u);
  EXPECT_EQ(rules.AtRegistration("h", kHistogram).buckets->buckets()->size(), 2u);
  const auto registered = rules.OfBackend("statsd", "h", kHistogram, /*registered=*/true);
  ASSERT_EQ(registered.labels.size(), 1u);
  EXPECT_THAT(registered.labels[0]->dropped_labels(), ElementsAre("b"));
  EXPECT_EQ(registered.buckets->buckets()->size(), 1u);
  const auto produced = rules.OfBackend("statsd", "h", kHistogram, /*registered=*/false);
  ASSERT_EQ(produced.labels.size(), 2u);
  EXPECT_THAT(produced.labels[0]->dropped_labels(), ElementsAre("a"));
  EXPECT_EQ(produced.buckets->backend(), "statsd");
  EXPECT_FALSE(rules.OfBackend("otlp", "h", kHistogram, /*registered=*/true).any());
  EXPECT_EQ(rules.OfBackend("statsd", "c", kCounter, false).buckets, nullptr);
}

std::vector<std::string> NamesOf(const ShownLabels& shown) {
  std::vector<std::string> names;
  for (const auto& label : shown.labels) {
    names.push_back(std::to_string(label.position) + label.name);
  }
  return names;
}

TEST(ViewRules, DropLabelsAndThenRenameAllAtOnce) {
  const View drop = View("*").DropLabels({"a", "zzz"}).RenameLabel("b", "c").RenameLabel("c", "b");
  const View keep = View("*").KeepLabels({"c"});
  EXPECT_THAT(NamesOf(ShownNames({&drop}, kCounter, {"a", "b", "c"})), ElementsAre("1c", "2b"));
  EXPECT_THAT(NamesOf(ShownNames({&drop, &keep}, kCounter, {"a", "b", "c"})), ElementsAre("1c"));
  EXPECT_THAT(NamesOf(ShownNames({&keep, &drop}, kCounter, {"a", "b", "c"})), ElementsAre("2b"));
  EXPECT_TRUE(ShownNames({&drop}, kCounter, {"x"}).same);
  EXPECT_FALSE(ShownNames({&drop}, kCounter, {"b"}).same);
}

TEST(ViewRules, DoNotRenameToTheNameOfAnotherLabel) {
  const View view = View("*").RenameLabel("code", "status");
  const ShownLabels shown = ShownNames({&view}, kCounter, {"code", "status"});
  EXPECT_THAT(NamesOf(shown), ElementsAre("0code", "1status"));
  EXPECT_THAT(shown.trouble, HasSubstr("code to status"));
  EXPECT_EQ(ShownNames({&view}, kCounter, {"code"}).trouble, "");
}

TEST(ViewRules, LeaveTheOverflowSeriesItsLabel) {
  const View view = View("*").KeepLabels({"a"});
  EXPECT_TRUE(ShownNames({&view}, kCounter, {"otel_metric_overflow"}).same);
}

TEST(ViewRules, ChangeConstantLabelsByNameOnly) {
  const View view = View("*").KeepLabels({"x"}).DropLabels({"a"}).RenameLabel("b", "e");
  const StringPairs labels = {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}};
  const ShownLabels shown = ShownNames({&view}, kCounter, {"x", "y"}, labels);
  EXPECT_EQ(shown.constants, (StringPairs{{"e", "2"}, {"c", "3"}, {"d", "4"}}));
  EXPECT_THAT(NamesOf(shown), ElementsAre("0x"));
  EXPECT_EQ(shown.trouble, "");
}

TEST(ViewRules, DoNotRenameToOrFromAConstantLabelWhoseNameIsTaken) {
  const StringPairs constants = {{"region", "eu"}, {"cell", "7"}};
  const View among = View("*").RenameLabel("region", "cell");
  const ShownLabels kept = ShownNames({&among}, kCounter, {"code"}, constants);
  EXPECT_EQ(kept.constants, constants);
  EXPECT_THAT(kept.trouble, HasSubstr("renames label region to cell"));

  const View onto = View("*").RenameLabel("code", "region");
  const ShownLabels series = ShownNames({&onto}, kCounter, {"code"}, constants);
  EXPECT_THAT(NamesOf(series), ElementsAre("0code"));
  EXPECT_EQ(series.constants, constants);
  EXPECT_THAT(series.trouble, HasSubstr("renames label code to region"));

  const View back = View("*").RenameLabel("region", "code");
  EXPECT_EQ(ShownNames({&back}, kCounter, {"code"}, constants).constants, constants);
  EXPECT_THAT(ShownNames({&back}, kCounter, {"code"}, constants).trouble,
              HasSubstr("renames label region to code"));

  // A name that is free by then is not taken.
  const View instead = View("*").DropLabels({"region"}).RenameLabel("code", "region");
  EXPECT_THAT(NamesOf(ShownNames({&instead}, kCounter, {"code"}, constants)),
              ElementsAre("0region"));
  const View swapped = View("*").RenameLabel("region", "cell").RenameLabel("cell", "region");
  const ShownLabels both = ShownNames({&swapped}, kCounter, {}, constants);
  EXPECT_EQ(both.constants, (StringPairs{{"cell", "eu"}, {"region", "7"}}));
  EXPECT_EQ(both.trouble, "");
}

TEST(ViewRules, DoNotRenameAConstantLabelToAReservedName) {
  const View view = View("*").RenameLabel("region", "le");
  const StringPairs constants = {{"region", "eu"}};
  EXPECT_EQ(ShownNames({&view}, kHistogram, {}, constants).constants, constants);
  EXPECT_THAT(ShownNames({&view}, kHistogram, {}, constants).trouble, HasSubstr("reserved"));
}

TEST(ViewRules, RenameALabelTogetherWithTheConstantOneThatItHides) {
  const View view = View("*").RenameLabel("region", "zone");
  const ShownLabels shown = ShownNames({&view}, kCounter, {"region"}, {{"region", "eu"}});
  EXPECT_THAT(NamesOf(shown), ElementsAre("0zone"));
  EXPECT_EQ(shown.constants, (StringPairs{{"zone", "eu"}}));
  EXPECT_EQ(shown.trouble, "");
}

TEST(ViewRules, KnowWhichBucketsTheConfigurationSays) {
  const ViewRules rules({View("a").Buckets({1}), View("*").Buckets({2})}, "", /*configured=*/1);
  EXPECT_TRUE(rules.AtRegistration("a", kHistogram).configured_buckets);
  EXPECT_FALSE(rules.AtRegistration("b", kHistogram).configured_buckets);
}

TEST(ViewRules, PutTheirBucketsInThePlaceOfTheCodes) {
  FamilyOptions options = FamilyOptions().Buckets({1, 2}).Native().Unit("seconds");
  detail::ViewOverrides::Buckets(View("*").Buckets({5}), options);
  EXPECT_THAT(options.buckets().value(), ElementsAre(5));
  EXPECT_FALSE(options.native().has_value());
  EXPECT_EQ(options.unit(), "seconds");
  options.Native(NativeHistogramOptions().MaxBuckets(320));
  detail::ViewOverrides::Buckets(View("*").Native(5), options);
  EXPECT_FALSE(options.buckets().has_value());
  EXPECT_EQ(options.native()->schema(), 5);
  EXPECT_EQ(options.native()->max_buckets(), 320);
}

}  // namespace
}  // namespace polymeter
