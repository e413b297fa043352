// From our model to prometheus-cpp's. Pure: no lock, no I/O. Internal.
#pragma once

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// prometheus-cpp's serializer writes HELP as it is. Escaped: as text 0.0.4 wants it (\\ and \n).
enum class HelpText : bool { kRaw, kEscaped };

struct ConvertedFamilies {
  std::vector<::prometheus::MetricFamily> families;
  std::vector<std::string> problems;  // what was left out
};

ConvertedFamilies ToPrometheus(const Snapshot& snapshot, HelpText help);

}  // namespace detail
POLYMETER_END_NAMESPACE
