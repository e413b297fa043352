#include "exporters/otlp/exemplar_form.h"

#include <cmath>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

bool IsInteger(const Exemplar& exemplar, bool integers) noexcept {
  // Below 2^63, and no NaN.
  return integers && std::abs(exemplar.value) < 0x1p63 &&
         std::trunc(exemplar.value) == exemplar.value;
}

std::uint64_t TimeOf(const Exemplar& exemplar) noexcept {
  return exemplar.unix_nanos <= 0 ? 0 : static_cast<std::uint64_t>(exemplar.unix_nanos);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
