#include "integrations/build/ninja_graph.h"

#include <limits>
#include <utility>

#include "integrations/build/step_kind.h"
#include "integrations/build/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

using Index = NinjaGraph::Index;

// What an id of the text, "0x5633813bc9a0", names.
struct Thing {
  bool is_edge = false;
  Index index = 0;
};

// A line, cut: `"from"`, ` -> "to"` or nothing, and what stands in brackets behind it.
struct DotLine {
  std::string_view from;
  std::string_view to;
  std::string_view attributes;
};

// Takes `"..."` off the front.
std::optional<std::string_view> TakeId(std::string_view& text) {
  if (text.empty() || text.front() != '"') return std::nullopt;
  const std::size_t end = text.find('"', 1);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view id = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return id;
}

std::optional<DotLine> CutLine(std::string_view text) {
  DotLine line;
  const auto from = TakeId(text);
  if (!from) return std::nullopt;
  line.from = *from;
  if (StartsWith(text, " -> ")) {
    text.remove_prefix(4);
    const auto to = TakeId(text);
    if (!to || to->empty()) return std::nullopt;
    line.to = *to;
  }
  if (text.empty()) return line;
  if (!StartsWith(text, " [") || !EndsWith(text, "]")) return std::nullopt;
  line.attributes = text.substr(2, text.size() - 3);
  return line;
}

// ninja escapes nothing in a label, so it ends at the last quote before what ninja puts behind it.
std::optional<std::string_view> LabelOf(std::string_view attributes, std::string_view behind) {
  constexpr std::string_view kBegin = "label=\"";
  if (!StartsWith(attributes, kBegin) || !EndsWith(attributes, behind) ||
      attributes.size() < kBegin.size() + behind.size()) {
    return std::nullopt;
  }
  return attributes.substr(kBegin.size(), attributes.size() - kBegin.size() - behind.size());
}

// Calls `use` for each line but those of the frame, with nothing for one that is not ninja's; how
// often it said no.
template <class Use>
std::size_t ForEachLine(std::string_view dot, Use use) {
  std::size_t bad = 0;
  while (!dot.empty()) {
    const std::string_view text = TakeLine(dot);
    if (StartsWith(text, "\"") && !use(CutLine(text))) ++bad;
  }
  return bad;
}

constexpr std::string_view kEdgeMark = "\", shape=ellipse";

}  // namespace

std::optional<Index> NinjaGraph::EdgeOf(std::string_view output) const {
  const auto found = node_of_.find(std::string(output));
  return found == node_of_.end() ? std::nullopt : Producer(found->second);
}

std::optional<Index> NinjaGraph::Producer(Index node) const {
  return node < producers_.size() ? producers_[node] : std::nullopt;
}

std::string_view NinjaGraph::SourceOf(Index edge) const {
  if (edge >= edges_.size()) return {};
  for (const Index input : edges_[edge].inputs) {
    if (LanguageOfSource(nodes_[input]) != Language::kOther) return nodes_[input];
  }
  return {};
}

std::size_t NinjaGraph::commands() const {
  std::size_t count = 0;
  for (const Edge& edge : edges_) count += edge.rule == "phony" ? 0 : 1;
  return count;
}

NinjaGraph ParseNinjaGraph(std::string_view dot) {
  NinjaGraph graph;
  std::unordered_map<std::string_view, Thing> things;
  constexpr std::size_t kMost = std::numeric_limits<Index>::max();

  // A file can stand below what needs it, so things are told first, arrows afterwards.
  graph.bad_lines_ += ForEachLine(dot, [&](const std::optional<DotLine>& cut) {
    if (!cut) return false;
    const DotLine& line = *cut;
    if (!line.to.empty()) return true;
    if (const auto rule = LabelOf(line.attributes, kEdgeMark)) {
      if (graph.edges_.size() >= kMost || things.count(line.from) > 0) return false;
      things[line.from] = {true, static_cast<Index>(graph.edges_.size())};
      graph.edges_.push_back({std::string(*rule), {}, {}});
      return true;
    }
    const auto path = LabelOf(line.attributes, "\"");
    if (!path || graph.nodes_.size() >= kMost || things.count(line.from) > 0) return false;
    const auto index = static_cast<Index>(graph.nodes_.size());
    if (!graph.node_of_.emplace(std::string(*path), index).second) return false;
    things[line.from] = {false, index};
    graph.nodes_.emplace_back(*path);
    return true;
  });

  graph.producers_.resize(graph.nodes_.size());
  // A file has one producer; a second one is no graph of ninja's.
  const auto produce = [&](Index edge, Index node) {
    if (graph.producers_[node]) return false;
    graph.producers_[node] = edge;
    graph.edges_[edge].outputs.push_back(node);
    return true;
  };
  graph.bad_lines_ += ForEachLine(dot, [&](const std::optional<DotLine>& cut) {
    if (!cut || cut->to.empty()) return true;
    const DotLine& line = *cut;
    const auto from = things.find(line.from);
    const auto to = things.find(line.to);
    if (from == things.end()) return false;
    // ninja names only those outputs that are needed.
    if (to == things.end()) return from->second.is_edge;
    if (from->second.is_edge) {
      return !to->second.is_edge && produce(from->second.index, to->second.index);
    }
    if (to->second.is_edge) {
      graph.edges_[to->second.index].inputs.push_back(from->second.index);
      return true;
    }
    // An edge with one input and one output is an arrow between them, with the rule behind a blank.
    const auto rule = LabelOf(line.attributes, "\"");
    if (!rule || graph.edges_.size() >= kMost || graph.producers_[to->second.index]) return false;
    const auto edge = static_cast<Index>(graph.edges_.size());
    graph.edges_.push_back(
        {std::string(StartsWith(*rule, " ") ? rule->substr(1) : *rule), {from->second.index}, {}});
    return produce(edge, to->second.index);
  });
  return graph;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
