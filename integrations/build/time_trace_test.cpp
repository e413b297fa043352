#include "integrations/build/time_trace.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using testing::ReadBuildTestdata;

constexpr const char* kTraceOfB = "clang14_ftime_trace_b.json";

std::string EventsOf(const std::string& events) {
  return R"({"traceEvents":[)" + events + R"(],"beginningOfTime":1795226222170305})";
}

TEST(TimeTrace, CountsEachMomentOfAPhaseOnce) {
  const TimeTrace trace = ReadTimeTrace(ReadBuildTestdata(kTraceOfB));
  EXPECT_TRUE(trace.complete);
  EXPECT_EQ(trace.bad_events, 0u);
  EXPECT_EQ(trace.begin_unix_us, 1795226222170305);
  // The file's own totals, which are of the outermost events of a name.
  EXPECT_DOUBLE_EQ(trace.phases.frontend_seconds, 0.502547);
  EXPECT_DOUBLE_EQ(trace.phases.backend_seconds, 0.091400);
  EXPECT_DOUBLE_EQ(trace.phases.source_seconds, 0.433548);
  EXPECT_DOUBLE_EQ(trace.phases.template_seconds, 0.124319);
}

// What the readers that add up durations get: three times the whole compilation.
TEST(TimeTrace, TheCaptureIsATrapForReadersThatAddUp) {
  const auto tree = nlohmann::json::parse(ReadBuildTestdata(kTraceOfB));
  double source = 0;
  double whole = 0;
  for (const auto& event : tree["traceEvents"]) {
    if (event["name"] == "Source") source += event["dur"].get<double>() / 1e6;
    if (event["name"] == "ExecuteCompiler") whole = event["dur"].get<double>() / 1e6;
  }
  EXPECT_NEAR(source, 1.848653, 1e-9);
  EXPECT_GT(source, 3 * whole);
}

// `int broken( {`: the parser ran, code was never made.
TEST(TimeTrace, AUnitThatFailedHasAFrontendAlone) {
  const TimeTrace trace = ReadTimeTrace(ReadBuildTestdata("clang14_ftime_trace_failed.json"));
  EXPECT_TRUE(trace.complete);
  EXPECT_EQ(trace.begin_unix_us, 1795296316182913);
  EXPECT_DOUBLE_EQ(trace.phases.frontend_seconds, 0.422787);
  EXPECT_DOUBLE_EQ(trace.phases.backend_seconds, 0);
  EXPECT_DOUBLE_EQ(trace.phases.source_seconds, 0.372181);
  EXPECT_DOUBLE_EQ(trace.phases.template_seconds, 0.101755);
}

// As LLVM 19 and later write it: a beginning and an end, one behind the other, without `dur`.
TEST(TimeTrace, ReadsSourcesThatAreAsynchronousEvents) {
  const auto tree = nlohmann::json::parse(ReadBuildTestdata(kTraceOfB));
  nlohmann::json changed = tree;
  changed["traceEvents"] = nlohmann::json::array();
  for (const auto& event : tree["traceEvents"]) {
    if (event["name"] == "Total Source") continue;
    if (event["name"] != "Source") {
      changed["traceEvents"].push_back(event);
      continue;
    }
    nlohmann::json begin = event;
    begin.erase("dur");
    begin["cat"] = "Source";
    begin["id"] = 0;
    begin["ph"] = "b";
    nlohmann::json end = begin;
    end.erase("args");
    end["ph"] = "e";
    end["ts"] = event["ts"].get<int>() + event["dur"].get<int>();
    changed["traceEvents"].push_back(begin);
    changed["traceEvents"].push_back(end);
  }
  const TimeTrace trace = ReadTimeTrace(changed.dump());
  EXPECT_TRUE(trace.complete);
  EXPECT_EQ(trace.bad_events, 0u);
  EXPECT_DOUBLE_EQ(trace.phases.source_seconds, 0.433548);
}

TEST(TimeTrace, TotalsHoldWhatIsTooShortToBeWritten) {
  const TimeTrace trace =
      ReadTimeTrace(EventsOf(R"({"ph":"X","name":"InstantiateClass","ts":10,"dur":600},
                  {"ph":"X","name":"Total InstantiateClass","ts":0,"dur":900},
                  {"ph":"X","name":"Frontend","ts":0,"dur":5000},
                  {"ph":"X","name":"Total Other","ts":0,"dur":7000})"));
  EXPECT_DOUBLE_EQ(trace.phases.template_seconds, 0.0009);
  EXPECT_DOUBLE_EQ(trace.phases.frontend_seconds, 0.005);
  EXPECT_DOUBLE_EQ(trace.phases.backend_seconds, 0);
  EXPECT_EQ(trace.events, 4u);
}

TEST(TimeTrace, FieldsOfArgumentsAreNotTheEvents) {
  const TimeTrace trace = ReadTimeTrace(EventsOf(
      R"({"args":{"name":"Backend","dur":1000000,"x":[{"ph":"X","name":"Backend","ts":0,"dur":7}]},
          "ph":"X","name":"Frontend","ts":0,"dur":50,"args2":{"dur":9}})"));
  EXPECT_DOUBLE_EQ(trace.phases.frontend_seconds, 0.00005);
  EXPECT_DOUBLE_EQ(trace.phases.backend_seconds, 0);
  EXPECT_EQ(trace.events, 1u);
}

TEST(TimeTrace, EventsWithoutAUsableTimeAreCounted) {
  const TimeTrace trace = ReadTimeTrace(EventsOf(R"({"ph":"X","name":"Frontend","ts":-1,"dur":50},
                  {"ph":"X","name":"Frontend","ts":0},
                  {"ph":"X","name":"Frontend","ts":0,"dur":1e300},
                  {"ph":"X","name":"Frontend","ts":"0","dur":"5"},
                  {"ph":"e","name":"Source","ts":5},
                  {"ph":"X","name":"Frontend","ts":3,"dur":50})"));
  EXPECT_TRUE(trace.complete);
  EXPECT_EQ(trace.bad_events, 5u);
  EXPECT_DOUBLE_EQ(trace.phases.frontend_seconds, 0.00005);
}

TEST(TimeTrace, AFileThatIsCutOffIsNotComplete) {
  const std::string text = ReadBuildTestdata(kTraceOfB);
  for (std::size_t size = 0; size < text.size() - 1; size += 97) {
    EXPECT_FALSE(ReadTimeTrace(std::string_view(text).substr(0, size)).complete) << size;
  }
  EXPECT_TRUE(ReadTimeTrace(text).complete);
}

TEST(TimeTrace, OtherJsonIsNoTrace) {
  for (const char* const text : {"", "{}", "[]", "null", "7", R"({"traceEvents":{}})",
                                 R"([{"traceEvents":[]}])", "{\"traceEvents\":[]} x", "\xff"}) {
    const TimeTrace trace = ReadTimeTrace(text);
    EXPECT_FALSE(trace.complete) << text;
    EXPECT_EQ(trace.events, 0u) << text;
  }
}

TEST(TimeTrace, DeepNestingIsRefused) {
  const std::string deep = EventsOf(R"({"args":)" + std::string(1'000'000, '['));
  EXPECT_FALSE(ReadTimeTrace(deep).complete);
}

}  // namespace
}  // namespace polymeter::detail::build
