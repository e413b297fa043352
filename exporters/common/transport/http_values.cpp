#include "exporters/common/transport/http_values.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "sdk/src/text.h"
#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool IsVisible(char c) { return c > ' ' && c < 0x7F; }

// [user[:password]@]host[:port], where the host may be an IPv6 address in brackets.
bool IsAuthority(std::string_view text) {
  const auto at = text.rfind('@');
  if (at != std::string_view::npos) text.remove_prefix(at + 1);
  std::string_view host;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (host.find(':') == std::string_view::npos) return false;
  } else {
    host = text.substr(0, text.find(':'));
    text.remove_prefix(host.size());
    if (host.find_first_of("[]") != std::string_view::npos) return false;
  }
  if (host.empty()) return false;
  if (text.empty()) return true;
  if (text.front() != ':') return false;
  text.remove_prefix(1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

}  // namespace

UrlParts TakeUrlApart(std::string_view text) {
  UrlParts url;
  const auto colon = text.find("://");
  if (colon != std::string_view::npos) {
    url.scheme = LowerCase(text.substr(0, colon));
    text.remove_prefix(colon + 3);
  }
  const auto end = std::min(text.find_first_of("/?"), text.size());
  url.authority = text.substr(0, end);
  url.path = text.substr(end);
  return url;
}

bool IsHttpUrl(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsVisible)) return false;
  const UrlParts url = TakeUrlApart(text);
  return IsAuthority(url.authority) && text.find('#') == std::string_view::npos &&
         (url.scheme.empty() || url.scheme == "http" || url.scheme == "https");
}

bool IsHttpServerUrl(std::string_view text) {
  return IsHttpUrl(text) && TakeUrlApart(text).path.size() < 2;
}

bool AreHttpHeaders(std::string_view text) {
  const auto pairs = ParsePairs(text);
  if (!pairs) return false;
  return std::all_of(pairs->begin(), pairs->end(), [](const auto& header) {
    const auto token = [](char c) {
      return IsVisible(c) &&
             std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
    };
    const auto text_byte = [](char c) {
      return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    };
    return std::all_of(header.first.begin(), header.first.end(), token) &&
           std::all_of(header.second.begin(), header.second.end(), text_byte);
  });
}

std::string ShownUrl(const std::string& url) {
  const auto begin = url.find("://");
  if (begin == std::string::npos) return url;
  const auto host = begin + 3;
  const auto at = url.substr(0, url.find('/', host)).rfind('@');
  return at == std::string::npos || at < host ? url : url.substr(0, host) + url.substr(at + 1);
}

std::string ShownText(std::string_view text) {
  constexpr std::size_t kMost = 200;
  std::string line;
  for (const char c : text.substr(0, kMost)) {
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  if (text.size() > kMost) line += "...";
  return ToUtf8(line);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
