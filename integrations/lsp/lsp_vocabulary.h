// The words that may be label values: methods, clients, servers. Everything else is "other".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

inline constexpr std::string_view kOtherWord = "other";

// The methods of LSP 3.17 (its meta model), of clangd and of rust-analyzer, and the application's.
class LspMethods {
 public:
  using Id = std::uint16_t;
  static constexpr Id kOther = 0;

  explicit LspMethods(const std::vector<std::string>& further = {});

  // kOther where it is not on the list.
  Id Find(std::string_view method) const noexcept;
  const std::string& operator[](Id id) const noexcept { return names_[id]; }
  std::size_t size() const noexcept { return names_.size(); }

 private:
  std::vector<std::string> names_;  // kOther, then sorted
};

// "Visual Studio Code - Insiders" is "vscode"; without a name "unknown".
std::string_view ClientLabel(std::string_view client_name) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
