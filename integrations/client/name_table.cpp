#include "integrations/client/name_table.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

char Lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

std::uint32_t Hash(std::string_view name) noexcept {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(Lower(c))) * 16777619u;
  return hash ^ hash >> 15;
}

bool Same(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

constexpr std::size_t kLongest = 64;  // what is longer is no verb, and not worth hashing

}  // namespace

NameTable::NameTable(const std::vector<std::string_view>& names, std::size_t limit) {
  std::size_t slots = 8;
  while (slots < 2 * names.size()) slots *= 2;
  slots_.resize(slots);
  for (const std::string_view name : names) {
    if (names_.size() == limit) break;
    if (name.empty() || name.size() > kLongest) continue;
    std::uint16_t& slot = slots_[SlotOf(name)];
    if (slot != 0) continue;
    names_.emplace_back(name);
    slot = static_cast<std::uint16_t>(names_.size());
  }
}

std::size_t NameTable::SlotOf(std::string_view name) const noexcept {
  std::size_t slot = Hash(name) & (slots_.size() - 1);
  while (slots_[slot] != 0 && !Same(names_[slots_[slot] - 1u], name)) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

std::size_t NameTable::Find(std::string_view name) const noexcept {
  if (name.empty() || name.size() > kLongest) return kNone;
  const std::uint16_t found = slots_[SlotOf(name)];
  return found == 0 ? kNone : found - 1u;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
