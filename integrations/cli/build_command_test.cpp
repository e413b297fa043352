// `polymeter build` around the real ninja and make.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "integrations/cli/program_for_test.h"
#include "polymeter/build.h"

namespace polymeter::cli {
namespace {

using testing::Cli;
using ::testing::ContainsRegex;
using testing::Ended;
using testing::Folder;
using ::testing::HasSubstr;
using testing::Program;
using testing::RunCli;
using testing::WriteText;

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

BuildSummary Report(const std::string& path) {
  auto report = ParseBuildReport(Content(path));
  EXPECT_TRUE(report) << report.message();
  return report.value();
}

int Count(const BuildSummary& build, std::string_view result) {
  int n = 0;
  for (const BuildStep& step : build.steps) n += step.result == result;
  return n;
}

// Two copies and one that needs both; "broken" fails.
void WriteNinja(const Folder& folder) {
  WriteText(folder / "build.ninja",
            "rule copy\n  command = sleep 0.05 && cat $in > $out\n"
            "rule fail\n  command = echo no; exit 3\n"
            "build a: copy in\nbuild b: copy in\nbuild all: copy a b\n"
            "build broken: fail in\ndefault all\n");
  WriteText(folder / "in", "x\n");
}

TEST(BuildCommand, ReportsAColdAnIncrementalAndAFailedBuild) {
  POLYMETER_NEEDS("ninja");
  const Folder folder;
  WriteNinja(folder);
  const auto build = [&](std::vector<std::string> program) {
    std::vector<std::string> words{"build", "--quiet", "--report", folder / "r.json", "--"};
    words.insert(words.end(), program.begin(), program.end());
    return RunCli(std::move(words), {}, folder.path());
  };
  Ended ended = build({"ninja"});
  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("[3/3]"));
  BuildSummary report = Report(folder / "r.json");
  EXPECT_EQ(report.tool, "ninja");
  EXPECT_EQ(report.result, "success");
  EXPECT_EQ(Count(report, "ok"), 3);
  ASSERT_TRUE(report.critical_path_seconds);
  EXPECT_GE(*report.critical_path_seconds, 0.1);
  EXPECT_EQ(report.critical_path.size(), 2u);
  EXPECT_GT(report.wall_seconds, *report.critical_path_seconds);
  EXPECT_GT(report.peak_rss_bytes.value_or(0), 0u);
  EXPECT_GT(report.cpu_user_seconds.value_or(-1) + report.cpu_system_seconds.value_or(-1), 0);

  ended = build({"ninja"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.output, HasSubstr("no work to do"));
  EXPECT_EQ(Report(folder / "r.json").steps.size(), 0u);

  ASSERT_EQ(std::system(("rm '" + (folder / "b") + "'").c_str()), 0);
  ended = build({"ninja"});
  EXPECT_EQ(Count(Report(folder / "r.json"), "ok"), 2);

  ended = build({"ninja", "broken"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.output, HasSubstr("FAILED: broken"));
  report = Report(folder / "r.json");
  EXPECT_EQ(report.result, "failure");
  EXPECT_EQ(report.exit_code, 1);
  EXPECT_EQ(Count(report, "failed"), 1);
  EXPECT_EQ(Count(report, "ok"), 0);
}

TEST(BuildCommand, AsksForTheGraphOfTheFileThatIsBuilt) {
  POLYMETER_NEEDS("ninja");
  const Folder folder;
  WriteNinja(folder);
  WriteText(folder / "build-Release.ninja",
            "rule copy\n  command = sleep 0.05 && cat $in > $out\n"
            "build r1: copy in\nbuild r2: copy r1\n");
  const Ended ended = RunCli({"build", "--quiet", "--report", folder / "r.json", "--", "ninja",
                              "-C", folder.path(), "-f", "build-Release.ninja"});
  EXPECT_EQ(ended.code, 0) << ended.errors;
  const BuildSummary report = Report(folder / "r.json");
  ASSERT_TRUE(report.critical_path_seconds);
  EXPECT_GE(*report.critical_path_seconds, 0.1);
  EXPECT_EQ(report.critical_path.size(), 2u);
}

// `make -t graph` would touch what is to be built.
TEST(BuildCommand, NeverAsksMakeForTheGraph) {
  const Folder folder;
  WriteText(folder / "make", "#!/bin/sh\n: >'" + (folder / "called") + "'\n");
  ASSERT_EQ(chmod((folder / "make").c_str(), 0700), 0);
  WriteText(folder / "CMakeCache.txt", "CMAKE_MAKE_PROGRAM:FILEPATH=" + (folder / "make") + "\n");
  WriteText(folder / ".ninja_log", "# ninja log v5\n");  // of an earlier generator
  const Ended ended = RunCli({"build", "--quiet", "--report", folder / "r.json", "--", "sh", "-c",
                              "echo '[1/1] a.o'; echo 'FAILED: a.o '; echo 'ninja: build stopped: "
                              "subcommand failed.'; exit 2",
                              "cmake", "--build", folder.path()});
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(Count(Report(folder / "r.json"), "failed"), 1);
  EXPECT_NE(access((folder / "called").c_str(), F_OK), 0);
}

TEST(BuildCommand, CountsThroughAnyBackendAndPrintsATable) {
  POLYMETER_NEEDS("ninja");
  const Folder folder;
  WriteNinja(folder);
  const Ended ended =
      RunCli({"build", "--", "ninja", "-C", folder.path()}, {{"METRICS_BACKEND", "console"}});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.errors, ContainsRegex("build_runs_total\\{[^}]*tool=\"ninja\"[^}]*\\} 1"));
  EXPECT_THAT(ended.errors, ContainsRegex("build_steps_total\\{[^}]*\\} 3"));
  EXPECT_THAT(ended.errors, HasSubstr("custom"));  // the table
}

TEST(BuildCommand, ComparesWithABaseline) {
  POLYMETER_NEEDS("ninja");
  const Folder folder;
  WriteNinja(folder);
  ASSERT_EQ(
      RunCli({"build", "--quiet", "--report", "base.json", "--", "ninja"}, {}, folder.path()).code,
      0);
  const auto again = [&](const std::string& limit) {
    const std::string rebuild = "rm -f a b all; exec ninja";
    return RunCli({"build", "--quiet", "--folder", ".", "--baseline", "base.json", "--fail-on",
                   limit, "--", "sh", "-c", rebuild},
                  {}, folder.path());
  };
  EXPECT_EQ(again("wall>1000s").code, 0);
  EXPECT_EQ(again("wall>1ms").code, 3);
  const Ended none = again("nonsense");
  EXPECT_EQ(none.code, 125);
  EXPECT_THAT(none.errors, HasSubstr("--fail-on"));
  // A build that fails keeps its own code, whatever the comparison says.
  EXPECT_EQ(RunCli({"build", "--quiet", "--baseline", "base.json", "--fail-on", "wall>1ms", "--",
                    "ninja", "broken"},
                   {}, folder.path())
                .code,
            1);
}

TEST(BuildCommand, WritesATraceAndReadsAnOldLog) {
  POLYMETER_NEEDS("ninja");
  const Folder folder;
  WriteNinja(folder);
  ASSERT_EQ(
      RunCli({"build", "--quiet", "--trace", "t.json", "--", "ninja"}, {}, folder.path()).code, 0);
  EXPECT_THAT(Content(folder / "t.json"), HasSubstr("\"all\""));
  const Ended old = RunCli({"build", "--log", ".ninja_log"}, {}, folder.path());
  EXPECT_EQ(old.code, 0) << old.errors;
  EXPECT_NE(old.output, "");
  EXPECT_EQ(RunCli({"build", "--log", "nowhere"}).code, 1);
  EXPECT_EQ(RunCli({"build"}).code, 125);
}

TEST(BuildCommand, KnowsTheLastBuildOfACapture) {
  const Ended old =
      RunCli({"build", "--log",
              POLYMETER_SOURCE_DIR "/integrations/build/testdata/ninja_log_v5_four_builds"});
  EXPECT_EQ(old.code, 0) << old.errors;
  EXPECT_THAT(old.errors, HasSubstr("last of 4 builds"));
}

// ninja looks for new sources and writes build.ninja anew in runs of their own.
TEST(BuildCommand, PassesOverWhatCMakeLetsNinjaDoBeforeABuild) {
  const Folder folder;
  WriteText(folder / "log",
            "# ninja log v5\n"
            "0\t500\t1700000000500000000\tmain.o\t1111111111111111\n"
            "500\t900\t1700000000900000000\tapp\t2222222222222222\n"
            "0\t30\t1700000100030000000\t/b/CMakeFiles/cmake.verify_globs\t3333333333333333\n"
            "5\t200\t1700000200200000000\tbuild.ninja\t4444444444444444\n");
  const Ended old = RunCli({"build", "--log", "log", "--report", "old.json"}, {}, folder.path());
  EXPECT_EQ(old.code, 0) << old.errors;
  EXPECT_EQ(old.errors, "");  // there is one build, and not the last of three
  const BuildSummary report = Report(folder / "old.json");
  ASSERT_EQ(report.steps.size(), 2u);
  EXPECT_EQ(report.steps[0].name, "main.o");
  EXPECT_EQ(report.steps[1].name, "app");
}

TEST(BuildCommand, LearnsStepsOfMakeFromItsLauncher) {
  POLYMETER_NEEDS("make");
  const Folder folder;
  WriteText(folder / "Makefile", "L = " POLYMETER_CLI
                                 " step --\n"
                                 "all: a.o b.o\n"
                                 "a.o:\n\t$(L) sh -c 'sleep 0.05; echo > a.o' -o a.o\n"
                                 "b.o:\n\t$(L) sh -c 'exit 3' -o b.o\n");
  const Ended ended =
      RunCli({"build", "--quiet", "--report", "r.json", "--", "make", "-k"}, {}, folder.path());
  EXPECT_EQ(ended.code, 2);
  const BuildSummary report = Report(folder / "r.json");
  EXPECT_EQ(report.tool, "make");
  EXPECT_EQ(report.result, "failure");
  EXPECT_EQ(Count(report, "ok"), 1);
  EXPECT_EQ(Count(report, "failed"), 1);
  for (const BuildStep& step : report.steps) EXPECT_TRUE(step.seconds) << step.name;
}

TEST(BuildCommand, RunsAStepAsItIsOutsideOfABuild) {
  const Ended ended = RunCli({"step", "--", "sh", "-c", "echo hi; exit 9"});
  EXPECT_EQ(ended.code, 9);
  EXPECT_EQ(ended.output, "hi\n");
  EXPECT_EQ(
      RunCli({"step", "--", "sh", "-c", "kill -TERM $$"}, {{"POLYMETER_BUILD_STEPS", "/dev/null"}})
          .signal,
      SIGTERM);
}

TEST(BuildCommand, KeepsAStepsCodeWhereItsParentIgnoresSigchld) {
  Program program({"env", "--ignore-signal=CHLD", "POLYMETER_BUILD_STEPS=/dev/null", POLYMETER_CLI,
                   "step", "--", "sh", "-c", "exit 3"});
  program.CloseInput();
  EXPECT_EQ(program.Wait().code, 3);
}

TEST(BuildCommand, LeavesNoStepBehindWhenItIsKilled) {
  POLYMETER_NEEDS("ninja");
  const Folder folder;
  WriteText(folder / "build.ninja",
            "rule hang\n  command = echo $$$$ > pid; exec sleep 100\nbuild x: hang\n");
  const std::string temporary = folder / "tmp";
  ASSERT_EQ(mkdir(temporary.c_str(), 0700), 0);
  Program program(Cli({"build", "--quiet", "--", "ninja"}), {{"TMPDIR", temporary}}, folder.path());
  pid_t step = 0;
  for (int i = 0; i < 3000 && step == 0; ++i) {
    usleep(10000);
    step = std::atoi(Content(folder / "pid").c_str());
  }
  ASSERT_GT(step, 0);
  program.Signal(SIGKILL);
  program.Wait();
  EXPECT_FALSE(testing::Lives(step));
  // Nor a file; the guard removes them after the processes.
  for (int i = 0; i < 500 && rmdir(temporary.c_str()) != 0; ++i) usleep(10000);
  EXPECT_NE(access(temporary.c_str(), F_OK), 0);
}

TEST(BuildCommand, LeavesNoFileBehindWhenTheToolIsKilled) {
  const Folder folder;
  const Ended ended =
      RunCli({"build", "--quiet", "--", "sh", "-c", "kill -9 $$"}, {{"TMPDIR", folder.path()}});
  EXPECT_EQ(ended.signal, SIGKILL);
  EXPECT_EQ(rmdir(folder.path().c_str()), 0);
}

}  // namespace
}  // namespace polymeter::cli
