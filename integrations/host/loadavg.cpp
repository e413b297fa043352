#include "integrations/host/loadavg.h"

#include "integrations/host/fields.h"
#include "integrations/host/host_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

std::optional<LoadAverage> ParseLoadAverage(std::string_view text) {
  LoadAverage load{};
  for (double& value : load) {
    const auto number = NumberOf<double>(NextField(text));
    if (!number) return std::nullopt;
    value = *number;
  }
  return load;
}

void Write(const LoadAverage& load, FamilySink& sink) {
  for (std::size_t i = 0; i < load.size(); ++i) {
    FamilyWriter family(sink, kLoad1 + i);
    family.sink().Gauge({}, load[i]);
  }
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
