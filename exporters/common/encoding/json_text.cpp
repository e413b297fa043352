#include "exporters/common/encoding/json_text.h"

#include <chrono>
#include <cstring>
#include <string>

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {
namespace {

constexpr char kHex[] = "0123456789abcdef";

bool IsPlain(char c) noexcept {
  return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\';
}

void AppendEscapedByte(TextBuffer& out, char c) {
  const auto escape = [&out](char letter) {
    const char text[] = {'\\', letter};
    out.Append({text, 2});
  };
  switch (c) {
    case '"':
      return escape('"');
    case '\\':
      return escape('\\');
    case '\n':
      return escape('n');
    case '\r':
      return escape('r');
    case '\t':
      return escape('t');
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  const char text[] = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
  out.Append({text, 6});
}

// The escape of what some readers take for the end of a line, or nothing.
std::string_view LineEndAt(std::string_view text) noexcept {
  if (text.starts_with("\xC2\x85")) return "\\u0085";
  if (text.starts_with("\xE2\x80\xA8")) return "\\u2028";
  if (text.starts_with("\xE2\x80\xA9")) return "\\u2029";
  return {};
}

void AppendTwoDigits(char*& to, unsigned value) noexcept {
  *to++ = static_cast<char>('0' + value / 10);
  *to++ = static_cast<char>('0' + value % 10);
}

}  // namespace

void AppendJsonString(TextBuffer& out, std::string_view text) {
  std::string repaired;
  if (!detail::IsUtf8(text)) {
    repaired = detail::ToUtf8(text);
    text = repaired;
  }
  out.Append("\"");
  std::size_t plain = 0;  // bytes that wait to be copied
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    std::string_view line_end;
    if (!IsPlain(c) && static_cast<signed char>(c) < 0) line_end = LineEndAt(text.substr(i));
    if (IsPlain(c) || (static_cast<signed char>(c) < 0 && line_end.empty())) {
      ++i;
      continue;
    }
    out.Append(text.substr(plain, i - plain));
    if (line_end.empty()) {
      AppendEscapedByte(out, c);
      ++i;
    } else {
      out.Append(line_end);
      i += c == '\xC2' ? 2 : 3;
    }
    plain = i;
  }
  out.Append(text.substr(plain));
  out.Append("\"");
}

char* WriteRfc3339(char* to, std::int64_t unix_nanos) noexcept {
  using namespace std::chrono;
  constexpr std::int64_t kDay = 86'400'000'000'000;
  std::int64_t day = unix_nanos / kDay;
  std::int64_t rest = unix_nanos % kDay;  // not by floor<days>, which overflows in 1677
  if (rest < 0) {
    --day;
    rest += kDay;
  }
  const year_month_day date(sys_days(days(static_cast<int>(day))));
  const auto millis = static_cast<unsigned>(rest / 1'000'000 % 1000);
  const auto second = static_cast<unsigned>(rest / 1'000'000'000);
  // 64-bit nanoseconds reach from 1677 to 2262.
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  AppendTwoDigits(to, year / 100);
  AppendTwoDigits(to, year % 100);
  *to++ = '-';
  AppendTwoDigits(to, static_cast<unsigned>(date.month()));
  *to++ = '-';
  AppendTwoDigits(to, static_cast<unsigned>(date.day()));
  *to++ = 'T';
  AppendTwoDigits(to, second / 3600);
  *to++ = ':';
  AppendTwoDigits(to, second / 60 % 60);
  *to++ = ':';
  AppendTwoDigits(to, second % 60);
  *to++ = '.';
  *to++ = static_cast<char>('0' + millis / 100);
  AppendTwoDigits(to, millis % 100);
  *to++ = 'Z';
  return to;
}

}  // namespace encoding
POLYMETER_END_NAMESPACE
