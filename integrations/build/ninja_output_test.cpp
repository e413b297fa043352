#include "integrations/build/ninja_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using ::polymeter::testing::ReadBuildTestdata;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

BuildOutput ReadAll(std::string_view text, std::size_t piece = std::string_view::npos) {
  OutputReader reader;
  while (!text.empty()) {
    reader.Read(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  reader.Finish();
  return reader.result();
}

std::vector<std::string> SureOnes(const BuildOutput& output) {
  std::vector<std::string> names;
  for (const FailedEdge& failed : output.failed) {
    if (failed.sure) names.push_back(failed.outputs);
  }
  return names;
}

TEST(NinjaOutput, OfTheCaptureHasTheFailedUnit) {
  const BuildOutput output = ReadAll(ReadBuildTestdata("ninja_failed_output.txt"));
  EXPECT_EQ(output.tool, Tool::kNinja);
  EXPECT_EQ(output.planned, 4u);
  EXPECT_EQ(output.ran, 2u);
  EXPECT_THAT(SureOnes(output), ElementsAre("CMakeFiles/core.dir/c.cpp.o"));
  EXPECT_EQ(output.failed_count, 1u);
  EXPECT_TRUE(output.stopped);
  EXPECT_FALSE(output.interrupted);
  EXPECT_FALSE(output.nothing_to_do);
}

TEST(NinjaOutput, IsTheSameInPiecesOfAnySize) {
  const std::string text = ReadBuildTestdata("ninja_failed_output.txt");
  for (std::size_t piece = 1; piece < 90; ++piece) {
    const BuildOutput output = ReadAll(text, piece);
    EXPECT_EQ(output.planned, 4u) << piece;
    EXPECT_EQ(output.ran, 2u) << piece;
    EXPECT_THAT(SureOnes(output), ElementsAre("CMakeFiles/core.dir/c.cpp.o")) << piece;
    EXPECT_TRUE(output.stopped) << piece;
  }
}

TEST(NinjaOutput, ReadsTheExitCodeOfNewerNinjas) {
  const BuildOutput output =
      ReadAll("[1/2] cc a.c\nFAILED: [code=127] a.o b.o \nnope -o a.o\nsh: nope\n");
  ASSERT_THAT(output.failed, SizeIs(1));
  EXPECT_EQ(output.failed[0].outputs, "a.o b.o");
  EXPECT_EQ(output.failed[0].exit_code, 127);
  EXPECT_TRUE(output.failed[0].sure);
}

TEST(NinjaOutput, TellsItsFailuresFromThoseThatACommandPrints) {
  const BuildOutput output = ReadAll(
      "[1/2] Running tests\nall is well\nFAILED: to open display\n"
      "[2/2] cc a.c\nFAILED: a.o \ncc a.c\n  FAILED: not at the beginning\n");
  EXPECT_THAT(SureOnes(output), ElementsAre("a.o"));
  EXPECT_EQ(output.failed_count, 2u);
}

TEST(NinjaOutput, OfATerminalIsReadToo) {
  const BuildOutput output = ReadAll(
      "\r[0/3] Building a.o\x1b[K\r[1/3] Building a.o\x1b[K\r[1/3] Building b.o\x1b[K"
      "\r[2/3] Building b.o\x1b[K\n\x1b[31mFAILED: \x1b[0mb.o \ncc b.c\n"
      "ninja: build stopped: subcommand failed.\n");
  EXPECT_EQ(output.planned, 3u);
  EXPECT_EQ(output.ran, 2u);
  EXPECT_THAT(SureOnes(output), ElementsAre("b.o"));
}

TEST(NinjaOutput, CountsWhatRestatSpares) {
  const BuildOutput output = ReadAll("[1/4] Generating gen.h\n");
  EXPECT_EQ(output.planned, 4u);
  EXPECT_EQ(output.ran, 1u);
}

TEST(NinjaOutput, AddsUpNinjasThatRunOneAfterTheOther) {
  const BuildOutput output = ReadAll("[1/2] a\n[2/2] b\n[1/3] c\n[2/3] d\n[3/3] e\n");
  EXPECT_EQ(output.planned, 5u);
  EXPECT_EQ(output.ran, 5u);
}

TEST(NinjaOutput, DoesNotCountANinjaThatAStepRuns) {
  const BuildOutput output = ReadAll(
      "[1/5] a\n[2/5] b\n[3/5] Performing build step for 'zlib'\n[1/2] x\n[2/2] y\n[4/5] c\n"
      "[5/5] d\n");
  EXPECT_EQ(output.planned, 5u);
  EXPECT_EQ(output.ran, 5u);
}

TEST(NinjaOutput, ReadsProgressInAFormOfTheUsersOwn) {
  EXPECT_EQ(ReadAll("[3/20 15% 2.5s] cc a.c\n").ran, 3u);
  EXPECT_EQ(ReadAll("[3/20\n").ran, std::nullopt);
  EXPECT_EQ(ReadAll("[3/2] more than all\n").ran, std::nullopt);
  EXPECT_EQ(ReadAll("[0/0] nothing\n").ran, std::nullopt);
  EXPECT_EQ(ReadAll("[-1/2] x\n").ran, std::nullopt);
  EXPECT_EQ(ReadAll("[1/99999999999999999999999] x\n").ran, std::nullopt);
  EXPECT_EQ(ReadAll("[1/2000000000] x\n").ran, std::nullopt);
  EXPECT_EQ(ReadAll("[info] x\n").tool, Tool::kOther);
}

TEST(NinjaOutput, SaysHowItEnded) {
  EXPECT_TRUE(ReadAll("ninja: no work to do.\n").nothing_to_do);
  EXPECT_TRUE(ReadAll("[0/1] Re-running CMake...\nninja: no work to do.\n").nothing_to_do);
  EXPECT_FALSE(ReadAll("[1/1] x\nninja: no work to do.\n").nothing_to_do);
  EXPECT_FALSE(ReadAll("ninja: no work to do.\n[1/1] x\n").nothing_to_do);
  EXPECT_TRUE(ReadAll("ninja: build stopped: interrupted by user.\n").interrupted);
  EXPECT_TRUE(ReadAll("ninja: error: loading 'build.ninja': No such file\n").error);
  EXPECT_TRUE(ReadAll("ninja: fatal: fork: too many\n").error);
  EXPECT_FALSE(ReadAll("ninja: warning: premature end of file\n").error);
  EXPECT_TRUE(ReadAll("ninja: build stopped: subcommand failed.").stopped);
}

TEST(MakeOutput, HasTheStepsOfCMakesMakefiles) {
  const BuildOutput output = ReadAll(
      "[ 25%] \x1b[32mBuilding CXX object CMakeFiles/app.dir/a.cpp.o\x1b[0m\n"
      "[ 50%] Building CXX object CMakeFiles/app.dir/b.cpp.o\n"
      "[100%] Linking CXX executable app\n[100%] Built target app\n");
  EXPECT_EQ(output.tool, Tool::kMake);
  EXPECT_EQ(output.ran, 3u);
  EXPECT_EQ(output.planned, std::nullopt);
}

TEST(MakeOutput, NamesTheTargetThatFailedAndNotThoseAboveIt) {
  const BuildOutput output = ReadAll(
      "make[2]: *** [CMakeFiles/app.dir/build.make:76: CMakeFiles/app.dir/a.cpp.o] Error 1\n"
      "make[2]: *** Waiting for unfinished jobs....\n"
      "make[2]: *** [CMakeFiles/app.dir/build.make:90: CMakeFiles/app.dir/b.cpp.o] Error 2\n"
      "make[1]: *** [CMakeFiles/Makefile2:83: CMakeFiles/app.dir/all] Error 2\n"
      "make: *** [Makefile:91: all] Error 2\n");
  EXPECT_EQ(output.tool, Tool::kMake);
  EXPECT_THAT(SureOnes(output),
              ElementsAre("CMakeFiles/app.dir/a.cpp.o", "CMakeFiles/app.dir/b.cpp.o"));
  EXPECT_EQ(output.failed[0].exit_code, 1);
  EXPECT_EQ(output.failed[1].exit_code, 2);
  EXPECT_TRUE(output.stopped);
}

TEST(MakeOutput, TellsAFailureOfItsOwnFromOneOfTheMakeThatItRan) {
  EXPECT_THAT(SureOnes(ReadAll("make[1]: *** [Makefile:2: a] Error 1\n"
                               "make: *** [Makefile:9: b] Error 1\n"
                               "make: *** [Makefile:5: sub] Error 2\n")),
              ElementsAre("a", "b"));
}

TEST(MakeOutput, ReadsItsOtherErrors) {
  EXPECT_THAT(SureOnes(ReadAll("make: *** [app] Error 127\n")), ElementsAre("app"));
  EXPECT_THAT(SureOnes(ReadAll("gmake: *** [Makefile:3: app] Killed\n")), ElementsAre("app"));
  EXPECT_THAT(ReadAll("make: [Makefile:2: x] Error 1 (ignored)\n").failed, IsEmpty());
  EXPECT_FALSE(ReadAll("make: [Makefile:2: x] Error 1 (ignored)\n").stopped);
  EXPECT_TRUE(ReadAll("make: *** [Makefile:2: x] Interrupt\n").interrupted);
  EXPECT_THAT(ReadAll("make: *** [Makefile:2: x] Interrupt\n").failed, IsEmpty());
  EXPECT_TRUE(ReadAll("make: *** No rule to make target 'x'.  Stop.\n").error);
  EXPECT_TRUE(ReadAll("make: Nothing to be done for 'all'.\n").nothing_to_do);
  EXPECT_TRUE(ReadAll("make: 'app' is up to date.\n").nothing_to_do);
  EXPECT_THAT(ReadAll("make[99999]: *** [a:1: x] Error 99999999999999999999\n").failed, SizeIs(1));
  EXPECT_EQ(ReadAll("makeshift: *** [a:1: x] Error 1\n").tool, Tool::kOther);
}

TEST(MakeOutput, DoesNotTakeACommandsTextForNinjas) {
  EXPECT_THAT(SureOnes(ReadAll("[ 50%] Running tests\nFAILED: test_a\n")), IsEmpty());
}

TEST(NinjaOutput, KeepsLittleOfLongLines) {
  std::string text = "[1/2] " + std::string(1 << 20, 'x') + "\nFAILED: ";
  for (int i = 0; i < 200000; ++i) text += "out" + std::to_string(i) + " ";
  text += "\nninja: build stopped: x\n";
  const BuildOutput output = ReadAll(text, 1000);
  ASSERT_THAT(output.failed, SizeIs(1));
  EXPECT_LE(output.failed[0].outputs.size(), OutputReader::kLongestLine);
  EXPECT_EQ(output.failed[0].outputs.substr(0, 10), "out0 out1 ");
  EXPECT_TRUE(output.stopped);
}

TEST(NinjaOutput, KeepsABoundedNumberOfFailures) {
  std::string text;
  for (std::size_t i = 0; i < 3 * kMostFailedEdges; ++i) text += "[1/9] x\nFAILED: out\n";
  const BuildOutput output = ReadAll(text);
  EXPECT_THAT(output.failed, SizeIs(kMostFailedEdges));
  EXPECT_EQ(output.failed_count, 3 * kMostFailedEdges);
}

TEST(NinjaOutput, SurvivesWhatIsNoText) {
  EXPECT_EQ(ReadAll(std::string(1 << 20, '\r')).tool, Tool::kOther);
  EXPECT_EQ(ReadAll(std::string(1 << 20, '\0')).tool, Tool::kOther);
  EXPECT_EQ(ReadAll(std::string(1 << 20, '\x1b')).tool, Tool::kOther);
  EXPECT_EQ(ReadAll("\x1b[\n\x1b[1;\n[\n[1/\n[ \n[ 1%\nFAILED: \nFAILED:  \nmake[\nmake[1]\n"
                    "make: *** \nmake: *** [\nmake: *** ] \nmake: *** [] \n")
                .failed_count,
            0u);
  std::string runs;
  for (int i = 1000; i > 0; --i) runs += "[" + std::to_string(i) + "/1000] x\n";
  EXPECT_EQ(ReadAll(runs).ran, 500500u);
}

TEST(BuildOutput, OfTwoStreamsIsJoined) {
  const BuildOutput joined =
      Join(ReadAll("[ 50%] Building a\n"), ReadAll("make: *** [Makefile:1: a] Error 1\n"));
  EXPECT_EQ(joined.tool, Tool::kMake);
  EXPECT_EQ(joined.ran, 1u);
  EXPECT_THAT(SureOnes(joined), ElementsAre("a"));
  EXPECT_TRUE(joined.stopped);
  EXPECT_FALSE(Join(ReadAll("[1/1] x\n"), ReadAll("make: 'x' is up to date.\n")).nothing_to_do);
}

}  // namespace
}  // namespace polymeter::detail::build
