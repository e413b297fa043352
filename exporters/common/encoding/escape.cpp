#include "exporters/common/encoding/escape.h"

#include <cstdint>
#include <cstring>
#include <string>

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101u;
constexpr std::uint64_t kHighs = 0x8080808080808080u;

// Whether a byte of `word` is zero (exact as long as no byte is above 0x7F).
constexpr std::uint64_t HasZero(std::uint64_t word) { return (word - kOnes) & ~word & kHighs; }
constexpr std::uint64_t Has(std::uint64_t word, char c) {
  return HasZero(word ^ (kOnes * static_cast<unsigned char>(c)));
}
// Whether one of the eight bytes is not ASCII or is escaped in either place.
constexpr bool IsSpecial(std::uint64_t word) {
  return ((word & kHighs) | Has(word, '\\') | Has(word, '"') | Has(word, '\n')) != 0;
}

// Copies `text` unless a byte of it is special, which few are.
bool CopyPlain(char* to, std::string_view text) noexcept {
  const char* from = text.data();
  std::size_t left = text.size();
  for (; left >= 8; left -= 8, from += 8, to += 8) {
    std::uint64_t word;
    std::memcpy(&word, from, 8);
    if (IsSpecial(word)) return false;
    std::memcpy(to, &word, 8);
  }
  for (; left != 0; --left, ++from, ++to) {
    const char c = *from;
    if (static_cast<signed char>(c) < 0 || c == '\\' || c == '"' || c == '\n') return false;
    *to = c;
  }
  return true;
}

}  // namespace

void AppendEscaped(TextBuffer& out, std::string_view text, Quotes quotes) {
  char* const to = out.Room(text.size());
  if (CopyPlain(to, text)) {
    out.Advance(to + text.size());
    return;
  }
  std::string repaired;
  if (!detail::IsUtf8(text)) {
    repaired = detail::ToUtf8(text);
    text = repaired;
  }
  for (;;) {
    const std::size_t plain = text.find_first_of(quotes == Quotes::kEscaped ? "\\\n\"" : "\\\n");
    out.Append(text.substr(0, plain));
    if (plain == std::string_view::npos) return;
    const char escape[] = {'\\', text[plain] == '\n' ? 'n' : text[plain]};
    out.Append({escape, 2});
    text.remove_prefix(plain + 1);
  }
}

}  // namespace encoding
POLYMETER_END_NAMESPACE
