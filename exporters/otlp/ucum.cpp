#include "exporters/otlp/ucum.h"

#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

std::string_view UcumUnit(std::string_view prometheus_unit) noexcept {
  static constexpr std::pair<std::string_view, std::string_view> kCodes[] = {
      {"seconds", "s"},      {"milliseconds", "ms"}, {"microseconds", "us"}, {"nanoseconds", "ns"},
      {"minutes", "min"},    {"hours", "h"},         {"days", "d"},          {"bytes", "By"},
      {"kibibytes", "KiBy"}, {"mebibytes", "MiBy"},  {"gibibytes", "GiBy"},  {"tebibytes", "TiBy"},
      {"kilobytes", "kBy"},  {"megabytes", "MBy"},   {"gigabytes", "GBy"},   {"terabytes", "TBy"},
      {"meters", "m"},       {"volts", "V"},         {"amperes", "A"},       {"joules", "J"},
      {"watts", "W"},        {"grams", "g"},         {"celsius", "Cel"},     {"hertz", "Hz"},
      {"percent", "%"},      {"ratio", "1"},
  };
  for (const auto& [word, code] : kCodes) {
    if (prometheus_unit == word) return code;
  }
  return prometheus_unit;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
