// The environment as values. env.cpp is the only file that reads it, once for each
// FromEnvironment; tests make an Environment of their own.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "polymeter/options.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// A copy of the variables at one moment.
class POLYMETER_EXPORT Environment {
 public:
  Environment() = default;  // nothing is set
  explicit Environment(StringPairs variables) : variables_(std::move(variables)) {}
  // As with getenv, no other thread may call setenv meanwhile.
  static Environment OfProcess();

  // Nothing for an unset variable, and for an empty one, which the standards take for unset.
  std::optional<std::string_view> Get(std::string_view name) const noexcept;
  const StringPairs& variables() const noexcept { return variables_; }

 private:
  StringPairs variables_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
