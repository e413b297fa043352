// What may stand as a label's value, and its text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

template <class T, class = void>
struct HasLabelValue : std::false_type {};
template <class T>
struct HasLabelValue<T, std::void_t<decltype(std::string_view(LabelValue(std::declval<T>())))>>
    : std::true_type {};

template <class T>
constexpr bool kIsText = std::is_convertible_v<const T&, std::string_view>;
template <class T>
constexpr bool kIsNumber =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> &&
    !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t>;

using Digits = char[20];  // holds any 64-bit integer
// Writes a number into `digits` and returns it.
POLYMETER_EXPORT std::string_view Decimal(std::int64_t number, Digits& digits) noexcept;
POLYMETER_EXPORT std::string_view Decimal(std::uint64_t number, Digits& digits) noexcept;

}  // namespace detail

// A label value for the length of one call: text is referred to, an integer becomes
// decimal, bool becomes `true` or `false`, an enum becomes what an ADL function
// `std::string_view LabelValue(E)` says (without one it does not compile; neither do
// floating-point numbers and single characters). Not copyable: it is a parameter, not a value.
class LabelText {
 public:
  // Text, which is referred to.
  template <class T, std::enable_if_t<detail::kIsText<T>, int> = 0>
  LabelText(const T& text) noexcept : text_(text) {}  // NOLINT: implicit
  // The same; null is the empty text.
  LabelText(const char* text) noexcept  // NOLINT: implicit
      : text_(text == nullptr ? std::string_view() : std::string_view(text)) {}
  // An integer, in decimal.
  template <class T, std::enable_if_t<detail::kIsNumber<T>, int> = 0>
  LabelText(T number) noexcept {  // NOLINT: implicit
    if constexpr (std::is_signed_v<T>) {
      text_ = detail::Decimal(static_cast<std::int64_t>(number), digits_);
    } else {
      text_ = detail::Decimal(static_cast<std::uint64_t>(number), digits_);
    }
  }
  // `true` or `false`.
  template <class T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>
  LabelText(T flag) noexcept : text_(flag ? "true" : "false") {}  // NOLINT: implicit
  // An enum: what its LabelValue says.
  template <class T,
            std::enable_if_t<std::is_enum_v<T> && detail::HasLabelValue<T>::value, int> = 0>
  LabelText(T value) noexcept : text_(LabelValue(value)) {}  // NOLINT: implicit

  LabelText(const LabelText&) = delete;
  LabelText& operator=(const LabelText&) = delete;

  // The value, valid as long as this and what it refers to.
  std::string_view text() const noexcept { return text_; }

 private:
  std::string_view text_;
  detail::Digits digits_;
};

// A label with its name, for `With({{"model", m}, {"language", l}})`.
struct NamedLabel {
  std::string_view name;  // one of the family's
  LabelText value;        // its value
};
// All labels of a series, in any order.
using NamedLabels = std::initializer_list<NamedLabel>;

POLYMETER_END_NAMESPACE
