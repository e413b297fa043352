// CheckMetricName and CheckLabelName.
#include <string>

#include "prometheus/check_names.h"
#include "test/dropin/surface/transcript.h"

namespace surface {

void Names() {
  for (const char* name :
       {"a", "a_b", "A9", ":", "a:b", "_a", "__a", "9a", "", "a b", "a-b", "\xC3\xA9", "a\n"}) {
    Say(std::string("names/metric '") + Escaped(name) + "'", prometheus::CheckMetricName(name));
  }
#if defined(SURFACE_1_3)
  // The second parameter came with 1.1.
  const auto is_label = [](const char* name) {
    return prometheus::CheckLabelName(name, prometheus::MetricType::Counter);
  };
  const auto type = [](const char* name, prometheus::MetricType wanted) {
    return prometheus::CheckLabelName(name, wanted);
  };
  Say("1.3/names/label le of a histogram", type("le", prometheus::MetricType::Histogram));
  Say("1.3/names/label le of a counter", type("le", prometheus::MetricType::Counter));
  Say("1.3/names/label le of a summary", type("le", prometheus::MetricType::Summary));
  Say("1.3/names/label quantile of a summary", type("quantile", prometheus::MetricType::Summary));
  Say("1.3/names/label quantile of a histogram",
      type("quantile", prometheus::MetricType::Histogram));
#else
  const auto is_label = [](const char* name) { return prometheus::CheckLabelName(name); };
#endif
  for (const char* name :
       {"a", "a_b", "A9", ":", "a:b", "_a", "__a", "9a", "", "a b", "a-b", "\xC3\xA9"}) {
    Say(std::string("names/label '") + name + "'", is_label(name));
  }
}

}  // namespace surface
