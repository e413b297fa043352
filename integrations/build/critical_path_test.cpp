#include "integrations/build/critical_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "integrations/build/assemble.h"
#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using ::polymeter::testing::ReadBuildTestdata;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> NamesOn(const CriticalPath& path, const std::vector<Step>& steps) {
  std::vector<std::string> names;
  for (const std::size_t step : path.steps) names.push_back(steps[step].name());
  return names;
}

Step StepOf(const std::string& output, std::int64_t ms) {
  Step step;
  step.outputs = {output};
  step.start_ms = 0;
  step.end_ms = ms;
  return step;
}

TEST(CriticalPath, OfTheCaptureIsTheLongestChain) {
  const NinjaGraph graph = ParseNinjaGraph(ReadBuildTestdata("ninja_t_graph_app.dot"));
  const NinjaLog log = ParseNinjaLog(ReadBuildTestdata("ninja_log_v7_three_builds"));
  const auto builds = SplitBuilds(log);
  const Build cold = BuildOf(log, {builds.at(0)}, {&graph, nullptr});
  const CriticalPath path = FindCriticalPath(cold.steps, graph);
  // gen 29, then a.cpp 3506, then 78 and 148.
  EXPECT_EQ(path.ms, 29 + 3506 + 78 + 148);
  EXPECT_THAT(NamesOn(path, cold.steps),
              ElementsAre("gen.h", "CMakeFiles/core.dir/a.cpp.o", "libcore.a", "app"));
  EXPECT_LE(path.ms, cold.wall_ms);

  const Build touched = BuildOf(log, {builds.at(2)}, {&graph, nullptr});
  EXPECT_EQ(FindCriticalPath(touched.steps, graph).ms, 601 + 65 + 146);
}

// "out3 needs out1 out2" as ninja writes it.
std::string Dot(const std::vector<std::vector<std::size_t>>& needs) {
  std::string dot;
  for (std::size_t i = 0; i < needs.size(); ++i) {
    const std::string n = std::to_string(i);
    dot += "\"n" + n + "\" [label=\"out" + n + "\"]\n\"e" + n + "\" [label=\"r\", shape=ellipse]\n";
    dot += "\"e" + n + "\" -> \"n" + n + "\"\n";
    for (const std::size_t need : needs[i]) {
      dot += "\"n" + std::to_string(need) + "\" -> \"e" + n + "\" [arrowhead=none]\n";
    }
  }
  return dot;
}

TEST(CriticalPath, OfAnyGraphIsThatOfARecursion) {
  std::mt19937 random(3);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::vector<std::size_t>> needs(1 + random() % 20);
    std::vector<Step> steps;
    std::vector<std::int64_t> times(needs.size(), 0);
    for (std::size_t i = 0; i < needs.size(); ++i) {
      for (std::size_t need = 0; need < i; ++need) {
        if (random() % 4 == 0) needs[i].push_back(need);
      }
      if (random() % 3 == 0) continue;  // did not run
      times[i] = static_cast<std::int64_t>(random() % 100);
      steps.push_back(StepOf("out" + std::to_string(i), times[i]));
    }
    const std::function<std::int64_t(std::size_t)> up_to = [&](std::size_t i) {
      std::int64_t longest = 0;
      for (const std::size_t need : needs[i]) longest = std::max(longest, up_to(need));
      return longest + times[i];
    };
    std::int64_t expected = 0;
    for (std::size_t i = 0; i < needs.size(); ++i) expected = std::max(expected, up_to(i));

    const CriticalPath path = FindCriticalPath(steps, ParseNinjaGraph(Dot(needs)));
    EXPECT_EQ(path.ms, expected);
    std::int64_t sum = 0;
    for (const std::size_t step : path.steps) sum += steps.at(step).duration_ms();
    EXPECT_EQ(sum, expected);
  }
}

// cmake, which ninja runs to have build.ninja made anew: no target needs it, but all wait for it.
TEST(CriticalPath, IsNoShorterThanAStepThatTheGraphDoesNotKnow) {
  const NinjaGraph graph = ParseNinjaGraph(Dot({{}, {0}}));
  const std::vector<Step> steps = {StepOf("build.ninja", 9), StepOf("out0", 3), StepOf("out1", 4)};
  const CriticalPath path = FindCriticalPath(steps, graph);
  EXPECT_EQ(path.ms, 9);
  EXPECT_THAT(NamesOn(path, steps), ElementsAre("build.ninja"));
  EXPECT_EQ(FindCriticalPath({StepOf("build.ninja", 6), steps[1], steps[2]}, graph).ms, 3 + 4);
  EXPECT_EQ(FindCriticalPath({steps[0]}, graph).ms, 9);
}

TEST(CriticalPath, LeavesCirclesOut) {
  const NinjaGraph graph = ParseNinjaGraph(Dot({{}, {2}, {1}, {2}, {0}}));
  const std::vector<Step> steps = {StepOf("out1", 100), StepOf("out2", 100), StepOf("out3", 100),
                                   StepOf("out4", 7)};
  EXPECT_EQ(FindCriticalPath(steps, graph).ms, 7);
}

TEST(CriticalPath, OfALongChainIsFound) {
  std::vector<std::vector<std::size_t>> needs(50000);
  std::vector<Step> steps;
  for (std::size_t i = 0; i < needs.size(); ++i) {
    if (i > 0) needs[i] = {i - 1};
    steps.push_back(StepOf("out" + std::to_string(i), 1));
  }
  EXPECT_EQ(FindCriticalPath(steps, ParseNinjaGraph(Dot(needs))).steps.size(), needs.size());
}

TEST(CriticalPath, WithoutAGraphOrStepsIsNone) {
  EXPECT_THAT(FindCriticalPath({}, NinjaGraph()).steps, IsEmpty());
  EXPECT_THAT(FindCriticalPath({}, ParseNinjaGraph(Dot({{}, {0}}))).steps, IsEmpty());
  // Steps that failed have no time.
  Step failed;
  failed.outputs = {"out0"};
  EXPECT_EQ(FindCriticalPath({failed}, ParseNinjaGraph(Dot({{}}))).ms, 0);
}

}  // namespace
}  // namespace polymeter::detail::build
