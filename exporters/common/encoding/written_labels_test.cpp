#include "exporters/common/encoding/written_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "sdk/testing/snapshot_builder.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// Every name without its digits.
std::string WithoutDigits(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c < '0' || c > '9') out += c;
  }
  return out;
}

Snapshot Counters(std::initializer_list<std::initializer_list<Label>> series) {
  testing::SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kCounter, "c", "");
  std::uint64_t value = 0;
  for (const auto& labels : series) builder.sink().Counter(labels, ++value);
  return builder.Build();
}

TEST(WrittenLabels, JoinsValuesInTheOrderOfTheirOwnNames) {
  const Snapshot snapshot = Counters({{{"b", "0"}, {"a2", "2"}, {"c", "3"}, {"a1", "1"}}});
  const FamilyView& family = snapshot.families()[0];
  const SeriesView series = std::get<CounterPoints>(family.points)[0].series;
  EXPECT_THAT(WrittenLabels(family, series, WithoutDigits),
              ElementsAre(Pair("b", "0"), Pair("a", "1;2"), Pair("c", "3")));
}

TEST(WrittenLabels, LeavesFamiliesAloneWhoseNamesStayApart) {
  const Snapshot snapshot = Counters({{{"a1", "x"}}, {{"b1", "x"}}, {{"a1", "y"}}});
  std::uint64_t left_out = 7;
  EXPECT_FALSE(WithoutClashingSeries(snapshot.families()[0], WithoutDigits, left_out));
  EXPECT_EQ(left_out, 0u);
}

TEST(WrittenLabels, LeavesOutOnlySeriesThatBecomeOne) {
  // Names become one, but values tell the first two apart; the order of labels does not.
  const Snapshot snapshot = Counters({{{"a1", "x"}},
                                      {{"a2", "y"}},
                                      {{"b1", "1"}, {"c", "2"}},
                                      {{"c", "2"}, {"b", "1"}},
                                      {{"c", "2"}, {"b0", "1"}}});
  std::uint64_t left_out = 0;
  const auto rest = WithoutClashingSeries(snapshot.families()[0], WithoutDigits, left_out);
  ASSERT_TRUE(rest);
  EXPECT_EQ(left_out, 2u);
  const auto& points = std::get<CounterPoints>(rest->points);
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[2].whole, 4u);  // the one whose names are written as they are
}

}  // namespace
}  // namespace encoding
POLYMETER_END_NAMESPACE
