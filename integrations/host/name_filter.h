// Which devices, mount points and types are shown.
#pragma once

#include <functional>
#include <optional>
#include <regex>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

// Immutable; reading it from several threads is fine.
class NameFilter {
 public:
  using Complain = std::function<void(const std::string& message)>;

  // `fallback` is what is excluded when no (good) pattern is given; an empty `exclude` excludes
  // nothing. A malformed pattern is complained of, with `option` as its name, and ignored.
  NameFilter(std::string_view option, const std::optional<std::string>& include,
             const std::optional<std::string>& exclude, const char* fallback,
             const Complain& complain);

  bool Admits(std::string_view name) const noexcept;

 private:
  std::optional<std::regex> include_;
  std::optional<std::regex> exclude_;
};

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
