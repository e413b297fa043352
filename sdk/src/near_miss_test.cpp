#include "sdk/src/near_miss.h"

#include <gtest/gtest.h>

POLYMETER_BEGIN_NAMESPACE
namespace {

using detail::EditDistance;
using detail::NearMiss;

TEST(EditDistance, CountsSingleEditsAndSwapsOfNeighbours) {
  EXPECT_EQ(EditDistance("port", "port"), 0u);
  EXPECT_EQ(EditDistance("port", "PORT"), 0u);
  EXPECT_EQ(EditDistance("port", "prot"), 1u);
  EXPECT_EQ(EditDistance("port", "ports"), 1u);
  EXPECT_EQ(EditDistance("port", "por"), 1u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(NearMiss, FindsTheNearestNameThatIsNearEnough) {
  const std::vector<std::string> known = {"null", "prometheus", "statsd"};
  EXPECT_EQ(NearMiss("prometeus", known), "prometheus");
  EXPECT_EQ(NearMiss("Promethues", known), "prometheus");
  EXPECT_EQ(NearMiss("statd", known), "statsd");
  EXPECT_EQ(NearMiss("influx", known), "");
  EXPECT_EQ(NearMiss("nil", known), "");
  EXPECT_EQ(NearMiss("", known), "");
}

TEST(NearMiss, GivesUpOnVeryLongNames) {
  EXPECT_EQ(NearMiss(std::string(129, 'x'), {std::string(129, 'x')}), "");
}

}  // namespace
POLYMETER_END_NAMESPACE
