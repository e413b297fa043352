// Who makes so many series: the report of cardinality, and the words of its warnings.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "polymeter/cardinality.h"
#include "sdk/src/registry.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Every family, ranked. Takes the registry's mutex for a moment only.
std::vector<FamilyCardinality> CardinalityOf(Registry& registry);

// The labels of a family by the number of their values, descending, in the first `most_series`
// series. The caller holds a pin of the registry.
std::vector<LabelCardinality> CountLabelValues(const FamilyCore& family, std::uint64_t seed,
                                               std::size_t most_series);

// The label with the most values; null where there is no label or none has two.
const LabelCardinality* LabelToBlame(const std::vector<LabelCardinality>& by_values) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
