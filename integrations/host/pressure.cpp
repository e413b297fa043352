#include "integrations/host/pressure.h"

#include "integrations/host/fields.h"
#include "integrations/host/host_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {
namespace {

void WriteSeconds(FamilySink& sink, std::size_t row, std::uint64_t microseconds) {
  FamilyWriter family(sink, row);
  family.sink().Counter({}, static_cast<double>(microseconds) / 1e6);
}

}  // namespace

Pressure ParsePressure(std::string_view text) {
  constexpr std::string_view kTotal = "total=";
  Pressure pressure;
  while (!text.empty()) {
    std::string_view line = NextLine(text);
    const std::string_view kind = NextField(line);
    std::optional<std::uint64_t> total;
    for (std::string_view field = NextField(line); !field.empty(); field = NextField(line)) {
      if (field.substr(0, kTotal.size()) == kTotal) {
        total = NumberOf<std::uint64_t>(field.substr(kTotal.size()));
      }
    }
    if (kind == "some") pressure.some = total;
    if (kind == "full") pressure.full = total;
  }
  return pressure;
}

void Write(const Pressure& pressure, std::size_t waiting, std::optional<std::size_t> stalled,
           FamilySink& sink) {
  if (pressure.some) WriteSeconds(sink, waiting, *pressure.some);
  if (pressure.full && stalled) WriteSeconds(sink, *stalled, *pressure.full);
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
