// The steps of a build added up by kind.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "polymeter/build.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

struct KindTotals {
  std::uint64_t steps = 0;
  std::uint64_t cached = 0;
  std::uint64_t failed = 0;
  double seconds = 0;
  double longest_seconds = 0;
};

// In the order in which builds do them (compile, archive, link, custom), others behind by name.
std::vector<std::pair<std::string, KindTotals>> TotalsByKind(const BuildSummary& build);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
