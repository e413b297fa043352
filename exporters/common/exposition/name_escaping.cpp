#include "exporters/common/exposition/name_escaping.h"

#include <charconv>

#include "exporters/common/encoding/escape.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// One code point of valid UTF-8 and the bytes that it takes.
struct CodePoint {
  std::uint32_t value;
  std::size_t size;
};

CodePoint CodePointAt(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i]));
  };
  const std::uint32_t first = byte(0);
  const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (size == 1) return {first, 1};
  std::uint32_t value = first & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) value = (value << 6) | (byte(i) & 0x3F);
  return {value, size};
}

bool AllowedAt(std::uint32_t c, bool first, bool colons) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':') ||
         (!first && c >= '0' && c <= '9');
}

bool Legacy(std::string_view name, bool colons) noexcept {
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!AllowedAt(static_cast<unsigned char>(name[i]), i == 0, colons)) return false;
  }
  return !name.empty();
}

void AppendHex(std::string& out, std::uint32_t value) {
  char text[8];
  const auto end = std::to_chars(text, text + sizeof(text), value, 16).ptr;
  out.append(text, end);
}

std::string Escaped(std::string_view name, NameEscaping escaping, bool colons) {
  if (escaping == NameEscaping::kAllowUtf8 || Legacy(name, colons)) return std::string(name);
  std::string repaired;
  if (!IsUtf8(name)) {
    repaired = ToUtf8(name);
    name = repaired;
  }
  std::string out(escaping == NameEscaping::kValues ? "U__" : "");
  for (std::size_t at = 0; at < name.size();) {
    const CodePoint c = CodePointAt(name, at);
    const bool allowed = AllowedAt(c.value, at == 0, colons);
    if (escaping == NameEscaping::kUnderscores) {
      out += allowed ? name[at] : '_';
    } else if (c.value == '_') {
      out += "__";
    } else if (allowed) {
      out += name[at];
    } else if (escaping == NameEscaping::kDots) {
      out += c.value == '.' ? "_dot_" : "__";
    } else {
      out += '_';
      AppendHex(out, c.value);
      out += '_';
    }
    at += c.size;
  }
  return out;
}

}  // namespace

std::string_view ToString(NameEscaping escaping) noexcept {
  switch (escaping) {
    case NameEscaping::kUnderscores:
      return "underscores";
    case NameEscaping::kDots:
      return "dots";
    case NameEscaping::kValues:
      return "values";
    case NameEscaping::kAllowUtf8:
      break;
  }
  return "allow-utf-8";
}

std::string EscapedMetricName(std::string_view name, NameEscaping escaping) {
  return Escaped(name, escaping, /*colons=*/true);
}
std::string EscapedLabelName(std::string_view name, NameEscaping escaping) {
  std::string escaped = Escaped(name, escaping, /*colons=*/false);
  if (escaped != name) {
    while (escaped.compare(0, 2, "__") == 0) escaped.erase(0, 1);
  }
  return escaped;
}

bool IsPlainMetricName(std::string_view name) noexcept { return Legacy(name, /*colons=*/true); }

void AppendLabelName(encoding::TextBuffer& out, std::string_view name) {
  if (Legacy(name, /*colons=*/false)) {
    out.Append(name);
  } else {
    out.Append(QuotedName(name));
  }
}

std::string QuotedName(std::string_view name) {
  encoding::TextBuffer quoted("\"");
  encoding::AppendEscaped(quoted, name, encoding::Quotes::kEscaped);
  quoted.Append("\"");
  return std::string(quoted.text());
}

}  // namespace detail
POLYMETER_END_NAMESPACE
