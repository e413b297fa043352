#include "integrations/host/udev.h"

#include "integrations/host/fields.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

UdevProperties::UdevProperties(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = NextLine(text);
    if (line.substr(0, 2) != "E:") continue;
    line.remove_prefix(2);
    const std::string_view name = NextPart(line, '=');
    values_.emplace(name, line);
  }
}

std::string_view UdevProperties::operator[](std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
