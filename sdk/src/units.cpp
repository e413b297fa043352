#include "sdk/src/units.h"

#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

std::string PrometheusUnit(std::string_view unit) {
  // The codes of OpenTelemetry's conventions that have a word in Prometheus' practice.
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"s", "seconds"},      {"ms", "milliseconds"}, {"us", "microseconds"}, {"ns", "nanoseconds"},
      {"min", "minutes"},    {"h", "hours"},         {"d", "days"},          {"By", "bytes"},
      {"KiBy", "kibibytes"}, {"MiBy", "mebibytes"},  {"GiBy", "gibibytes"},  {"m", "meters"},
      {"V", "volts"},        {"A", "amperes"},       {"J", "joules"},        {"W", "watts"},
      {"g", "grams"},        {"Cel", "celsius"},     {"Hz", "hertz"},        {"%", "percent"},
      {"1", "ratio"},
  };
  for (const auto& [code, word] : kWords) {
    if (unit == code) return std::string(word);
  }
  return std::string(unit);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
