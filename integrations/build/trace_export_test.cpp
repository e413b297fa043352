#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "integrations/build/build_for_test.h"
#include "polymeter/build.h"

namespace polymeter {
namespace {

using testing::BuildForTest;
using testing::ExpectPythonAccepts;
using testing::StepForTest;

// The events of steps, by name.
std::map<std::string, nlohmann::json> StepEvents(const std::string& trace) {
  std::map<std::string, nlohmann::json> events;
  const auto tree = nlohmann::json::parse(trace);
  for (const auto& event : tree["traceEvents"]) {
    if (event["ph"] != "M") events[event["name"].get<std::string>()] = event;
  }
  return events;
}

TEST(BuildTrace, AnotherParserReadsIt) {
  ExpectPythonAccepts("check_trace.py", FormatBuildTrace(BuildForTest()));
  ExpectPythonAccepts("check_trace.py", FormatBuildTrace(BuildSummary()));
}

TEST(BuildTrace, HasOneEventForEachStepInMicroseconds) {
  const auto events = StepEvents(FormatBuildTrace(BuildForTest()));
  ASSERT_EQ(events.size(), 6u);
  const auto& b = events.at("b.cpp.o");
  EXPECT_EQ(b["ph"], "X");
  EXPECT_EQ(b["ts"], 1000);
  EXPECT_EQ(b["dur"], 2'500'000);
  EXPECT_EQ(b["cat"], "compile");
  EXPECT_EQ(b["args"]["critical_path"], true);
  EXPECT_EQ(b["args"]["source"], "src/b.cpp");
  EXPECT_EQ(b["args"]["peak_rss_bytes"], 130'703'360);
  EXPECT_FALSE(events.at("a.cpp.o")["args"].contains("critical_path"));
  EXPECT_EQ(events.at("c.cpp.o")["args"]["result"], "cached");
}

TEST(BuildTrace, AFreedLaneIsUsedAgain) {
  const auto events = StepEvents(FormatBuildTrace(BuildForTest()));
  EXPECT_EQ(events.at("a.cpp.o")["tid"], 1);
  EXPECT_EQ(events.at("b.cpp.o")["tid"], 2);
  EXPECT_EQ(events.at("c.cpp.o")["tid"], 1);
  EXPECT_EQ(events.at("libcore.a")["tid"], 1);
  EXPECT_EQ(events.at("app")["tid"], 1);
}

TEST(BuildTrace, AStepWithoutATimeIsAMarkAtTheEnd) {
  const auto events = StepEvents(FormatBuildTrace(BuildForTest()));
  EXPECT_EQ(events.at("d.cpp.o")["ph"], "i");
  EXPECT_EQ(events.at("d.cpp.o")["ts"], 4'000'000);
  EXPECT_EQ(events.at("d.cpp.o")["args"]["result"], "failed");
}

TEST(BuildTrace, SaysWhenTheBuildBeganAsClangDoes) {
  const auto tree = nlohmann::json::parse(FormatBuildTrace(BuildForTest()));
  EXPECT_EQ(tree["beginningOfTime"], 1'795'226'222'170'000);
}

TEST(BuildTrace, IsJsonWheneverTheBuildBegan) {
  BuildSummary build;
  for (const std::int64_t begin : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX}) {
    build.begin_unix_ms = begin;
    EXPECT_TRUE(nlohmann::json::accept(FormatBuildTrace(build))) << begin;
  }
}

TEST(BuildTrace, NumbersThatCannotBeAreMarksToo) {
  BuildSummary build;
  build.wall_seconds = std::numeric_limits<double>::quiet_NaN();
  build.steps = {StepForTest("a", "link", -1, 1), StepForTest("b", "link", 0, 1e300),
                 StepForTest("c\xff", "link", 0, 1)};
  const std::string trace = FormatBuildTrace(build);
  EXPECT_EQ(StepEvents(trace).at("a")["ph"], "i");
  EXPECT_EQ(StepEvents(trace).at("b")["ph"], "i");
  ExpectPythonAccepts("check_trace.py", trace);
}

TEST(BuildTrace, LanesHoldOneStepAtATimeWhateverTheBuild) {
  std::mt19937 random(20261121);
  BuildSummary build;
  for (int i = 0; i < 400; ++i) {
    const double begin = std::uniform_int_distribution(0, 5000)(random) / 1000.0;
    const double seconds = std::uniform_int_distribution(1, 300)(random) / 1000.0;
    build.steps.push_back(StepForTest(std::to_string(i) + ".o", "compile", begin, seconds));
  }
  build.wall_seconds = 5.3;
  ExpectPythonAccepts("check_trace.py", FormatBuildTrace(build));
}

}  // namespace
}  // namespace polymeter
