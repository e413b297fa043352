// The table of backends, and the way from options and environment to a running Metrics. Internal:
// what an application calls is in polymeter/polymeter.h.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "exporters/backend_info.h"
#include "polymeter/metrics.h"
#include "sdk/src/core_access.h"
#include "sdk/src/env.h"
#include "sdk/src/problems.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct TableRow {
  std::string_view name;
  const BackendInfo* info;        // null: the build left it out
  std::string_view build_option;  // POLYMETER_WITH_PROMETHEUS; empty for one that is always there
};

// Every row that this version has, in the order of the table, left out or not.
POLYMETER_EXPORT std::span<const TableRow> BackendTable();

// Everything settled, nothing started: the backends are made and not begun.
struct Configuration {
  CoreConfig core;
  Problems problems;
  bool strict = false;  // METRICS_STRICT
};

// Tests pass their own table, environment and outside, of which a copy is kept.
POLYMETER_EXPORT Configuration Configure(const Options& options, const Environment& environment,
                                         std::span<const TableRow> table,
                                         std::shared_ptr<Outside> outside);

}  // namespace detail
POLYMETER_END_NAMESPACE
