#include "integrations/build/assemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using ::polymeter::testing::ReadBuildTestdata;
using ::testing::ElementsAre;
using ::testing::SizeIs;

BuildOutput OutputOf(std::string_view text) {
  OutputReader reader;
  reader.Read(text);
  reader.Finish();
  return reader.result();
}

Build LoggedBuildOf(const std::string& file, std::size_t index, const StepNames& names) {
  const NinjaLog log = ParseNinjaLog(ReadBuildTestdata(file));
  return BuildOf(log, {SplitBuilds(log).at(index)}, names);
}

std::map<StepKind, int> Kinds(const Build& build) {
  std::map<StepKind, int> kinds;
  for (const Step& step : build.steps) ++kinds[step.kind];
  return kinds;
}

std::vector<std::string> FailedOnes(const Build& build) {
  std::vector<std::string> names;
  for (const Step& step : build.steps) {
    if (step.result == StepResult::kFailed) names.push_back(step.name());
  }
  return names;
}

const std::map<StepKind, int> kColdKinds = {
    {StepKind::kCompile, 5}, {StepKind::kLink, 1}, {StepKind::kArchive, 1}, {StepKind::kCustom, 1}};

TEST(Assemble, NamesTheStepsByTheGraph) {
  const NinjaGraph graph = ParseNinjaGraph(ReadBuildTestdata("ninja_t_graph_app.dot"));
  const Build build = LoggedBuildOf("ninja_log_v7_three_builds", 0, {&graph, nullptr});
  EXPECT_EQ(build.tool, Tool::kNinja);
  EXPECT_EQ(build.steps.size(), graph.commands());
  EXPECT_EQ(Kinds(build), kColdKinds);
  EXPECT_EQ(build.wall_ms, 3764);
  ASSERT_TRUE(build.begin_ms);
  EXPECT_EQ(build.steps[0].name(), "gen.h");
  EXPECT_EQ(build.steps[0].source, "");
  const Step& b = build.steps[1];
  EXPECT_EQ(b.name(), "CMakeFiles/core.dir/b.cpp.o");
  EXPECT_EQ(b.source, "/home/demo/proj/b.cpp");
  EXPECT_EQ(b.language, Language::kCxx);
  EXPECT_EQ(b.start_ms, 31);
  EXPECT_EQ(b.duration_ms(), 1771);
  EXPECT_EQ(b.result, StepResult::kOk);
  EXPECT_EQ(b.command_hash, 0x8e82fb4c9ad7e5a6u);
  EXPECT_EQ(build.steps.back().language, Language::kCxx);  // of the rule that links
}

TEST(Assemble, NamesTheStepsByCommandsOrByOutputsAlone) {
  const CompileDatabase commands = ParseCompileDatabase(ReadBuildTestdata("ninja_t_compdb.json"));
  EXPECT_EQ(Kinds(LoggedBuildOf("ninja_log_v7_three_builds", 0, {nullptr, &commands})), kColdKinds);
  const CompileDatabase compilations =
      ParseCompileDatabase(ReadBuildTestdata("compile_commands.json"));
  const Build build = LoggedBuildOf("ninja_log_v7_three_builds", 0, {nullptr, &compilations});
  EXPECT_EQ(Kinds(build), kColdKinds);
  EXPECT_EQ(build.steps[1].source, "/home/demo/proj/b.cpp");
  EXPECT_EQ(Kinds(LoggedBuildOf("ninja_log_v7_three_builds", 0, {})), kColdKinds);
}

TEST(Assemble, PutsRunsOnOneClock) {
  const NinjaLog log = ParseNinjaLog(ReadBuildTestdata("ninja_log_v7_three_builds"));
  const std::vector<LoggedBuild> runs = SplitBuilds(log);
  const Build build = BuildOf(log, runs, {});
  EXPECT_EQ(build.steps.size(), log.edges.size());
  EXPECT_EQ(build.begin_ms, runs[0].begin_ms);
  EXPECT_EQ(build.wall_ms, *runs[2].begin_ms - *runs[0].begin_ms + runs[2].wall_ms);
  std::int64_t end = 0;
  std::int64_t sum = 0;
  for (const Step& step : build.steps) {
    EXPECT_GE(*step.end_ms, end);
    end = *step.end_ms;
    sum += step.duration_ms();
  }
  EXPECT_EQ(end, build.wall_ms);
  std::int64_t logged = 0;
  for (const LoggedEdge& edge : log.edges) logged += edge.end_ms - edge.start_ms;
  EXPECT_EQ(sum, logged);
  EXPECT_DOUBLE_EQ(Parallelism(build),
                   static_cast<double>(sum) / static_cast<double>(build.wall_ms));
}

TEST(Assemble, PutsRunsWithoutATimeBehindEachOther) {
  NinjaLog log;
  log.edges = {{0, 10, 0, 0, {"a"}}, {0, 20, 0, 0, {"b"}}};
  LoggedBuild one;
  one.wall_ms = 10;
  one.edges = {0};
  LoggedBuild two;
  two.wall_ms = 20;
  two.edges = {1};
  const Build build = BuildOf(log, {one, two}, {});
  EXPECT_EQ(build.steps[1].start_ms, 10);
  EXPECT_EQ(build.wall_ms, 30);
  EXPECT_EQ(Parallelism(build), 1);
  EXPECT_EQ(Parallelism(Build()), 0);
}

TEST(Assemble, AddsTheFailedUnitOfTheCapture) {
  const NinjaGraph graph = ParseNinjaGraph(ReadBuildTestdata("ninja_t_graph_app.dot"));
  Build build = LoggedBuildOf("ninja_log_v5_failed_tu", 4, {&graph, nullptr});
  EXPECT_THAT(build.steps, SizeIs(1));
  AddOutput(build, OutputOf(ReadBuildTestdata("ninja_failed_output.txt")), {&graph, nullptr});
  ASSERT_THAT(build.steps, SizeIs(2));
  EXPECT_EQ(build.planned, 4u);
  EXPECT_EQ(build.ran, 2u);
  EXPECT_EQ(build.result, BuildResult::kFailed);
  const Step& failed = build.steps[1];
  EXPECT_EQ(failed.name(), "CMakeFiles/core.dir/c.cpp.o");
  EXPECT_EQ(failed.result, StepResult::kFailed);
  EXPECT_EQ(failed.kind, StepKind::kCompile);
  EXPECT_EQ(failed.source, "/home/demo/proj/c.cpp");
  EXPECT_FALSE(failed.start_ms);
  EXPECT_EQ(failed.duration_ms(), 0);
}

TEST(Assemble, BelievesALineOfACommandOnlyWhenItIsAnOutput) {
  const NinjaGraph graph = ParseNinjaGraph(ReadBuildTestdata("ninja_t_graph_app.dot"));
  const BuildOutput output = OutputOf("[1/1] test\nok\nFAILED: nonsense\nFAILED: libcore.a \n");
  Build known;
  AddOutput(known, output, {&graph, nullptr});
  EXPECT_THAT(FailedOnes(known), ElementsAre("libcore.a"));
  Build unknown;
  AddOutput(unknown, output, {});
  EXPECT_THAT(FailedOnes(unknown), ElementsAre());
  EXPECT_EQ(unknown.result, BuildResult::kOk);
  Build stopped;  // something failed, so it is the last one
  AddOutput(stopped,
            OutputOf("hm\nFAILED: x\nFAILED: CMakeFiles/check.util \n"
                     "ninja: build stopped: subcommand failed.\n"),
            {});
  EXPECT_THAT(FailedOnes(stopped), ElementsAre("CMakeFiles/check.util"));
  EXPECT_EQ(stopped.result, BuildResult::kFailed);
}

TEST(Assemble, TellsANameWithBlanksByTheGraph) {
  const NinjaGraph graph = ParseNinjaGraph(
      "\"1\" [label=\"my file.o\"]\n\"2\" [label=\"x.c\"]\n"
      "\"2\" -> \"1\" [label=\" cc\"]\n");
  const BuildOutput output = OutputOf("[1/1] cc\nFAILED: my file.o \n");
  Build build;
  AddOutput(build, output, {&graph, nullptr});
  EXPECT_THAT(FailedOnes(build), ElementsAre("my file.o"));
  EXPECT_EQ(build.steps.at(0).source, "x.c");
  Build without;
  AddOutput(without, output, {});
  EXPECT_THAT(without.steps.at(0).outputs, ElementsAre("my", "file.o"));
}

TEST(Assemble, CountsAFailureOnceAndAnInterruptAsNone) {
  Build build;
  AddOutput(build,
            OutputOf("make[1]: *** [Makefile:2: a] Error 1\n"
                     "make: *** [Makefile:2: a] Error 1\n"),
            {});
  EXPECT_EQ(build.tool, Tool::kMake);
  EXPECT_THAT(FailedOnes(build), ElementsAre("a"));
  Build interrupted;
  AddOutput(interrupted, OutputOf("ninja: build stopped: interrupted by user.\n"), {});
  EXPECT_EQ(interrupted.result, BuildResult::kInterrupted);
  EXPECT_THAT(interrupted.steps, SizeIs(0));
}

}  // namespace
}  // namespace polymeter::detail::build
