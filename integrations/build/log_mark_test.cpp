#include "integrations/build/log_mark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using ::polymeter::testing::ReadBuildTestdata;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kDevice = 7;
constexpr std::uint64_t kInode = 11;
constexpr std::int64_t kFourthBuild = 1795226153420;  // of the log with four

std::vector<std::string> FirstOutputs(const NinjaLog& log) {
  std::vector<std::string> names;
  for (const LoggedEdge& edge : log.edges) {
    names.push_back(edge.outputs.front().substr(edge.outputs.front().find_last_of('/') + 1));
  }
  return names;
}

TEST(LogMark, GivesWhatCameSince) {
  const std::string text = ReadBuildTestdata("ninja_log_v5_four_builds");
  std::size_t before = 0;
  for (int line = 0; line < 19; ++line) before = text.find('\n', before) + 1;
  const LogMark mark = MarkLog(kDevice, kInode, text.substr(0, before));
  const LogSince since = ReadSince(mark, kDevice, kInode, text, kFourthBuild);
  EXPECT_FALSE(since.rewritten);
  EXPECT_EQ(since.log.version, 5);
  EXPECT_EQ(since.log.lines, 3u);
  EXPECT_THAT(FirstOutputs(since.log), ElementsAre("b.cpp.o", "libcore.a", "app"));
}

TEST(LogMark, SeesThatNothingCame) {
  const std::string text = ReadBuildTestdata("ninja_log_v5_four_builds");
  const LogMark mark = MarkLog(kDevice, kInode, text);
  EXPECT_THAT(ReadSince(mark, kDevice, kInode, text, kFourthBuild).log.edges, IsEmpty());
}

TEST(LogMark, OfNoLogGivesAllOfIt) {
  const std::string text = ReadBuildTestdata("ninja_log_v7_three_builds");
  const LogSince since = ReadSince(LogMark(), kDevice, kInode, text, 0);
  EXPECT_FALSE(since.rewritten);
  EXPECT_THAT(since.log.edges, SizeIs(12));
  EXPECT_THAT(ReadSince(MarkLog(kDevice, kInode, ""), kDevice, 12, text, 0).log.edges, SizeIs(12));
}

// What was torn before is bad for a reader of the whole file, the entry behind it too.
TEST(LogMark, FindsTheEntryThatWasAppendedToATornLine) {
  const std::string text = ReadBuildTestdata("ninja_log_v7_torn_then_appended");
  const std::string torn = "668\t814\t1795226748125118452\ta";
  const std::size_t before = text.find(torn) + torn.size();
  const LogMark mark = MarkLog(kDevice, kInode, text.substr(0, before));
  const LogSince since = ReadSince(mark, kDevice, kInode, text, 1795227255000);
  EXPECT_EQ(since.log.bad_lines, 0u);
  EXPECT_EQ(since.log.version, 7);
  EXPECT_THAT(FirstOutputs(since.log), ElementsAre("c.cpp.o", "libcore.a", "app"));
  EXPECT_EQ(since.log.edges[0].start_ms, 1);
  EXPECT_EQ(since.log.edges[0].end_ms, 526);
}

TEST(LogMark, NoticesACompactedLog) {
  const std::string three = ReadBuildTestdata("ninja_log_v7_three_builds");
  const std::string text = ReadBuildTestdata("ninja_log_v7_recompacted");
  const LogMark mark = MarkLog(kDevice, kInode, three);
  // As after a build that began with a compaction: the last two lines are its own.
  const LogSince since = ReadSince(mark, kDevice, kInode + 1, text, 1795227255279);
  EXPECT_TRUE(since.rewritten);
  EXPECT_THAT(FirstOutputs(since.log), ElementsAre("libcore.a", "app"));
  // Nothing has run since.
  const LogMark compacted = MarkLog(kDevice, kInode, text);
  EXPECT_THAT(ReadSince(compacted, kDevice, kInode + 1, text, 1795227300000).log.edges, IsEmpty());
}

TEST(LogMark, NoticesAnotherFileUnderTheSameInode) {
  const std::string three = ReadBuildTestdata("ninja_log_v7_three_builds");
  const std::string four = ReadBuildTestdata("ninja_log_v5_four_builds");
  ASSERT_GT(four.size(), three.size());
  const LogMark mark = MarkLog(kDevice, kInode, three);
  EXPECT_TRUE(ReadSince(mark, kDevice, kInode, four, kFourthBuild).rewritten);
  EXPECT_TRUE(ReadSince(mark, kDevice + 1, kInode, three, kFourthBuild).rewritten);
  EXPECT_TRUE(ReadSince(mark, kDevice, kInode, three.substr(0, 500), kFourthBuild).rewritten);
  EXPECT_TRUE(ReadSince(mark, kDevice, kInode, "", kFourthBuild).rewritten);
}

// cmake, run by ninja, has had the log compacted and the old entry of build.ninja dated anew.
TEST(LogMark, KnowsWhatStoodInALogThatCMakeHadWrittenAnew) {
  const std::string old_lines =
      "96\t3214\t1795226002769086539\tbuild.ninja\tabc\n"
      "1\t10\t1795226002769086539\ta.o\tabd\n12\t68\t0\tcheck.util\tabe\n";
  const LogMark mark = MarkLog(1, 1, "# ninja log v5\n" + old_lines);
  const std::string text =
      "# ninja log v5\n1\t10\t1795226002769086539\ta.o\tabd\n"
      "96\t3214\t1795300014999000000\tbuild.ninja\tabc\n12\t68\t0\tcheck.util\tabe\n"
      "244\t18218\t1795300014999000000\tbuild.ninja\tabc\n"
      "12\t68\t0\tcheck.util\tabe\n77\t900\t1795300019899000000\ta.o\tabd\n";
  const LogSince since = ReadSince(mark, 1, 2, text, 1795300000000);
  EXPECT_TRUE(since.rewritten);
  EXPECT_THAT(FirstOutputs(since.log), ElementsAre("build.ninja", "check.util", "a.o"));
  EXPECT_EQ(since.log.edges[0].end_ms, 18218);
}

TEST(LogMark, BelievesTheMtimeOfAStepThatTookTheSameTimes) {
  const std::string head = "# ninja log v5\n";
  const LogMark mark = MarkLog(1, 1, head + "1\t10\t1795226002769086539\ta.o\tabd\n");
  const LogSince since =
      ReadSince(mark, 1, 2, head + "1\t10\t1795300000010086539\ta.o\tabd\n", 1795300000000);
  EXPECT_THAT(FirstOutputs(since.log), ElementsAre("a.o"));
}

}  // namespace
}  // namespace polymeter::detail::build
