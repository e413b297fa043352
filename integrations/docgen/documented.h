// How much of what doxygen's XML holds is documented. Pure. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Counts the compounds that a reader of the code looks for (class, struct, union, interface,
// protocol, exception, namespace, group, concept) and all members; each once, by its id: a
// member of a group is in several files. Documented is what has a brief or a detailed description
// of its own: that of a parameter or of an enum's value is none, as for doxygen's warnings.
class DocumentedCount {
 public:
  // One XML file, whole; what is cut short counts as far as it goes.
  void Add(std::string_view xml);

  std::uint64_t documented() const { return documented_; }
  std::uint64_t all() const { return all_; }
  std::optional<double> ratio() const {
    if (all_ == 0) return std::nullopt;
    return static_cast<double>(documented_) / static_cast<double>(all_);
  }

 private:
  void Count(std::string_view id, bool documented);

  std::unordered_set<std::uint64_t> seen_;
  std::uint64_t documented_ = 0;
  std::uint64_t all_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
