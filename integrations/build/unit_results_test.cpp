#include "integrations/build/unit_results.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <utime.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using testing::BuildForTest;
using testing::ReadBuildTestdata;
using testing::StepForTest;

std::map<std::string, std::string> ResultsByName(const BuildSummary& build) {
  std::map<std::string, std::string> results;
  for (const BuildStep& step : build.steps) results[step.name] = step.result;
  return results;
}

BuildStep CompileForTest(std::string name, std::string source, double seconds) {
  BuildStep step = StepForTest(std::move(name), "compile", 0, seconds);
  step.source = std::move(source);
  return step;
}

Step ModelStep(std::string output, std::int64_t start, std::int64_t end) {
  Step step;
  step.outputs = {std::move(output), "second output"};
  step.start_ms = start;
  step.end_ms = end;
  return step;
}

TEST(BuildUnits, ASummaryHasAllThatTheBuildHas) {
  Build build;
  build.tool = Tool::kNinja;
  build.result = BuildResult::kInterrupted;
  build.exit_code = 130;
  build.signal = 2;
  build.begin_ms = 1234;
  build.wall_ms = 5678;
  build.planned = 9;
  build.steps = {ModelStep("a.o", 100, 350), ModelStep("b.o", 0, 20)};
  build.steps[0].kind = StepKind::kCompile;
  build.steps[0].language = Language::kCxx;
  build.steps[0].source = "a.cpp";
  build.steps[0].peak_rss_bytes = 4096;
  build.steps[1].result = StepResult::kFailed;
  build.steps[1].start_ms.reset();
  build.steps[1].end_ms.reset();

  BuildSummary summary = SummaryOf(build);
  EXPECT_EQ(summary.tool, "ninja");
  EXPECT_EQ(summary.result, "cancellation");
  EXPECT_EQ(summary.exit_code, 130);
  EXPECT_EQ(summary.signal, 2);
  EXPECT_EQ(summary.begin_unix_ms, 1234);
  EXPECT_DOUBLE_EQ(summary.wall_seconds, 5.678);
  EXPECT_EQ(summary.planned_steps, 9u);
  EXPECT_EQ(summary.peak_rss_bytes, 4096u);
  ASSERT_EQ(summary.steps.size(), 2u);
  EXPECT_EQ(summary.steps[0].name, "a.o");
  EXPECT_EQ(summary.steps[0].source, "a.cpp");
  EXPECT_EQ(summary.steps[0].kind, "compile");
  EXPECT_EQ(summary.steps[0].language, "cxx");
  EXPECT_EQ(summary.steps[0].begin_seconds, 0.1);
  EXPECT_EQ(summary.steps[0].seconds, 0.25);
  EXPECT_EQ(summary.steps[1].kind, "custom");
  EXPECT_EQ(summary.steps[1].result, "failed");
  EXPECT_FALSE(summary.steps[1].seconds.has_value());

  EXPECT_FALSE(summary.critical_path_seconds.has_value());
  AddCriticalPath({370, {1, 0, 99}}, summary);
  EXPECT_DOUBLE_EQ(*summary.critical_path_seconds, 0.37);
  EXPECT_EQ(summary.critical_path, (std::vector<std::string>{"b.o", "a.o"}));
}

TEST(BuildUnits, EachResultOfABuildHasOpenTelemetrysWord) {
  Build build;
  EXPECT_EQ(SummaryOf(build).result, "success");
  build.result = BuildResult::kFailed;
  EXPECT_EQ(SummaryOf(build).result, "failure");
}

TEST(BuildUnits, AWarmCacheMarksItsUnits) {
  BuildSummary build;
  for (const char* const name : {"a", "b", "c", "main"}) {
    build.steps.push_back(CompileForTest(std::string(name) + ".cpp.o",
                                         "/home/demo/proj/" + std::string(name) + ".cpp", 0.01));
  }
  build.steps.push_back(CompileForTest("gen.cpp.o", "bc/gen.cpp", 0.01));  // as ninja may know it
  build.steps.push_back(StepForTest("app", "link", 1, 1));
  BuildSummary cold = build;
  AddCcacheLog(ReadCcacheLog(ReadBuildTestdata("ccache_statslog_cold.txt")), cold);
  for (const auto& [name, result] : ResultsByName(cold)) EXPECT_EQ(result, "ok") << name;
  ASSERT_EQ(cold.cache.size(), 1u);
  EXPECT_EQ(cold.cache[0].result, "miss");
  EXPECT_EQ(cold.cache[0].requests, 5u);
  EXPECT_EQ(cold.cache_hit_ratio(), 0);

  AddCcacheLog(ReadCcacheLog(ReadBuildTestdata("ccache_statslog_warm.txt")), build);
  for (const auto& [name, result] : ResultsByName(build)) {
    EXPECT_EQ(result, name == "app" ? "ok" : "cached") << name;
  }
  EXPECT_EQ(build.cache_hit_ratio(), 1);
  EXPECT_TRUE(build.input_errors.empty());
}

TEST(BuildUnits, OfTwoStepsWithOneSourceTheShorterWasServed) {
  BuildSummary build;
  build.steps = {CompileForTest("lib/a.cpp.o", "/p/a.cpp", 2.0),
                 CompileForTest("test/a.cpp.o", "/p/a.cpp", 0.02)};
  AddCcacheLog(ReadCcacheLog("# /p/a.cpp\ncache_miss\n# /p/a.cpp\npreprocessed_cache_hit\n"),
               build);
  EXPECT_EQ(ResultsByName(build), (std::map<std::string, std::string>{{"lib/a.cpp.o", "ok"},
                                                                      {"test/a.cpp.o", "cached"}}));
}

TEST(BuildUnits, SourcesAreTheSameOnlyFromAFoldersBorder) {
  BuildSummary build;
  build.steps = {CompileForTest("1", "/p/xa.cpp", 1), CompileForTest("2", "/p/y/a.cpp", 1),
                 CompileForTest("3", "/q/b.cpp", 1), CompileForTest("4", "../q/c.cpp", 1)};
  AddCcacheLog(ReadCcacheLog("# a.cpp\ndirect_cache_hit\n"
                             "# /p/b.cpp\ndirect_cache_hit\n"
                             "# /r/q/c.cpp\ndirect_cache_hit\n"
                             "# \ndirect_cache_hit\n"),
               build);
  EXPECT_EQ(ResultsByName(build), (std::map<std::string, std::string>{
                                      {"1", "ok"}, {"2", "cached"}, {"3", "ok"}, {"4", "cached"}}));
}

TEST(BuildUnits, AFailedStepIsNotCached) {
  BuildSummary build = BuildForTest();
  AddCcacheLog(ReadCcacheLog("# src/d.cpp\ndirect_cache_hit\n"), build);
  EXPECT_EQ(ResultsByName(build)["d.cpp.o"], "failed");
}

TEST(BuildUnits, WhatTheCacheLogDidNotSayIsAnInputError) {
  BuildSummary build;
  AddCcacheLog(ReadCcacheLog("?\n# a.c\n"), build);
  ASSERT_EQ(build.input_errors.size(), 1u);
  EXPECT_EQ(build.input_errors[0].input, "ccache_log");
  EXPECT_EQ(build.input_errors[0].errors, 2u);
}

TEST(BuildUnits, PeaksGoToTheStepsByTheirOutputs) {
  BuildSummary build;
  build.steps = {StepForTest("og/bc.o", "compile", 0, 1), StepForTest("x.o", "compile", 0, 1)};
  AddProcStats(ReadProcStatReport(ReadBuildTestdata("clang14_fproc_stat_report.csv")), build);
  EXPECT_EQ(build.steps[0].peak_rss_bytes, 127640u * 1024);
  EXPECT_FALSE(build.steps[1].peak_rss_bytes.has_value());
  EXPECT_EQ(build.peak_rss_bytes, 127640u * 1024);
  AddProcStats(ReadProcStatReport("\"c\",\"x.o\",1,1,7\n\"c\",\"x.o\",1,1,5\n"), build);
  EXPECT_EQ(build.steps[1].peak_rss_bytes, 5u * 1024) << "the last line is this build's";
  EXPECT_EQ(build.peak_rss_bytes, 127640u * 1024);
}

// clang appends to the report from build to build, and does not run for what the cache serves.
TEST(BuildUnits, APeakOfAnEarlierBuildIsNotThatOfAServedStep) {
  BuildSummary build;
  build.steps = {StepForTest("x.o", "compile", 0, 0.01, "cached")};
  AddProcStats(ReadProcStatReport("\"clang\",\"x.o\",1,1,7\n"), build);
  EXPECT_FALSE(build.steps[0].peak_rss_bytes.has_value());
  EXPECT_FALSE(build.peak_rss_bytes.has_value());
}

TEST(BuildUnits, ATraceLiesBesideItsObject) {
  EXPECT_EQ(TimeTracePath("CMakeFiles/core.dir/b.cpp.o"), "CMakeFiles/core.dir/b.cpp.json");
  EXPECT_EQ(TimeTracePath("a.dir/object"), "a.dir/object.json");
  EXPECT_EQ(TimeTracePath("a.dir/.o"), "a.dir/.o.json");
  EXPECT_EQ(TimeTracePath(""), ".json");
}

TEST(BuildUnits, ATraceOfAnEarlierBuildIsTold) {
  TimeTrace trace;
  trace.begin_unix_us = 1'000'000'000;
  BuildSummary build;
  build.wall_seconds = 10;
  EXPECT_TRUE(IsOfBuild(trace, build));
  build.begin_unix_ms = 1'000'050;
  EXPECT_TRUE(IsOfBuild(trace, build));
  build.begin_unix_ms = 995'000;
  EXPECT_TRUE(IsOfBuild(trace, build));
  build.begin_unix_ms = 1'000'101;
  EXPECT_FALSE(IsOfBuild(trace, build));
  build.begin_unix_ms = 989'000;
  EXPECT_FALSE(IsOfBuild(trace, build));
}

// A folder with objects' traces, removed at the end.
class BuildTraceFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "/polymeter_traces_XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override {
    for (const std::string& file : files_) std::remove(file.c_str());
    std::remove(folder_.c_str());
  }
  void Write(const std::string& name, const std::string& text, time_t written) {
    files_.push_back(folder_ + "/" + name);
    std::ofstream(files_.back(), std::ios::binary) << text;
    const utimbuf times{written, written};
    ASSERT_EQ(utime(files_.back().c_str(), &times), 0);
  }

  std::string folder_;
  std::vector<std::string> files_;
};

TEST_F(BuildTraceFolder, PhasesAreThoseOfTheUnitsThatThisBuildCompiled) {
  const std::string text = ReadBuildTestdata("clang14_ftime_trace_b.json");
  constexpr time_t kBegin = 1'795'226'222;
  Write("new.cpp.json", text, kBegin + 1);
  Write("failed.cpp.json", text, kBegin + 1);
  Write("old.cpp.json", text, kBegin - 100);
  Write("served.cpp.json", text, kBegin + 1);
  Write("torn.cpp.json", text.substr(0, text.size() / 2), kBegin + 1);
  Write("foreign.cpp.json", "{\"name\": 1}", kBegin + 1);
  Write("app.json", text, kBegin + 1);
  BuildSummary build;
  build.begin_unix_ms = kBegin * std::int64_t{1000};
  build.wall_seconds = 2;
  for (const char* const unit : {"new", "failed", "old", "served", "torn", "foreign", "none"}) {
    build.steps.push_back(StepForTest(std::string(unit) + ".cpp.o", "compile", 0, 1));
  }
  build.steps[1].result = "failed";
  build.steps[3].result = "cached";
  build.steps.push_back(StepForTest("app", "link", 1, 1));

  AddTimeTraces(folder_, build);
  EXPECT_EQ(build.phase_units, 2u);
  EXPECT_DOUBLE_EQ(build.phases.frontend_seconds, 2 * 0.502547);
  EXPECT_DOUBLE_EQ(build.phases.backend_seconds, 2 * 0.0914);
  ASSERT_EQ(build.input_errors.size(), 1u);
  EXPECT_EQ(build.input_errors[0].input, "time_trace");
  EXPECT_EQ(build.input_errors[0].errors, 1u);
}

}  // namespace
}  // namespace polymeter::detail::build
