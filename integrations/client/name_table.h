// An allow-list of label values: what is on it has a number, case ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class NameTable {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  // Keeps the first `limit` names; a name that is there already (or empty) adds nothing.
  NameTable(const std::vector<std::string_view>& names, std::size_t limit);

  // Allocates nothing.
  std::size_t Find(std::string_view name) const noexcept;
  const std::string& operator[](std::size_t index) const noexcept { return names_[index]; }
  std::size_t size() const noexcept { return names_.size(); }

 private:
  std::size_t SlotOf(std::string_view name) const noexcept;  // its own or the empty one for it

  std::vector<std::string> names_;
  std::vector<std::uint16_t> slots_;  // index + 1, 0 is empty; a power of two of them, half empty
};

}  // namespace detail
POLYMETER_END_NAMESPACE
