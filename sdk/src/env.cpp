#include "sdk/src/env.h"

#include <unistd.h>

#include <string>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

Environment Environment::OfProcess() {
  StringPairs variables;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return Environment(std::move(variables));
}

std::optional<std::string_view> Environment::Get(std::string_view name) const noexcept {
  for (const auto& [known, value] : variables_) {
    if (known != name) continue;
    if (value.empty()) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
