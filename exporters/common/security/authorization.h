// The Authorization header of a request, taken apart. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct Credentials {
  enum class Scheme : std::uint8_t { kNone, kBasic, kBearer };  // kNone: also what is malformed
  Scheme scheme = Scheme::kNone;
  std::string name;  // of kBasic; no control characters in either
  std::string password;
  std::string token;  // of kBearer, as IsBearerToken says
};

// "Basic dXNlcjpwYXNz" (RFC 7617), "Bearer mF_9.B5f-4.1JqM" (RFC 6750, 2.1); the scheme in any
// case.
Credentials ParseAuthorization(std::string_view header);

// Letters, digits, -._~+/ and at last any number of = (RFC 6750's b64token).
bool IsBearerToken(std::string_view text) noexcept;

// In a time that depends on the lengths alone.
bool SameSecret(std::string_view a, std::string_view b) noexcept;

}  // namespace detail
POLYMETER_END_NAMESPACE
