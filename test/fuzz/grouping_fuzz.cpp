// From any bytes to a grouping key and back: what stands in the path must be what a Pushgateway
// reads out of it, by a reader that shares no code with us.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/pushgateway/grouping.h"
#include "sdk/src/text.h"

namespace {

[[noreturn]] void Fail(const char* why, const std::string& path) {
  std::fprintf(stderr, "%s: %s\n", why, path.c_str());
  std::abort();
}

std::string Percent(const std::string& text, const std::string& path) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) Fail("an escape without its end", path);
    out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

std::string Base64Url(std::string text, const std::string& path) {
  while (!text.empty() && text.back() == '=') text.pop_back();
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const auto digit = digits.find(c);
    if (digit == std::string_view::npos) Fail("not base64", path);
    bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xFFFFFF;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using polymeter::detail::ToUtf8;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t half = size / 2;
  const std::vector<std::pair<std::string, std::string>> given = {
      {"job", bytes.substr(0, half)}, {"a", bytes.substr(half)}, {"b_2", bytes}};
  const std::string path = polymeter::detail::GroupingPath(given[0].second, {given[1], given[2]});
  std::vector<std::string> parts;
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  if (parts.size() != 1 + 2 * given.size() || parts[0] != "metrics") Fail("other segments", path);
  for (std::size_t i = 0; i < given.size(); ++i) {
    std::string name = parts[1 + 2 * i];
    const std::string& value = parts[2 + 2 * i];
    if (value.empty() || value == "." || value == "..") Fail("a server tidies it away", path);
    const std::string suffix = "@base64";
    const bool coded = name.size() > suffix.size() && name.ends_with(suffix);
    if (coded) name.resize(name.size() - suffix.size());
    if (name != given[i].first) Fail("another name", path);
    if ((coded ? Base64Url(value, path) : Percent(value, path)) != ToUtf8(given[i].second)) {
      Fail("another value", path);
    }
  }
  return 0;
}
