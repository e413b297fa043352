#include "exporters/common/exposition/name_escaping.h"

#include <gtest/gtest.h>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

TEST(NameEscapingTest, LegacyNamesStayInEveryScheme) {
  for (const auto scheme : {NameEscaping::kUnderscores, NameEscaping::kDots, NameEscaping::kValues,
                            NameEscaping::kAllowUtf8}) {
    EXPECT_EQ(EscapedMetricName("foo_bar:x1", scheme), "foo_bar:x1");
    EXPECT_EQ(EscapedLabelName("foo_bar", scheme), "foo_bar");
  }
}

TEST(NameEscapingTest, EachSchemeEscapesItsWay) {
  struct {
    std::string_view name, underscores, dots, values;
  } const rows[] = {
      {"cache.hit:rate", "cache_hit:rate", "cache_dot_hit:rate", "U__cache_2e_hit:rate"},
      {"disk.io_ms", "disk_io_ms", "disk_dot_io__ms", "U__disk_2e_io__ms"},
      {"\u00e9", "_", "__", "U___e9_"},
      {"1abc", "_abc", "__abc", "U___31_abc"},
      {"\U0001F600x", "_x", "__x", "U___1f600_x"},
      {"a b", "a_b", "a__b", "U__a_20_b"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(EscapedMetricName(row.name, NameEscaping::kUnderscores), row.underscores);
    EXPECT_EQ(EscapedMetricName(row.name, NameEscaping::kDots), row.dots);
    EXPECT_EQ(EscapedMetricName(row.name, NameEscaping::kValues), row.values);
    EXPECT_EQ(EscapedMetricName(row.name, NameEscaping::kAllowUtf8), row.name);
  }
}

TEST(NameEscapingTest, AColonIsNoPartOfALabelsName) {
  EXPECT_EQ(EscapedLabelName("a:b", NameEscaping::kUnderscores), "a_b");
  EXPECT_EQ(EscapedLabelName("a:b", NameEscaping::kValues), "U__a_3a_b");
}

TEST(NameEscapingTest, BytesThatAreNoUtf8AreReplacedFirst) {
  EXPECT_EQ(EscapedMetricName("a\xff", NameEscaping::kValues), "U__a_fffd_");
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
