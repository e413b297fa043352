// Labels under the names that a format has for them. Where two names become one by that, a series
// that has both gets one label of both values; and of series that nothing tells apart any more, one
// is left.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

// How a format writes the name of a label. Pure.
using WriteLabelName = std::function<std::string(std::string_view)>;

// Name and value of each label, in the order of the labels. The values of labels whose names become
// one are joined with ';' in the order of their own names, at the place of the first of them
// (OpenTelemetry's "Prometheus and OpenMetrics compatibility", metric attributes).
POLYMETER_EXPORT std::vector<std::pair<std::string, std::string>> WrittenLabels(
    const FamilyView& family, SeriesView series, const WriteLabelName& write);

// The family without series whose written labels are those of another one of it; nothing when there
// are none. Of those that become one the one with the fewest changed names stays, then the
// first by its own labels: not by its place, which may be another one in the next snapshot.
// `left_out` counts the others.
POLYMETER_EXPORT std::optional<FamilyView> WithoutClashingSeries(const FamilyView& family,
                                                                 const WriteLabelName& write,
                                                                 std::uint64_t& left_out);

}  // namespace encoding
POLYMETER_END_NAMESPACE
