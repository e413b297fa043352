// The small readers: /proc/PID/stat, steps, places.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "integrations/cli/build_place.h"
#include "integrations/cli/docgen_place.h"
#include "integrations/cli/process_tree.h"
#include "integrations/cli/step_log.h"

namespace polymeter::cli {
namespace {

using ::testing::ElementsAre;

TEST(TreeProcess, ReadsWhatAStatSaysWhateverTheNameIs) {
  const auto process = ParseTreeProcess(
      "1021 (t) R x) S 1003 1021 1003 34816 1021 4194304 147 20 3 1 5 6 7 8 20 0 1 0 38147 "
      "5730304 480 18446744073709551615\n");
  ASSERT_TRUE(process);
  EXPECT_EQ(process->pid, 1021);
  EXPECT_EQ(process->state, 'S');
  EXPECT_EQ(process->parent, 1003);
  EXPECT_EQ(process->minor_faults, 167u);
  EXPECT_EQ(process->children_minor_faults, 20u);
  EXPECT_EQ(process->major_faults, 4u);
  EXPECT_EQ(process->children_major_faults, 1u);
  EXPECT_EQ(process->cpu_ticks, 26u);
  EXPECT_EQ(process->children_cpu_ticks, 15u);
  EXPECT_EQ(process->start_ticks, 38147u);
}

TEST(TreeProcess, TakesNothingThatIsCutShort) {
  for (const char* const text : {"", "1", "1 (a", "1 (a)", "1 (a) S 1 2 3", "x (a) S 1 1 1"}) {
    EXPECT_FALSE(ParseTreeProcess(text)) << text;
  }
}

TEST(Descendants, HaveAllGenerations) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const pid_t grandchild = fork();
    if (grandchild > 0) static_cast<void>(!write(ready[1], "x", 1));
    alarm(60);
    pause();
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const auto all = Descendants(getpid());
  EXPECT_EQ(all.size(), 2u);
  EndDescendants(std::chrono::milliseconds(5000));
  EXPECT_TRUE(Descendants(getpid()).empty());
  close(ready[0]);
  close(ready[1]);
}

TEST(Steps, ComeBackFromTheirLine) {
  StepRecord record = DescribeStep({"/usr/bin/g++", "-O2", "-c", "src/a b.cpp", "-o", "a.o"});
  EXPECT_EQ(record.kind, "compile");
  EXPECT_EQ(record.language, "cxx");
  EXPECT_EQ(record.output, "a.o");
  EXPECT_EQ(record.source, "src/a b.cpp");
  record.begin_us = 1'800'000'000'000'000;
  record.end_us = record.begin_us + 250'000;
  record.code = 1;
  record.peak_rss_bytes = 1 << 20;
  record.folder = "/build\tdir\n";
  const StepLog log = ParseSteps(FormatStep(record) + FormatStep(record));
  EXPECT_EQ(log.bad_lines, 0u);
  ASSERT_EQ(log.steps.size(), 2u);
  EXPECT_EQ(log.steps[1].folder, "/build?dir?");
  EXPECT_EQ(log.steps[1].end_us, record.end_us);
  const auto steps = StepsOf(log, record.begin_us - 1'000'000, "");
  EXPECT_EQ(steps[0].begin_seconds, 1.0);
  EXPECT_EQ(steps[0].seconds, 0.25);
  EXPECT_EQ(steps[0].result, "failed");
}

// make(1) runs them in many folders; two of these are called main.o.
TEST(Steps, AreNamedFromTheFolderOfTheBuild) {
  const auto name = [](const std::string& folder, const std::string& output) {
    StepRecord record;
    record.folder = folder;
    record.output = output;
    return StepsOf({{record}, 0}, 0, "/b")[0].name;
  };
  EXPECT_EQ(name("/b", "main.o"), "main.o");
  EXPECT_EQ(name("/b/sub/x", "main.o"), "sub/x/main.o");
  EXPECT_EQ(name("/bb", "main.o"), "/bb/main.o");
  EXPECT_EQ(name("/b/sub", "/tmp/main.o"), "/tmp/main.o");
  EXPECT_EQ(name("", "main.o"), "main.o");
}

TEST(Steps, LeaveOutLinesThatAreNone) {
  EXPECT_EQ(ParseSteps("x\n\n1\t2\n").bad_lines, 3u);
  EXPECT_EQ(ParseSteps("5\t4\t0\t0\ta\tb\tc\td\te\n").bad_lines, 1u);  // ends before it begins
  EXPECT_EQ(ParseSteps("4\t5\t0\t0\ta\tb\tc\td\te").bad_lines, 1u);    // torn
  EXPECT_EQ(ParseSteps("4\t5\t0\t0\ta\tb\tc\td\te\tf\n").bad_lines, 1u);
  EXPECT_EQ(ParseSteps("4\t5\t0\t0\ta\tb\tc\td\te\n").steps.size(), 1u);
}

TEST(BuildPlace, KnowsToolFolderAndTargets) {
  BuildPlace place = PlaceOfBuild({"ninja", "-j", "4", "-C", "out", "-k0", "all", "test"});
  EXPECT_EQ(place.tool, "ninja");
  EXPECT_EQ(place.folder, "out");
  EXPECT_THAT(place.targets, ElementsAre("all", "test"));
  place = PlaceOfBuild({"nice", "-n", "5", "/usr/bin/ninja", "-Cout/x"});
  EXPECT_EQ(place.tool, "ninja");
  EXPECT_EQ(place.program, "/usr/bin/ninja");
  EXPECT_EQ(place.folder, "out/x");
  place = PlaceOfBuild({"cmake", "--build", "b", "--target", "x", "-j", "8", "--", "-k0"});
  EXPECT_EQ(place.tool, "cmake");
  EXPECT_EQ(place.folder, "b");
  EXPECT_THAT(place.targets, ElementsAre("x"));
  place = PlaceOfBuild({"make", "-C", "a", "-C", "b", "CC=gcc", "-j8", "all"});
  EXPECT_EQ(place.folder, "a/b");
  EXPECT_THAT(place.targets, ElementsAre("all"));
  place = PlaceOfBuild({"ninja", "-f", "x.ninja"});
  EXPECT_EQ(place.file, "x.ninja");
  EXPECT_EQ(PlaceOfBuild({"ninja", "-fx.ninja"}).file, "x.ninja");
  place =
      PlaceOfBuild({"cmake", "--build", "b", "--config", "Release", "-j", "-t", "x", "y", "-v"});
  EXPECT_EQ(place.config, "Release");
  EXPECT_THAT(place.targets, ElementsAre("x", "y"));
  place = PlaceOfBuild({"cmake", "--build", "--preset", "ci", "--target", "x"});
  EXPECT_EQ(place.folder, ".");
  EXPECT_THAT(place.targets, ElementsAre("x"));
  EXPECT_EQ(PlaceOfBuild({"./dev", "test"}).tool, "other");
  EXPECT_EQ(PlaceOfBuild({"ninja", "-C"}).folder, ".");
}

TEST(DocgenPlace, KnowsToolAndDoxyfile) {
  EXPECT_EQ(DocgenToolOf({"/opt/doxygen-1.9/bin/doxygen", "x"}), "doxygen");
  EXPECT_EQ(DocgenToolOf({"sphinx-build"}), "sphinx");
  EXPECT_EQ(DoxyfileOf({"doxygen"}), "Doxyfile");
  EXPECT_EQ(DoxyfileOf({"doxygen", "-d", "time", "docs/Doxyfile"}), "docs/Doxyfile");
  EXPECT_EQ(DoxyfileOf({"doxygen", "-"}), "-");
}

}  // namespace
}  // namespace polymeter::cli
