// What udev wrote down about a block device: /run/udev/data/b<major>:<minor>.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

class UdevProperties {
 public:
  UdevProperties() = default;
  // The lines "E:NAME=value".
  explicit UdevProperties(std::string_view text);
  // Empty when there is no such property.
  std::string_view operator[](std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
