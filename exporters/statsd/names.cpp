#include "exporters/statsd/names.h"

#include <cmath>
#include <cstddef>

#include "exporters/common/encoding/numbers.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostTagCharacters = 200;

constexpr bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}
constexpr bool IsControl(char c) { return (c >= 0 && c < 0x20) || c == 0x7F; }
constexpr bool ContinuesCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// `text` with one `_` for each character that `keep` does not want.
template <class Keep>
void AppendKept(std::string& out, std::string_view text, Keep keep) {
  for (const char c : text) {
    if (keep(c)) {
      out += c;
    } else if (!ContinuesCharacter(c)) {
      out += '_';
    }
  }
}

constexpr bool EndsTag(char c) { return c == ',' || c == '|' || IsControl(c); }
void AppendTagText(std::string& out, std::string_view text) {
  for (const char c : text) out += EndsTag(c) ? '_' : c;
}
void AppendTagName(std::string& out, std::string_view name) {
  for (const char c : name) out += EndsTag(c) || c == ':' ? '_' : c;
}
// Of the rest statsd deletes most, and ~ must not be the first.
constexpr bool IsGraphite(char c) { return IsWord(c) || c == '.'; }

// Graphite keeps the name of the metric as the tag `name`, and drops another one of that name.
void AppendGraphiteTagName(std::string& out, std::string_view name) {
  AppendKept(out, name, IsGraphite);
  if (name == "name") out += '_';
}

// Ends `out` after so many characters from `begin` on, between two of them.
void CutAt(std::string& out, std::size_t begin, std::size_t characters) {
  std::size_t n = 0;
  for (std::size_t i = begin; i < out.size(); ++i) {
    if (!ContinuesCharacter(out[i]) && n++ == characters) {
      out.resize(i);
      return;
    }
  }
}

}  // namespace

void AppendMetricName(std::string& out, std::string_view name) {
  AppendKept(out, name, [](char c) { return IsWord(c) && c != '-'; });
}

void AppendTag(std::string& out, StatsdTags tags, std::string_view name, std::string_view value,
               bool cut) {
  if (value.empty()) return;
  switch (tags) {
    case StatsdTags::kNone:
      out += '.';
      AppendKept(out, name, IsWord);
      out += '.';
      AppendKept(out, value, IsWord);
      return;
    case StatsdTags::kGraphite:
      out += ';';
      AppendGraphiteTagName(out, name);
      out += '=';
      AppendKept(out, value, IsGraphite);
      return;
    case StatsdTags::kDogstatsd: {
      out += ',';
      const std::size_t begin = out.size();
      AppendTagName(out, name);
      out += ':';
      AppendTagText(out, value);
      if (cut) CutAt(out, begin, kMostTagCharacters);
      if (out.back() == ':') out.back() = '_';  // no receiver knows what that means
      return;
    }
  }
}

std::string TagName(StatsdTags tags, std::string_view name) {
  std::string written;
  switch (tags) {
    case StatsdTags::kNone:
      AppendKept(written, name, IsWord);
      break;
    case StatsdTags::kGraphite:
      AppendGraphiteTagName(written, name);
      break;
    case StatsdTags::kDogstatsd:
      AppendTagName(written, name);
      break;
  }
  return written;
}

void AppendBareTag(std::string& out, std::string_view text) {
  out += ',';
  const std::size_t begin = out.size();
  AppendTagText(out, text);
  CutAt(out, begin, kMostTagCharacters);
}

void AppendNumberTag(std::string& out, StatsdTags tags, std::string_view name, double value) {
  char text[encoding::kMostDigits];
  const char* const end = encoding::WriteDouble(text, value);
  std::string_view number(text, static_cast<std::size_t>(end - text));
  std::string without_plus;
  if (tags != StatsdTags::kDogstatsd) {  // 1e+06 becomes 1e06
    for (const char c : number) {
      if (c != '+') without_plus += c;
    }
    number = without_plus;
  }
  AppendTag(out, tags, name, number, false);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
