#include "integrations/common/proc_text.h"

#include <algorithm>
#include <charconv>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

constexpr std::string_view kBlanks = " \t\r\n";

bool TakeNumber(std::string_view& rest, std::uint64_t& number) {
  const std::optional<std::uint64_t> parsed = ParseCount(NextWord(rest));
  if (parsed) number = *parsed;
  return parsed.has_value();
}

}  // namespace

std::optional<std::uint64_t> ParseCount(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::string_view NextWord(std::string_view& rest) {
  const std::size_t begin = rest.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    rest = {};
    return {};
  }
  rest.remove_prefix(begin);
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
  rest.remove_prefix(word.size());
  return word;
}

std::string_view NextLine(std::string_view& rest) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  return line;
}

std::string UnescapedField(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) &&
        IsOctal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::optional<std::string_view> ValueOfLine(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; (at = text.find(key, at)) != std::string_view::npos; ++at) {
    if (at != 0 && text[at - 1] != '\n') continue;
    std::string_view value = text.substr(at + key.size());
    value = value.substr(0, value.find('\n'));
    const std::size_t begin = value.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return std::string_view();
    return value.substr(begin, value.find_last_not_of(kBlanks) - begin + 1);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> NumberOfLine(std::string_view text, std::string_view key) {
  std::optional<std::string_view> value = ValueOfLine(text, key);
  if (!value) return std::nullopt;
  return ParseCount(NextWord(*value));
}

std::optional<ProcessStat> ParseProcessStat(std::string_view text) {
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(name_end + 1);
  ProcessStat stat;
  const std::string_view state = NextWord(rest);  // field 3
  if (state.size() != 1) return std::nullopt;
  stat.state = state[0];
  for (int field = 4; field <= 22; ++field) {
    // What is left out here may be negative (nice) or hold what no 64 bits do.
    std::uint64_t* const wanted = field == 10   ? &stat.minor_faults
                                  : field == 12 ? &stat.major_faults
                                  : field == 14 ? &stat.user_ticks
                                  : field == 15 ? &stat.system_ticks
                                  : field == 20 ? &stat.threads
                                  : field == 22 ? &stat.start_ticks
                                                : nullptr;
    if (wanted == nullptr) {
      if (NextWord(rest).empty()) return std::nullopt;
    } else if (!TakeNumber(rest, *wanted)) {
      return std::nullopt;
    }
  }
  return stat;
}

std::optional<ProcessMemory> ParseStatm(std::string_view text) {
  ProcessMemory memory;
  if (!TakeNumber(text, memory.virtual_pages) || !TakeNumber(text, memory.resident_pages)) {
    return std::nullopt;
  }
  return memory;
}

std::optional<ProcessIo> ParseProcessIo(std::string_view text) {
  const auto read = NumberOfLine(text, "read_bytes:");
  const auto written = NumberOfLine(text, "write_bytes:");
  if (!read || !written) return std::nullopt;
  return ProcessIo{*read, *written};
}

std::optional<std::uint64_t> ParseOpenFilesLimit(std::string_view text) {
  return NumberOfLine(text, "Max open files");
}

std::optional<ContextSwitches> ParseContextSwitches(std::string_view text) {
  const auto voluntary = NumberOfLine(text, "voluntary_ctxt_switches:");
  const auto involuntary = NumberOfLine(text, "nonvoluntary_ctxt_switches:");
  if (!voluntary || !involuntary) return std::nullopt;
  return ContextSwitches{*voluntary, *involuntary};
}

std::optional<ThreadSchedule> ParseSchedstat(std::string_view text) {
  ThreadSchedule schedule;
  if (!TakeNumber(text, schedule.run_nanos) || !TakeNumber(text, schedule.delay_nanos)) {
    return std::nullopt;
  }
  return schedule;
}

std::optional<std::uint64_t> ParseBootTime(std::string_view text) {
  return NumberOfLine(text, "btime");
}

}  // namespace detail
POLYMETER_END_NAMESPACE
