#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "integrations/build/build_for_test.h"
#include "polymeter/build.h"

namespace polymeter {
namespace {

using testing::BuildForTest;
using testing::ExpectPythonAccepts;
using testing::StepForTest;

TEST(BuildReport, AnotherParserReadsIt) {
  ExpectPythonAccepts("check_report.py", FormatBuildReport(BuildForTest()));
}

TEST(BuildReport, AnotherParserReadsTheReportOfNothing) {
  ExpectPythonAccepts("check_report.py", FormatBuildReport(BuildSummary()));
}

TEST(BuildReport, ComesBackAsItWas) {
  const BuildSummary build = BuildForTest();
  const std::string text = FormatBuildReport(build);
  Result<BuildSummary> back = ParseBuildReport(text);
  ASSERT_TRUE(back.ok()) << back.message();
  EXPECT_EQ(back->tool, build.tool);
  EXPECT_EQ(back->command, build.command);
  EXPECT_EQ(back->result, build.result);
  EXPECT_EQ(back->exit_code, build.exit_code);
  EXPECT_EQ(back->signal, build.signal);
  EXPECT_EQ(back->begin_unix_ms, build.begin_unix_ms);
  EXPECT_EQ(back->wall_seconds, build.wall_seconds);
  EXPECT_EQ(back->cpu_user_seconds, build.cpu_user_seconds);
  EXPECT_EQ(back->cpu_system_seconds, build.cpu_system_seconds);
  EXPECT_EQ(back->peak_rss_bytes, build.peak_rss_bytes);
  EXPECT_EQ(back->planned_steps, build.planned_steps);
  EXPECT_EQ(back->critical_path_seconds, build.critical_path_seconds);
  EXPECT_EQ(back->critical_path, build.critical_path);
  EXPECT_EQ(back->phase_units, build.phase_units);
  EXPECT_EQ(back->phases.template_seconds, build.phases.template_seconds);
  ASSERT_EQ(back->steps.size(), build.steps.size());
  for (std::size_t i = 0; i < build.steps.size(); ++i) {
    EXPECT_EQ(back->steps[i].name, build.steps[i].name);
    EXPECT_EQ(back->steps[i].source, build.steps[i].source);
    EXPECT_EQ(back->steps[i].kind, build.steps[i].kind);
    EXPECT_EQ(back->steps[i].language, build.steps[i].language);
    EXPECT_EQ(back->steps[i].result, build.steps[i].result);
    EXPECT_EQ(back->steps[i].begin_seconds, build.steps[i].begin_seconds);
    EXPECT_EQ(back->steps[i].seconds, build.steps[i].seconds);
    EXPECT_EQ(back->steps[i].peak_rss_bytes, build.steps[i].peak_rss_bytes);
  }
  EXPECT_EQ(FormatBuildReport(*back), text) << "caches and input errors too";
}

TEST(BuildReport, SaysWhenInUtc) {
  BuildSummary build;
  build.begin_unix_ms = 1'795'226'222'007;
  EXPECT_NE(FormatBuildReport(build).find("\"begin\": \"2026-11-21T01:57:02.007Z\""),
            std::string::npos)
      << FormatBuildReport(build);
  build.begin_unix_ms = -1;
  EXPECT_TRUE(ParseBuildReport(FormatBuildReport(build)).ok());
}

TEST(BuildReport, NamesMayHoldAnyBytes) {
  BuildSummary build = BuildForTest();
  const std::string all_ascii = [] {
    std::string text;
    for (char c = 1; c < 127; ++c) text += c;
    return text;
  }();
  build.steps.push_back(StepForTest(all_ascii, "custom", 0, 0));
  build.steps.push_back(StepForTest("grün", "custom", 0, 0));
  build.steps.push_back(StepForTest("latin1 \xfc", "custom", 0, 0));
  const std::string text = FormatBuildReport(build);
  Result<BuildSummary> back = ParseBuildReport(text);
  ASSERT_TRUE(back.ok()) << back.message();
  EXPECT_EQ(back->steps[6].name, all_ascii);
  EXPECT_EQ(back->steps[7].name, "grün");
  EXPECT_EQ(back->steps[8].name, "latin1 \xef\xbf\xbd");
  ExpectPythonAccepts("check_report.py", text);
}

TEST(BuildReport, OneStepIsOneLine) {
  const std::string text = FormatBuildReport(BuildForTest());
  EXPECT_NE(text.find("\n{\"name\":\"a.cpp.o\",\"source\":\"src/a.cpp\",\"kind\":\"compile\","
                      "\"language\":\"cxx\",\"result\":\"ok\",\"begin_seconds\":0.0,"
                      "\"seconds\":1.5},\n"),
            std::string::npos)
      << text;
}

std::string ErrorOfReport(std::string_view text) { return ParseBuildReport(text).message(); }

TEST(BuildReport, OtherFilesAreRefusedWithTheReason) {
  EXPECT_EQ(ErrorOfReport(""), "not JSON, or cut off");
  EXPECT_EQ(ErrorOfReport("{\"schema\": \"polymeter-build\""), "not JSON, or cut off");
  EXPECT_EQ(ErrorOfReport("[]"), "not a build report: it is no object");
  EXPECT_EQ(ErrorOfReport("{}"), "not a build report: schema is missing");
  EXPECT_EQ(ErrorOfReport(R"({"schema":"other","version":1})"),
            "not a build report: its schema is another one");
  EXPECT_EQ(ErrorOfReport(std::string(100'000, '[')), "not a build report: nested too deeply");
  EXPECT_EQ(ErrorOfReport(R"({"schema":"polymeter-build","version":2})"),
            "a build report of version 2; this program reads version 1");
}

TEST(BuildReport, ABadFieldIsNamed) {
  const auto with = [](const std::string& fields) {
    return ErrorOfReport(R"({"schema":"polymeter-build","version":1,"tool":"ninja",)" + fields +
                         "}");
  };
  EXPECT_EQ(with(R"("result":"success","wall_seconds":1)"), "");
  EXPECT_EQ(with(R"("result":"success")"),
            "a build report with a bad field: wall_seconds is missing");
  EXPECT_EQ(with(R"("result":7,"wall_seconds":1)"),
            "a build report with a bad field: result is no string");
  EXPECT_EQ(with(R"("result":"success","wall_seconds":-1)"),
            "a build report with a bad field: wall_seconds is negative");
  EXPECT_EQ(with(R"("result":"success","wall_seconds":1,"exit_code":3000000000)"),
            "a build report with a bad field: exit_code is no whole number in range");
  EXPECT_EQ(with(R"("result":"success","wall_seconds":1,"steps":[{"name":"a","kind":"link",
                     "result":"ok"},{"name":"b","kind":"link","result":"ok","seconds":"1"}])"),
            "a build report with a bad field: steps[1].seconds is no number");
  EXPECT_EQ(with(R"("result":"success","wall_seconds":1,"critical_path":{"steps":[1]})"),
            "a build report with a bad field: critical_path.steps has an entry that is no string");
  EXPECT_EQ(with(R"("result":"success","wall_seconds":1,"cache":7)"),
            "a build report with a bad field: cache is no array");
}

TEST(BuildReport, FieldsThatANewerProgramAddedDoNotMatter) {
  std::string text = FormatBuildReport(BuildForTest());
  text.insert(2, "\"added\": [{\"x\": null}],\n");
  Result<BuildSummary> back = ParseBuildReport(text);
  ASSERT_TRUE(back.ok()) << back.message();
  EXPECT_EQ(FormatBuildReport(*back), FormatBuildReport(BuildForTest()));
}

TEST(BuildSummaryNumbers, AreThoseOfTheSteps) {
  const BuildSummary build = BuildForTest();
  EXPECT_DOUBLE_EQ(build.step_seconds(), 1.5 + 2.5 + 0.02 + 0.1 + 1.399);
  EXPECT_DOUBLE_EQ(build.parallelism(), build.step_seconds() / 4);
  EXPECT_EQ(build.failed_steps(), 1u);
  EXPECT_DOUBLE_EQ(*build.cache_hit_ratio(), 1.0 / 3);
  const auto slowest = build.slowest_steps(2);
  ASSERT_EQ(slowest.size(), 2u);
  EXPECT_EQ(slowest[0]->name, "b.cpp.o");
  EXPECT_EQ(slowest[1]->name, "a.cpp.o");
  EXPECT_EQ(build.slowest_steps().size(), 5u) << "the failed one has no time";
}

TEST(BuildSummaryNumbers, OfNothingAreNothing) {
  const BuildSummary build;
  EXPECT_EQ(build.parallelism(), 0);
  EXPECT_EQ(build.cache_hit_ratio(), std::nullopt);
  EXPECT_TRUE(build.slowest_steps().empty());
}

TEST(BuildSummaryNumbers, EqualStepsAreOrderedByName) {
  BuildSummary build;
  for (const char* const name : {"c", "a", "b"}) {
    build.steps.push_back(StepForTest(name, "custom", 0, 1));
  }
  build.steps.push_back(StepForTest("z", "custom", 0, 2));
  std::string order;
  for (const BuildStep* const step : build.slowest_steps()) order += step->name;
  EXPECT_EQ(order, "zabc");
}

}  // namespace
}  // namespace polymeter
