// Characters of protocols, whatever the locale.
#pragma once

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

constexpr char Lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
// Between the tokens of JSON (RFC 8259, section 2).
constexpr bool IsJsonSpace(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace detail
POLYMETER_END_NAMESPACE
