// `ninja -t graph`: what depends on what. Shows the targets it is asked for (the default ones),
// with implicit and order-only inputs, without headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

class NinjaGraph {
 public:
  using Index = std::uint32_t;
  struct Edge {
    std::string rule;            // "CXX_COMPILER__core_", "phony"
    std::vector<Index> inputs;   // of nodes, in the manifest's order: the explicit ones first
    std::vector<Index> outputs;  // of nodes; empty only where the text is cut off
  };

  const std::vector<std::string>& nodes() const { return nodes_; }  // paths
  const std::vector<Edge>& edges() const { return edges_; }
  // The edge that makes a file.
  std::optional<Index> EdgeOf(std::string_view output) const;
  // The edge that makes a node; nothing for a source.
  std::optional<Index> Producer(Index node) const;
  // The first input that looks like source code; empty without one.
  std::string_view SourceOf(Index edge) const;
  // Edges that run something: all but phony ones.
  std::size_t commands() const;
  std::size_t bad_lines() const { return bad_lines_; }

 private:
  friend NinjaGraph ParseNinjaGraph(std::string_view dot);

  std::vector<std::string> nodes_;
  std::vector<Edge> edges_;
  std::vector<std::optional<Index>> producers_;  // by node
  std::unordered_map<std::string, Index> node_of_;
  std::size_t bad_lines_ = 0;
};

// Reads the output of `ninja -t graph`. Lines that are none of its are counted and left out, as are
// arrows between things that it does not name.
NinjaGraph ParseNinjaGraph(std::string_view dot);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
