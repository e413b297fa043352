#include "exporters/common/encoding/escape.h"

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

namespace {

// ASCII without anything that either place escapes: what nearly every text is.
bool IsPlain(std::string_view text) noexcept {
  for (const char c : text) {
    if (static_cast<signed char>(c) < 0 || c == '\\' || c == '"' || c == '\n') return false;
  }
  return true;
}

}  // namespace

void AppendEscaped(std::string& out, std::string_view text, Quotes quotes) {
  if (IsPlain(text)) {
    out.append(text);
    return;
  }
  std::string repaired;
  if (!detail::IsUtf8(text)) {
    repaired = detail::ToUtf8(text);
    text = repaired;
  }
  for (;;) {
    const std::size_t plain = text.find_first_of(quotes == Quotes::kEscaped ? "\\\n\"" : "\\\n");
    out.append(text.substr(0, plain));
    if (plain == std::string_view::npos) return;
    out += '\\';
    out += text[plain] == '\n' ? 'n' : text[plain];
    text.remove_prefix(plain + 1);
  }
}

}  // namespace encoding
POLYMETER_END_NAMESPACE
