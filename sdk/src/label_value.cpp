#include "polymeter/label_value.h"

#include <charconv>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

template <class T>
std::string_view Written(T number, Digits& digits) noexcept {
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  return {digits, static_cast<std::size_t>(end - digits)};
}

}  // namespace

std::string_view Decimal(std::int64_t number, Digits& digits) noexcept {
  return Written(number, digits);
}
std::string_view Decimal(std::uint64_t number, Digits& digits) noexcept {
  return Written(number, digits);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
