#include "integrations/build/ninja_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integrations/build/build_for_test.h"

namespace polymeter::detail::build {
namespace {

using ::polymeter::testing::ReadBuildTestdata;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> Paths(const NinjaGraph& graph,
                               const std::vector<NinjaGraph::Index>& nodes) {
  std::vector<std::string> paths;
  for (const NinjaGraph::Index node : nodes) paths.push_back(graph.nodes()[node]);
  return paths;
}

TEST(NinjaGraph, OfTheCaptureHasItsEdges) {
  const NinjaGraph graph = ParseNinjaGraph(ReadBuildTestdata("ninja_t_graph_app.dot"));
  EXPECT_EQ(graph.bad_lines(), 0u);
  std::vector<std::string> rules;
  for (const NinjaGraph::Edge& edge : graph.edges()) rules.push_back(edge.rule);
  EXPECT_THAT(rules,
              UnorderedElementsAre("CXX_EXECUTABLE_LINKER__app_", "CXX_COMPILER__app_", "phony",
                                   "phony", "CUSTOM_COMMAND", "CXX_STATIC_LIBRARY_LINKER__core_",
                                   "CXX_COMPILER__core_", "CXX_COMPILER__core_",
                                   "CXX_COMPILER__core_", "CXX_COMPILER__core_"));
  EXPECT_EQ(graph.commands(), 8u);
}

TEST(NinjaGraph, KnowsWhatMakesAFileAndFromWhat) {
  const NinjaGraph graph = ParseNinjaGraph(ReadBuildTestdata("ninja_t_graph_app.dot"));
  const auto gen = graph.EdgeOf("gen.h");
  ASSERT_TRUE(gen);
  EXPECT_EQ(graph.EdgeOf("gen.cpp"), gen);
  EXPECT_EQ(graph.EdgeOf("/home/demo/proj/b7/gen.cpp"), gen);
  EXPECT_THAT(Paths(graph, graph.edges()[*gen].outputs),
              UnorderedElementsAre("gen.h", "gen.cpp", "/home/demo/proj/b7/gen.cpp"));
  EXPECT_EQ(graph.SourceOf(*gen), "");

  const auto object = graph.EdgeOf("CMakeFiles/core.dir/gen.cpp.o");
  ASSERT_TRUE(object);
  EXPECT_THAT(Paths(graph, graph.edges()[*object].inputs),
              ElementsAre("/home/demo/proj/b7/gen.cpp", "cmake_object_order_depends_target_core"));
  EXPECT_EQ(graph.SourceOf(*object), "/home/demo/proj/b7/gen.cpp");

  // A phony edge with one input and one output has no node of its own.
  const auto phony = graph.EdgeOf("cmake_object_order_depends_target_app");
  ASSERT_TRUE(phony);
  EXPECT_EQ(graph.edges()[*phony].rule, "phony");
  EXPECT_EQ(graph.EdgeOf("/home/demo/proj/a.cpp"), std::nullopt);
  EXPECT_EQ(graph.EdgeOf("no such file"), std::nullopt);
}

TEST(NinjaGraph, ReadsLabelsAsNinjaWritesThem) {
  const NinjaGraph graph = ParseNinjaGraph(
      "digraph ninja {\n"
      "\"0x1\" [label=\"a \"quoted\" name\"]\n"
      "\"0x2\" [label=\"in [label=\"x\"\"]\n"
      "\"0x2\" -> \"0x1\" [label=\" cc\"]\n"
      "}\n");
  EXPECT_EQ(graph.bad_lines(), 0u);
  EXPECT_THAT(graph.nodes(), ElementsAre("a \"quoted\" name", "in [label=\"x\""));
  const auto edge = graph.EdgeOf("a \"quoted\" name");
  ASSERT_TRUE(edge);
  EXPECT_EQ(graph.edges()[*edge].rule, "cc");
}

TEST(NinjaGraph, CountsLinesThatAreNotNinjas) {
  EXPECT_EQ(ParseNinjaGraph("\"0x1\n").bad_lines(), 1u);
  EXPECT_EQ(ParseNinjaGraph("\"0x1\" [label=\"a\n").bad_lines(), 1u);
  EXPECT_EQ(ParseNinjaGraph("\"0x1\"\n").bad_lines(), 1u);
  EXPECT_EQ(ParseNinjaGraph("\"0x1\" -> \n").bad_lines(), 1u);
  EXPECT_EQ(ParseNinjaGraph("\"0x1\" -> \"\"\n").bad_lines(), 1u);
  EXPECT_EQ(ParseNinjaGraph("\"0x1\" -> \"0x2\"\n").bad_lines(), 1u);  // neither is named
  EXPECT_EQ(ParseNinjaGraph("\"1\" [label=\"a\"]\n\"1\" [label=\"b\"]\n").bad_lines(), 1u);
  EXPECT_EQ(ParseNinjaGraph("\"1\" [label=\"a\"]\n\"2\" [label=\"a\"]\n").bad_lines(), 1u);
  // A second producer, an edge that needs an edge, an arrow without a rule.
  const std::string three =
      "\"1\" [label=\"a\"]\n\"2\" [label=\"cc\", shape=ellipse]\n"
      "\"3\" [label=\"ld\", shape=ellipse]\n\"4\" [label=\"b\"]\n\"2\" -> \"1\"\n";
  EXPECT_EQ(ParseNinjaGraph(three).bad_lines(), 0u);
  EXPECT_EQ(ParseNinjaGraph(three + "\"3\" -> \"1\"\n").bad_lines(), 1u);
  EXPECT_EQ(ParseNinjaGraph(three + "\"4\" -> \"1\" [label=\" cc\"]\n").bad_lines(), 1u);
  EXPECT_EQ(ParseNinjaGraph(three + "\"2\" -> \"3\"\n").bad_lines(), 1u);
  EXPECT_EQ(ParseNinjaGraph(three + "\"1\" -> \"4\"\n").bad_lines(), 1u);
}

TEST(NinjaGraph, OfACutOffOrEmptyTextIsWhatIsThere) {
  const std::string text = ReadBuildTestdata("ninja_t_graph_app.dot");
  for (std::size_t size = 0; size < text.size(); size += 7) {
    const NinjaGraph graph = ParseNinjaGraph(text.substr(0, size));
    EXPECT_LE(graph.bad_lines(), text.size());
    for (const NinjaGraph::Edge& edge : graph.edges()) {
      for (const NinjaGraph::Index node : edge.inputs) EXPECT_LT(node, graph.nodes().size());
      for (const NinjaGraph::Index node : edge.outputs) EXPECT_LT(node, graph.nodes().size());
    }
  }
  EXPECT_THAT(ParseNinjaGraph("").edges(), IsEmpty());
  EXPECT_THAT(ParseNinjaGraph(std::string(1 << 20, '"')).edges(), IsEmpty());
  EXPECT_THAT(ParseNinjaGraph("ninja: error: unknown target 'x'\n").edges(), IsEmpty());
}

}  // namespace
}  // namespace polymeter::detail::build
