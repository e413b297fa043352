// From the drop-in's snapshots to those of the backends: METRICS_PREFIX and METRICS_LABELS. Pure.
// Internal.
#pragma once

#include <string>

#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Adds every family of `snapshot` to `data`, under its name with `prefix` in front and with
// data.constant_labels besides its own; its own win.
void AppendFamilies(const Snapshot& snapshot, const std::string& prefix, SnapshotData& data);

}  // namespace detail
POLYMETER_END_NAMESPACE
