#include "integrations/build/ccache_log.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using testing::ReadBuildTestdata;

std::map<std::string, int> ResultsOf(const CcacheLog& log) {
  std::map<std::string, int> results;
  for (const CcacheCall& call : log.calls) ++results[std::string(call.result)];
  return results;
}

TEST(CcacheLog, AColdBuildMissesForEachUnitOnce) {
  const CcacheLog log = ReadCcacheLog(ReadBuildTestdata("ccache_statslog_cold.txt"));
  EXPECT_EQ(ResultsOf(log), (std::map<std::string, int>{{"miss", 5}}));
  EXPECT_EQ(log.calls[0].source, "/home/demo/proj/b.cpp");
  EXPECT_EQ(log.calls[1].source, "/home/demo/proj/bc/gen.cpp");
  EXPECT_EQ(log.calls[0].reason, "");
  EXPECT_EQ(log.bad_lines + log.undecided + log.dropped, 0u);
}

TEST(CcacheLog, AWarmBuildHitsForEachUnitOnce) {
  const CcacheLog log = ReadCcacheLog(ReadBuildTestdata("ccache_statslog_warm.txt"));
  EXPECT_EQ(ResultsOf(log), (std::map<std::string, int>{{"direct_hit", 5}}));
  EXPECT_EQ(log.bad_lines + log.undecided + log.dropped, 0u);
}

// The cache's own account of the same two builds.
TEST(CcacheLog, TwoBuildsAddUpToWhatCcacheItselfPrints) {
  const CcacheLog cold = ReadCcacheLog(ReadBuildTestdata("ccache_statslog_cold.txt"));
  const CcacheLog warm = ReadCcacheLog(ReadBuildTestdata("ccache_statslog_warm.txt"));
  std::istringstream stats(ReadBuildTestdata("ccache_print_stats.tsv"));
  std::map<std::string, int> printed;
  for (std::string name, number; std::getline(stats, name, '\t') && std::getline(stats, number);) {
    printed[name] = std::atoi(number.c_str());
  }
  EXPECT_EQ(ResultsOf(cold)["miss"] + ResultsOf(warm)["miss"], printed["cache_miss"]);
  EXPECT_EQ(ResultsOf(cold)["direct_hit"] + ResultsOf(warm)["direct_hit"],
            printed["direct_cache_hit"]);
  EXPECT_GT(printed["cache_miss"], 0);
}

// ccache 4.7.5: a miss, a failed compilation, -ftime-trace, -E, linking, a touched comment,
// CCACHE_RECACHE, a cache that cannot be written, an output that cannot, a compiler check that
// fails.
TEST(CcacheLog, SaysWhyACallCouldNotBeCached) {
  const CcacheLog log = ReadCcacheLog(ReadBuildTestdata("ccache_statslog_results.txt"));
  std::vector<std::string> results;
  for (const CcacheCall& call : log.calls) {
    results.push_back(std::string(call.source) + " " + std::string(call.result) + " " +
                      std::string(call.reason));
  }
  EXPECT_EQ(results, (std::vector<std::string>{
                         "ok.cpp miss ",
                         "bad.cpp uncacheable compile_failed",
                         "ok.cpp uncacheable unsupported_compiler_option",
                         "ok.cpp uncacheable called_for_preprocessing",
                         "ok.o uncacheable called_for_link",
                         "ok.cpp preprocessed_hit ",
                         "ok.cpp uncacheable recache",
                         "ok.cpp error bad_output_file",
                         "ok.cpp error compiler_check_failed",
                     }));
  EXPECT_EQ(log.undecided, 1u) << "the cache that cannot be written";
  EXPECT_EQ(log.bad_lines, 0u);
}

TEST(CcacheLog, AHitAfterADirectMissIsAPreprocessedHit) {
  const CcacheLog log = ReadCcacheLog("# a.c\ndirect_cache_miss\npreprocessed_cache_hit\n");
  ASSERT_EQ(log.calls.size(), 1u);
  EXPECT_EQ(log.calls[0].result, "preprocessed_hit");
}

TEST(CcacheLog, OneSourceForTwoTargetsIsTwoCalls) {
  const CcacheLog log = ReadCcacheLog("# a.c\ncache_miss\n# a.c\ndirect_cache_hit\n");
  EXPECT_EQ(ResultsOf(log), (std::map<std::string, int>{{"miss", 1}, {"direct_hit", 1}}));
}

TEST(CcacheLog, CallsWithoutAResultAndForeignLinesAreCounted) {
  const CcacheLog log = ReadCcacheLog(
      "cache_miss\n"  // before any call
      "# a.c\nlocal_storage_hit\n"
      "# b.c\nWhat is this?\n\ncache_miss\n"
      "#\n"
      "# torn.c\ncache_mi");
  EXPECT_EQ(ResultsOf(log), (std::map<std::string, int>{{"miss", 1}}));
  EXPECT_EQ(log.calls[0].source, "b.c");
  EXPECT_EQ(log.bad_lines, 3u);
  EXPECT_EQ(log.undecided, 3u);
}

TEST(CcacheLog, AnEmptyLogHasNoCalls) {
  const CcacheLog log = ReadCcacheLog("");
  EXPECT_TRUE(log.calls.empty());
  EXPECT_EQ(log.bad_lines, 0u);
}

}  // namespace
}  // namespace polymeter::detail::build
