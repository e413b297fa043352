#include "integrations/common/family_row.h"

#include <string>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

FamilyOptions OptionsOf(const FamilyRow& row) {
  StringPairs attributes;
  for (std::string_view rest = row.otel_attributes; !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find(','));
    rest.remove_prefix(pair.size() + (pair.size() < rest.size() ? 1 : 0));
    const std::size_t equals = pair.find('=');
    attributes.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return FamilyOptions()
      .Unit(std::string(row.unit))
      .Additive(row.additive)
      .OtelName(std::string(row.otel_name))
      .OtelAttributes(std::move(attributes));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
