#include "exporters/pushgateway/grouping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace polymeter {
namespace {

using namespace std::string_literals;
using detail::GroupingPath;
using detail::GroupingProblem;
using ::testing::HasSubstr;
using ::testing::Optional;

TEST(Grouping, IsJobFirstThenTheLabelsInTheirOrder) {
  EXPECT_EQ(GroupingPath("backup", {}), "/metrics/job/backup");
  EXPECT_EQ(GroupingPath("backup", {{"zone", "b"}, {"instance", "host-1.example_~"}}),
            "/metrics/job/backup/zone/b/instance/host-1.example_~");
}

TEST(Grouping, PercentEncodesAllButUnreservedBytes) {
  EXPECT_EQ(GroupingPath("\u03A0", {{"q", "a b+c?d#e%f:g&h\n\x7F"}}),
            "/metrics/job/%CE%A0/q/a%20b%2Bc%3Fd%23e%25f%3Ag%26h%0A%7F");
}

// Values with the same text encoded by base64(1) and `tr +/ -_`.
TEST(Grouping, WritesWhatAPathCannotHoldInBase64) {
  EXPECT_EQ(GroupingPath("j", {{"path", "/var/tmp"}}), "/metrics/job/j/path@base64/L3Zhci90bXA=");
  EXPECT_EQ(GroupingPath("a/b", {}), "/metrics/job@base64/YS9i");
  EXPECT_EQ(GroupingPath("a/bc", {}), "/metrics/job@base64/YS9iYw==");
  EXPECT_EQ(GroupingPath("j", {{"u", "/\u00FB\u00FF\u00FE"}}),
            "/metrics/job/j/u@base64/L8O7w7_Dvg==");
  EXPECT_EQ(GroupingPath("j", {{"u", "/>>?"}}), "/metrics/job/j/u@base64/Lz4-Pw==");
}

TEST(Grouping, WritesAnEmptyValueAsPaddingAlone) {
  EXPECT_EQ(GroupingPath("j", {{"zone", ""}, {"n", "1"}}), "/metrics/job/j/zone@base64/=/n/1");
}

// A server's router tidies them away and answers 301.
TEST(Grouping, HidesSegmentsThatServersTidyAway) {
  EXPECT_EQ(GroupingPath(".", {{"v", ".."}}), "/metrics/job@base64/Lg==/v@base64/Li4=");
  EXPECT_EQ(GroupingPath("...", {}), "/metrics/job/...");
}

TEST(Grouping, SendsNoBytesThatAreNotUtf8) {
  EXPECT_EQ(GroupingPath("a\xFF", {{"v", "/\x80"}}), "/metrics/job/a%EF%BF%BD/v@base64/L--_vQ==");
}

TEST(Grouping, HasNoProblemWithAnyUtf8Value) {
  EXPECT_EQ(GroupingProblem({}), std::nullopt);
  EXPECT_EQ(GroupingProblem({{"instance", ""}, {"a_1", "/\u03A0\n\0"s}}), std::nullopt);
}

TEST(Grouping, NamesTheLabelThatAServerWouldChokeOn) {
  EXPECT_THAT(GroupingProblem({{"in-stance", "x"}}), Optional(HasSubstr("in-stance")));
  EXPECT_THAT(GroupingProblem({{"__x", "x"}}), Optional(HasSubstr("__x")));
  EXPECT_THAT(GroupingProblem({{"", "x"}}), Optional(HasSubstr("no label name")));
  EXPECT_THAT(GroupingProblem({{"a", "x"}, {"job", "x"}}), Optional(HasSubstr("label job")));
  EXPECT_THAT(GroupingProblem({{"a", "x"}, {"b", "x"}, {"a", "y"}}), Optional(HasSubstr("twice")));
  EXPECT_THAT(GroupingProblem({{"a", "\xFF"}}), Optional(HasSubstr("UTF-8")));
}

}  // namespace
}  // namespace polymeter
