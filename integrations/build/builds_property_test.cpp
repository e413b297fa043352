// Logs of builds that were made up, of which it is known where each begins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "integrations/build/builds.h"

namespace polymeter::detail::build {
namespace {

constexpr std::int64_t kTick = 4;  // of the file system's clock

class LogMaker {
 public:
  LogMaker(int version, std::uint64_t seed, bool new_names, bool outliers)
      : random_(seed), new_names_(new_names), outliers_(outliers) {
    log_.version = version;
  }

  void AddBuild() {
    now_ += Between(100, 3'600'000);
    const std::size_t first = log_.edges.size();
    std::int64_t free[] = {Between(1, 8), Between(1, 8)};  // two at a time
    const std::int64_t count = Between(1, 12);
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t& slot = free[0] <= free[1] ? free[0] : free[1];
      const bool first_batch = i < 2;
      LoggedEdge edge;
      edge.start_ms = slot;
      edge.end_ms = slot + Between(1, Between(0, 3) == 0 ? 20000 : 400);
      slot = edge.end_ms + Between(0, 2);
      edge.mtime_ns = (now_ + Mtime(edge, first_batch)) / kTick * kTick * 1'000'000;
      edge.command_hash = random_();
      edge.outputs = {"out" + std::to_string(new_names_ ? names_++ : static_cast<std::size_t>(i))};
      log_.edges.push_back(edge);
    }
    std::stable_sort(log_.edges.begin() + static_cast<std::ptrdiff_t>(first), log_.edges.end(),
                     [](const auto& a, const auto& b) { return a.end_ms < b.end_ms; });
    begins_.push_back(now_);
    for (std::size_t i = first; i < log_.edges.size(); ++i) build_of_.push_back(begins_.size() - 1);
    now_ += log_.edges.back().end_ms;
  }

  void Shuffle() {
    std::vector<std::size_t> order(log_.edges.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random_);
    const std::vector<LoggedEdge> edges = log_.edges;
    const std::vector<std::size_t> build_of = build_of_;
    for (std::size_t i = 0; i < order.size(); ++i) {
      log_.edges[i] = edges[order[i]];
      build_of_[i] = build_of[order[i]];
    }
  }

  void Check() const {
    const std::vector<LoggedBuild> builds = SplitBuilds(log_);
    ASSERT_EQ(builds.size(), begins_.size());
    for (std::size_t i = 0; i < builds.size(); ++i) {
      std::int64_t end = 0;
      for (const std::size_t edge : builds[i].edges) {
        EXPECT_EQ(build_of_[edge], i);
        EXPECT_GE(log_.edges[edge].end_ms, end);
        end = log_.edges[edge].end_ms;
      }
      EXPECT_EQ(builds[i].wall_ms, end);
      ASSERT_TRUE(builds[i].begin_ms);
      if (!outliers_) {
        EXPECT_LE(std::abs(*builds[i].begin_ms - begins_[i]), 50);
      }
    }
    std::size_t edges = 0;
    for (const LoggedBuild& build : builds) edges += build.edges.size();
    EXPECT_EQ(edges, log_.edges.size());
  }

 private:
  std::int64_t Between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }

  // Since the build's begin. What cannot be told from a build of its own is left out: among the
  // steps that start first, one whose mtime is far from where it should be.
  std::int64_t Mtime(const LoggedEdge& edge, bool first_batch) {
    const bool outlier = outliers_ && !first_batch && edge.start_ms >= 50 && Between(0, 4) == 0;
    if (outlier) return Between(edge.start_ms, edge.end_ms);
    if (log_.version == 5) return std::max(edge.start_ms, edge.end_ms - Between(0, 30));
    return edge.start_ms;
  }

  std::mt19937_64 random_;
  const bool new_names_;
  const bool outliers_;
  std::int64_t now_ = 1'795'226'000'000;
  std::size_t names_ = 0;
  NinjaLog log_;
  std::vector<std::int64_t> begins_;
  std::vector<std::size_t> build_of_;
};

TEST(Builds, MadeUpAreFoundAgain) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    LogMaker maker(seed % 2 == 0 ? 5 : 7, seed, seed % 4 < 2, seed % 8 < 4);
    for (int i = 0; i < 8; ++i) maker.AddBuild();
    maker.Check();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

TEST(Builds, MadeUpAndCompactedAreFoundAgain) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    LogMaker maker(seed % 2 == 0 ? 5 : 7, seed, true, false);
    for (int i = 0; i < 8; ++i) maker.AddBuild();
    maker.Shuffle();
    maker.Check();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

TEST(Builds, OfAnyEntriesHaveEachOnce) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    NinjaLog log;
    log.version = 5 + static_cast<int>(random() % 3);
    const std::uint64_t range = round % 3 == 0 ? UINT64_MAX : 2000;
    for (int i = 0; i < 40; ++i) {
      LoggedEdge edge;
      edge.start_ms = static_cast<std::int64_t>(random() % range % INT32_MAX);
      edge.end_ms = std::min<std::int64_t>(
          INT32_MAX, edge.start_ms + static_cast<std::int64_t>(random() % range % INT32_MAX));
      edge.mtime_ns = round % 3 == 0 ? static_cast<std::int64_t>(random() >> 1)
                                     : 1'795'226'000'000'000'000 +
                                           static_cast<std::int64_t>(random() % 8000) * 1'000'000;
      edge.outputs = {"out" + std::to_string(random() % 60)};
      log.edges.push_back(edge);
    }
    std::set<std::size_t> seen;
    for (const LoggedBuild& build : SplitBuilds(log)) {
      EXPECT_FALSE(build.edges.empty());
      for (const std::size_t edge : build.edges) {
        EXPECT_TRUE(seen.insert(edge).second);
        EXPECT_LE(log.edges[edge].end_ms, build.wall_ms);
      }
    }
    EXPECT_EQ(seen.size(), log.edges.size());
  }
}

}  // namespace
}  // namespace polymeter::detail::build
