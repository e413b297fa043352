// Names, label names and label values as StatsD lines can hold them. There is no escape in StatsD:
// what would end a field becomes `_`.
#pragma once

#include <string>
#include <string_view>

#include "exporters/statsd/statsd_format.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The name of a metric: letters, digits and underscores are all that a receiver is sure to keep.
void AppendMetricName(std::string& out, std::string_view name);

// One label more in the form of `tags`, which begins with what parts it from what stands before:
// ".k.v", ";k=v", ",k:v" (its comma is `|#` where it is the first: see TagTail). A label without a
// value is none. Names are not trusted either: the environment brings some. `cut`: at 200
// characters, where Datadog cuts.
void AppendTag(std::string& out, StatsdTags tags, std::string_view name, std::string_view value,
               bool cut);

// The name of a label as AppendTag writes it.
std::string TagName(StatsdTags tags, std::string_view name);

// A tag as its owner wrote it: `k:v` or `k`.
void AppendBareTag(std::string& out, std::string_view text);

// The number of an `le` or `quantile`: 0.5, 1e+06, +Inf, as Prometheus writes it.
void AppendNumberTag(std::string& out, StatsdTags tags, std::string_view name, double value);

}  // namespace detail
POLYMETER_END_NAMESPACE
