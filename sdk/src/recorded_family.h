// The families of the recorder's calls by name: how a short name becomes one of Prometheus'.
#pragma once

#include <string>
#include <string_view>

#include "polymeter/recorder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct RecordedFamily {
  MetricType type;
  std::string name;
  FamilyOptions options;
};

// recorder.h has the rules. Of an empty name the name is empty: the registry refuses it.
RecordedFamily FamilyOf(Recorded what, std::string_view stem);

}  // namespace detail
POLYMETER_END_NAMESPACE
