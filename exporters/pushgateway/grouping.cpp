#include "exporters/pushgateway/grouping.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool IsUnreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

void AppendPercentEncoded(std::string& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

// Padded: the server takes both, and an empty text must be something.
void AppendBase64Url(std::string& out, std::string_view text) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  if (text.empty()) out += '=';
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const std::size_t bytes = std::min<std::size_t>(3, text.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (j < bytes ? static_cast<unsigned char>(text[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= bytes ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
}

void AppendPair(std::string& out, std::string_view name, std::string_view given) {
  const std::string value = ToUtf8(given);
  out += '/';
  AppendPercentEncoded(out, name);
  // A '/' would end the segment, escaped or not; servers tidy "." and ".." away.
  const bool as_base64 =
      value.empty() || value.find('/') != std::string::npos || value == "." || value == "..";
  if (as_base64) out += "@base64";
  out += '/';
  if (as_base64) {
    AppendBase64Url(out, value);
  } else {
    AppendPercentEncoded(out, value);
  }
}

}  // namespace

std::optional<std::string> GroupingProblem(const GroupingLabels& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto& [name, value] = labels[i];
    if (!IsLabelName(name)) return Quoted(name) + " is no label name";
    if (name == "job") return "the label job has an option of its own";
    if (!IsUtf8(value)) return "the value of " + name + " is not UTF-8";
    const auto same = [&name = name](const auto& label) { return label.first == name; };
    if (std::any_of(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(i), same)) {
      return "the label " + name + " is there twice";
    }
  }
  return std::nullopt;
}

std::string GroupingPath(std::string_view job, const GroupingLabels& labels) {
  std::string path = "/metrics";
  AppendPair(path, "job", job);
  for (const auto& [name, value] : labels) AppendPair(path, name, value);
  return path;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
