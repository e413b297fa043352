// OpenMetrics' target_info: the resource as an info family without labels of its own.
#pragma once

#include <map>
#include <string>

#include "exporters/common/encoding/padded_text.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Its labels. Attribute names become label names: what is not allowed there is '_'; the
// values of attributes that become one name are joined with ';', in the order of the
// attributes' names (OpenTelemetry's "Prometheus and OpenMetrics compatibility").
std::map<std::string, std::string> TargetLabels(const Resource& resource);

// The family `target`, in OpenMetrics text.
void AppendTargetInfo(encoding::TextBuffer& out, const Resource& resource);

}  // namespace detail
POLYMETER_END_NAMESPACE
