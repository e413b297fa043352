#include "exporters/common/encoding/escape.h"

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

void AppendEscaped(std::string& out, std::string_view text, Quotes quotes) {
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
