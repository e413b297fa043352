// libFuzzer: what a build tool prints, whole from the input or made of pieces of real lines. Read
// in pieces of any size it gives the same, and keeps a bounded amount. The same for what ninja
// prints of its graph (-t graph, -t compdb): what was read holds together, and so does the critical
// path through it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/build/assemble.h"
#include "integrations/build/critical_path.h"

namespace {

using polymeter::detail::build::AddOutput;
using polymeter::detail::build::Build;
using polymeter::detail::build::BuildOutput;
using polymeter::detail::build::CompileCommand;
using polymeter::detail::build::CriticalPath;
using polymeter::detail::build::FailedEdge;
using polymeter::detail::build::FindCriticalPath;
using polymeter::detail::build::Join;
using polymeter::detail::build::kMostFailedEdges;
using polymeter::detail::build::NinjaGraph;
using polymeter::detail::build::OutputReader;
using polymeter::detail::build::ParseCompileDatabase;
using polymeter::detail::build::ParseNinjaGraph;
using polymeter::detail::build::Step;

constexpr std::string_view kPieces[] = {
    "[",          "1",
    "2",          "13",
    "/",          "] ",
    "%] ",        "\n",
    "\r",         "FAILED: ",
    "a.o ",       "[code=1] ",
    "ninja: ",    "build stopped: ",
    "error: ",    "no work to do",
    "make: ",     "make[1]: ",
    "*** ",       "[Makefile:2: ",
    "x] Error 2", "\x1b[31m",
    "\x1b",       "Stop.",
};

constexpr std::string_view kJsonPieces[] = {
    "\"directory\":\"/d\",",
    "\"file\":\"a.c\",",
    "\"output\":\"a.o\"",
    "\"output\":\"b.o\"",
    "\"command\":\"cc -c a.c -o ",
    "\"arguments\":[\"cc\",\"-o\",\"c.o\"]",
    "'",
    "\\\"",
    "\"",
    ",",
    "},{",
    "[",
    "]",
};

void Require(bool holds) {
  if (!holds) std::abort();
}

BuildOutput ReadInPieces(std::string_view text, std::size_t piece) {
  OutputReader reader;
  while (!text.empty()) {
    reader.Read(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  reader.Finish();
  return reader.result();
}

bool Same(const FailedEdge& a, const FailedEdge& b) {
  return a.outputs == b.outputs && a.exit_code == b.exit_code && a.sure == b.sure;
}

void Check(std::string_view text, std::size_t piece) {
  const BuildOutput whole = ReadInPieces(text, text.size() + 1);
  const BuildOutput pieces = ReadInPieces(text, piece);
  Require(whole.tool == pieces.tool && whole.planned == pieces.planned && whole.ran == pieces.ran);
  Require(whole.stopped == pieces.stopped && whole.interrupted == pieces.interrupted &&
          whole.nothing_to_do == pieces.nothing_to_do && whole.error == pieces.error);
  Require(whole.failed_count == pieces.failed_count);
  Require(std::equal(whole.failed.begin(), whole.failed.end(), pieces.failed.begin(),
                     pieces.failed.end(), Same));
  Require(whole.failed.size() <= kMostFailedEdges && whole.failed.size() <= whole.failed_count);
  for (const FailedEdge& failed : whole.failed) {
    Require(!failed.outputs.empty() && failed.outputs.size() <= OutputReader::kLongestLine);
  }
  Build build;
  AddOutput(build, Join(whole, pieces), {});
  Require(build.steps.size() <= 2 * kMostFailedEdges);
}

void CheckGraph(std::string_view dot) {
  const NinjaGraph graph = ParseNinjaGraph(dot);
  for (NinjaGraph::Index i = 0; i < graph.edges().size(); ++i) {
    const NinjaGraph::Edge& edge = graph.edges()[i];
    for (const NinjaGraph::Index node : edge.inputs) Require(node < graph.nodes().size());
    for (const NinjaGraph::Index node : edge.outputs) Require(graph.Producer(node) == i);
    graph.SourceOf(i);
  }
  Require(graph.commands() <= graph.edges().size());
  // Each file was made, in another time.
  std::vector<Step> steps;
  std::int64_t longest = 0;
  for (const std::string& path : graph.nodes()) {
    Step& step = steps.emplace_back();
    step.outputs = {path};
    step.start_ms = 0;
    step.end_ms = static_cast<std::int64_t>(steps.size() * 37 % 101);
  }
  const CriticalPath path = FindCriticalPath(steps, graph);
  std::int64_t sum = 0;
  for (const std::size_t step : path.steps) {
    sum += steps.at(step).duration_ms();
    longest = std::max(longest, steps[step].duration_ms());
  }
  Require(sum == path.ms && longest <= path.ms);
}

// Three bytes a line: a file, an edge, or one of the two kinds of arrows, among few.
std::string MadeGraph(const std::uint8_t* data, std::size_t size) {
  std::string dot;
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    const std::string from = "\"" + std::to_string(data[i + 1] % 12) + "\"";
    const std::string arrow = from + " -> \"" + std::to_string(data[i + 2] % 12) + "\"";
    switch (data[i] % 4) {
      case 0:
        dot += from + " [label=\"out" + std::to_string(data[i + 2] % 12) + "\"]\n";
        break;
      case 1:
        dot +=
            from + " [label=\"" + (data[i + 2] % 3 == 0 ? "phony" : "cc") + "\", shape=ellipse]\n";
        break;
      case 2:
        dot += arrow + "\n";
        break;
      default:
        dot += arrow + " [label=\" cc\"]\n";
    }
  }
  return dot;
}

void CheckCommands(std::string_view json) {
  const auto database = ParseCompileDatabase(json);
  for (const CompileCommand& command : database.commands()) {
    Require(!command.output.empty() && !command.source.empty());
    Require(database.Find(command.output) != nullptr);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::size_t piece = size == 0 ? 1 : 1 + data[0] % 64;
  Check({reinterpret_cast<const char*>(data), size}, piece);
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += kPieces[data[i] % std::size(kPieces)];
  Check(text, piece);

  const std::string_view input(reinterpret_cast<const char*>(data), size);
  CheckGraph(input);
  CheckGraph(MadeGraph(data, size));
  CheckCommands(input);
  std::string commands = "[{";
  for (std::size_t i = 0; i < size; ++i) {
    commands += kJsonPieces[data[i] % std::size(kJsonPieces)];
  }
  CheckCommands(commands);
  CheckCommands(commands + "\"}]");
  return 0;
}
