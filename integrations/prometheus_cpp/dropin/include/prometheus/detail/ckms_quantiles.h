// Which quantiles a Summary estimates. Include summary.h instead. C++14.
#pragma once

#include "polymeter/export.h"
#include "prometheus/detail/one_library.h"

namespace prometheus {
namespace detail {

struct CKMSQuantiles {
  // The estimate's rank lies within `error` of `quantile`: {0.9, 0.01} gives a value between the
  // 0.89- and the 0.91-quantile of what was observed.
  struct POLYMETER_EXPORT Quantile {
    Quantile(double wanted, double allowed)
        : quantile(wanted),
          error(allowed),
          u(2.0 * allowed / (1.0 - wanted)),
          v(2.0 * allowed / wanted) {}

    double quantile;
    double error;
    double u;
    double v;
  };
};

}  // namespace detail
}  // namespace prometheus
