#include "exporters/common/security/authorization.h"

#include <algorithm>
#include <cstddef>
#include <optional>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool IsAlphanumeric(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// RFC 4648 with its padding; nothing else than its digits.
std::optional<std::string> FromBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string bytes;
  unsigned bits = 0;
  for (std::size_t i = 0; i < text.size() - padding; ++i) {
    const int digit = Base64Digit(text[i]);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xFFFFFF;
    if (i % 4 == 0) continue;
    bytes += static_cast<char>(bits >> (6 - 2 * (i % 4)) & 0xFF);
  }
  return bytes;
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

bool IsScheme(std::string_view text, std::string_view scheme) {
  return text.size() == scheme.size() &&
         std::equal(text.begin(), text.end(), scheme.begin(),
                    [](char a, char b) { return (a | 0x20) == b && IsAlphanumeric(a); });
}

}  // namespace

Credentials ParseAuthorization(std::string_view header) {
  Credentials credentials;
  while (header.ends_with(' ') || header.ends_with('\t')) header.remove_suffix(1);
  const std::size_t space = header.find(' ');
  if (space == std::string_view::npos) return credentials;
  const std::string_view scheme = header.substr(0, space);
  const std::string_view rest = header.substr(header.find_first_not_of(' ', space));
  if (IsScheme(scheme, "bearer") && IsBearerToken(rest)) {
    credentials.scheme = Credentials::Scheme::kBearer;
    credentials.token = rest;
  } else if (IsScheme(scheme, "basic")) {
    const auto pair = FromBase64(rest);
    if (!pair || HasControl(*pair)) return credentials;
    const std::size_t colon = pair->find(':');
    if (colon == std::string::npos) return credentials;
    credentials.scheme = Credentials::Scheme::kBasic;
    credentials.name = pair->substr(0, colon);
    credentials.password = pair->substr(colon + 1);
  }
  return credentials;
}

bool IsBearerToken(std::string_view text) noexcept {
  while (text.ends_with('=')) text.remove_suffix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return IsAlphanumeric(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
}

bool SameSecret(std::string_view a, std::string_view b) noexcept {
  // Volatile, so that no compiler ends the loop early.
  volatile unsigned char different = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    different = static_cast<unsigned char>(different | static_cast<unsigned char>(a[i] ^ b[i]));
  }
  return different == 0;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
