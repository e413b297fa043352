#include "integrations/build/critical_path.h"

#include <algorithm>
#include <limits>
#include <optional>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

using Index = NinjaGraph::Index;
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

struct StepsOnGraph {
  std::vector<std::size_t> of_edge;   // the step of each edge, or kNone
  std::size_t longest_other = kNone;  // of those that the graph does not know
};

StepsOnGraph FindSteps(const std::vector<Step>& steps, const NinjaGraph& graph) {
  StepsOnGraph found{std::vector<std::size_t>(graph.edges().size(), kNone), kNone};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::optional<Index> edge;
    for (const std::string& output : steps[i].outputs) {
      edge = graph.EdgeOf(output);
      if (edge) break;
    }
    std::size_t& step = edge ? found.of_edge[*edge] : found.longest_other;
    if (step == kNone || steps[i].duration_ms() > steps[step].duration_ms()) step = i;
  }
  return found;
}

}  // namespace

CriticalPath FindCriticalPath(const std::vector<Step>& steps, const NinjaGraph& graph) {
  const std::vector<NinjaGraph::Edge>& edges = graph.edges();
  const StepsOnGraph found = FindSteps(steps, graph);
  const std::vector<std::size_t>& step_of = found.of_edge;

  // Edges whose inputs are all done, again and again; one in a circle never is.
  std::vector<std::vector<Index>> needed_by(edges.size());
  std::vector<std::size_t> waits_for(edges.size(), 0);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    for (const Index input : edges[i].inputs) {
      if (const auto producer = graph.Producer(input)) {
        needed_by[*producer].push_back(static_cast<Index>(i));
        ++waits_for[i];
      }
    }
  }
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (waits_for[i] == 0) ready.push_back(i);
  }
  std::vector<std::int64_t> longest(edges.size(), 0);  // up to the edge's end
  std::vector<std::size_t> before(edges.size(), kNone);
  std::size_t last = kNone;
  while (!ready.empty()) {
    const std::size_t edge = ready.back();
    ready.pop_back();
    if (step_of[edge] != kNone) longest[edge] += steps[step_of[edge]].duration_ms();
    if (last == kNone || longest[edge] > longest[last]) last = edge;
    for (const Index next : needed_by[edge]) {
      if (before[next] == kNone || longest[edge] > longest[next]) {
        longest[next] = longest[edge];
        before[next] = edge;
      }
      if (--waits_for[next] == 0) ready.push_back(next);
    }
  }

  CriticalPath path;
  if (last != kNone) path.ms = longest[last];
  for (std::size_t edge = last; edge != kNone; edge = before[edge]) {
    if (step_of[edge] != kNone && steps[step_of[edge]].duration_ms() > 0) {
      path.steps.push_back(step_of[edge]);
    }
  }
  std::reverse(path.steps.begin(), path.steps.end());
  const std::size_t other = found.longest_other;
  if (other != kNone && steps[other].duration_ms() > path.ms) {
    path = {steps[other].duration_ms(), {other}};
  }
  return path;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
