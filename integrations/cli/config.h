// The effective configuration, as `polymeter config` prints it. Pure.
#pragma once

#include <string>
#include <vector>

#include "sdk/src/env.h"

namespace polymeter::cli {

struct ConfigReport {
  std::string text;
  std::vector<std::string> problems;
};

// `selected`: only the backends that METRICS_BACKEND and its kin select.
ConfigReport DescribeConfig(const detail::Environment& environment, bool selected);

}  // namespace polymeter::cli
