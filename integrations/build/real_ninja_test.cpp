// ninja itself, on a small graph of shell commands, against its own log, graph and output.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/build/assemble.h"
#include "integrations/build/critical_path.h"
#include "integrations/build/log_mark.h"

namespace polymeter::detail::build {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

// "compiling" fails where the source says so.
constexpr std::string_view kBuildNinja = R"(
rule CXX_COMPILER__core
  command = sleep 0.1; ! grep -q broken $in && cp $in $out
rule CXX_STATIC_LIBRARY_LINKER__core
  command = cat $in > $out
rule CXX_EXECUTABLE_LINKER__app
  command = sleep 0.05; cat $in > $out
rule CUSTOM_COMMAND
  command = sleep 0.1; cmp -s $in gen.h || cp $in gen.h; cmp -s $in gen.cpp || cp $in gen.cpp
  restat = 1
build gen.h gen.cpp: CUSTOM_COMMAND gen.in
build a.cpp.o: CXX_COMPILER__core a.cpp || gen.h
build b.cpp.o: CXX_COMPILER__core b.cpp || gen.h
build gen.cpp.o: CXX_COMPILER__core gen.cpp
build libcore.a: CXX_STATIC_LIBRARY_LINKER__core a.cpp.o b.cpp.o gen.cpp.o
build app: CXX_EXECUTABLE_LINKER__app libcore.a
default app
)";

class RealNinja : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "polymeter_ninja_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    if (Run("ninja --version") == "" || status_ != 0) {
      const char* const ci = std::getenv("CI");
      if (ci != nullptr && std::string_view(ci) == "true") FAIL() << "no ninja";
      GTEST_SKIP() << "no ninja";
    }
    Write("build.ninja", kBuildNinja);
    for (const char* const name : {"a.cpp", "b.cpp", "gen.in"}) Write(name, name);
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void Write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string Read(const std::string& name) {
    std::ifstream file(folder_ / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  // Its standard output.
  std::string Run(const std::string& command) {
    FILE* const pipe = popen(
        ("cd '" + folder_.string() + "' && env -u NINJA_STATUS timeout 60 " + command).c_str(),
        "r");
    if (pipe == nullptr) return {};
    std::string text;
    for (int c; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
    status_ = pclose(pipe);
    return text;
  }
  struct stat LogStat() {
    struct stat status {};
    EXPECT_EQ(stat((folder_ / ".ninja_log").c_str(), &status), 0);
    return status;
  }
  LogMark Mark() {
    const struct stat status = LogStat();
    return MarkLog(status.st_dev, status.st_ino, Read(".ninja_log"));
  }
  LogSince Since(const LogMark& mark, std::int64_t began_ms) {
    const struct stat status = LogStat();
    return ReadSince(mark, status.st_dev, status.st_ino, Read(".ninja_log"), began_ms);
  }
  static std::int64_t Now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  BuildOutput Build(const std::string& arguments = "") {
    OutputReader reader;
    reader.Read(Run("ninja -j2 " + arguments + " 2>&1"));
    reader.Finish();
    return reader.result();
  }
  // Builds that follow each other at once are told apart by times that a busy machine blurs.
  void WriteLater(const std::string& name, std::string_view text) {
    Run("sleep 0.6");
    Write(name, text);
  }
  static std::vector<std::string> Outputs(const NinjaLog& log) {
    std::vector<std::string> names;
    for (const LoggedEdge& edge : log.edges) names.push_back(edge.outputs.front());
    return names;
  }

  std::filesystem::path folder_;
  int status_ = 0;
};

TEST_F(RealNinja, RunsWhatItsGraphHasAndLogsIt) {
  const BuildOutput output = Build();
  ASSERT_EQ(status_, 0);
  const NinjaGraph graph = ParseNinjaGraph(Run("ninja -t graph"));
  EXPECT_EQ(graph.bad_lines(), 0u);
  EXPECT_EQ(graph.commands(), 6u);
  const NinjaLog log = ParseNinjaLog(Read(".ninja_log"));
  EXPECT_EQ(log.bad_lines, 0u);
  const std::vector<LoggedBuild> builds = SplitBuilds(log);
  ASSERT_THAT(builds, SizeIs(1));
  const CompileDatabase commands = ParseCompileDatabase(Run("ninja -t compdb"));
  EXPECT_TRUE(commands.complete());

  auto build = BuildOf(log, builds, {&graph, &commands});
  AddOutput(build, output, {&graph, &commands});
  EXPECT_EQ(build.steps.size(), graph.commands());
  EXPECT_EQ(output.planned, graph.commands());
  EXPECT_EQ(output.ran, graph.commands());
  EXPECT_EQ(build.result, BuildResult::kOk);
  std::vector<std::string_view> kinds;
  for (const Step& step : build.steps) kinds.push_back(LabelValue(step.kind));
  EXPECT_THAT(kinds, ElementsAre("custom", "compile", "compile", "compile", "archive", "link"));
  const CriticalPath path = FindCriticalPath(build.steps, graph);
  EXPECT_GE(path.ms, 240);  // gen, a unit, and the link sleep
  EXPECT_LE(path.ms, build.wall_ms);
  EXPECT_GT(Parallelism(build), 0);
}

TEST_F(RealNinja, SeparatesItsBuilds) {
  Build();
  WriteLater("b.cpp", "changed");
  Build();
  WriteLater("gen.in", "gen.in");  // written again, not changed
  Build();
  WriteLater("b.cpp", "changed again");
  Build();
  const NinjaLog log = ParseNinjaLog(Read(".ninja_log"));
  std::vector<std::size_t> sizes;
  for (const LoggedBuild& build : SplitBuilds(log)) sizes.push_back(build.edges.size());
  EXPECT_THAT(sizes, ElementsAre(6, 3, 1, 3));
}

TEST_F(RealNinja, SaysWhatFailed) {
  Write("b.cpp", "broken");
  const BuildOutput output = Build("-k 0");
  EXPECT_NE(status_, 0);
  const NinjaGraph graph = ParseNinjaGraph(Run("ninja -t graph"));
  const NinjaLog log = ParseNinjaLog(Read(".ninja_log"));
  auto build = BuildOf(log, SplitBuilds(log), {&graph, nullptr});
  AddOutput(build, output, {&graph, nullptr});
  EXPECT_EQ(build.result, BuildResult::kFailed);
  std::vector<std::string> failed;
  for (const Step& step : build.steps) {
    if (step.result == StepResult::kFailed) failed.push_back(step.name());
  }
  EXPECT_THAT(failed, ElementsAre("b.cpp.o"));
  EXPECT_EQ(build.planned, 6u);
  EXPECT_EQ(build.ran, 4u);
  EXPECT_THAT(build.steps, SizeIs(4));
}

TEST_F(RealNinja, IsReadFromAMarkAlsoWhenItCompactsItsLog) {
  Build();
  const LogMark cold = Mark();
  WriteLater("b.cpp", "changed");
  std::int64_t began = Now();
  Build();
  const LogSince since = Since(cold, began);
  EXPECT_FALSE(since.rewritten);
  EXPECT_THAT(Outputs(since.log), ElementsAre("b.cpp.o", "libcore.a", "app"));

  const LogMark mark = Mark();
  WriteLater("a.cpp", "changed");
  began = Now();
  Run("sh -c 'ninja -t recompact && ninja -j2'");
  const LogSince rewritten = Since(mark, began);
  EXPECT_TRUE(rewritten.rewritten);
  EXPECT_THAT(Outputs(rewritten.log), ElementsAre("a.cpp.o", "libcore.a", "app"));

  EXPECT_TRUE(Build().nothing_to_do);
}

}  // namespace
}  // namespace polymeter::detail::build
