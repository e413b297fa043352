// The grouping key: which group of a Pushgateway a push replaces. It stands in the URL's path.
// https://github.com/prometheus/pushgateway#url
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

using GroupingLabels = std::vector<std::pair<std::string, std::string>>;

// Why the server would refuse these labels, or, worse, take them and never serve its page again
// (seen with 1.5.1: a label `job`, a label twice, bytes that are no UTF-8). Nothing: they are fine.
std::optional<std::string> GroupingProblem(const GroupingLabels& labels);

// "/metrics/job/<job>/<label>/<value>...". Values are percent-encoded (RFC 3986, all but
// unreserved bytes); one that a path cannot hold, because it is empty, contains '/' or is "." or
// "..", becomes <label>@base64/<value> in the URL-safe alphabet (RFC 4648, 5), an empty one "=".
// Bytes that are no UTF-8 become U+FFFD. An empty job is refused by the server.
POLYMETER_EXPORT std::string GroupingPath(std::string_view job, const GroupingLabels& labels);

}  // namespace detail
POLYMETER_END_NAMESPACE
