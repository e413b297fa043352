// Labels: names and values of a series' labels. C++14.
#pragma once

#include <map>
#include <string>

#include "prometheus/detail/one_library.h"

namespace prometheus {

using Labels = std::map<std::string, std::string>;

}  // namespace prometheus
