#include "integrations/build/proc_stat_report.h"

#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include "integrations/build/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

constexpr std::size_t kMostLines = 1'000'000;
constexpr std::uint64_t kMostKib = std::uint64_t{1} << 50;

// Takes `"text"` and the comma behind it off the front of `line`; a backslash keeps the character
// after it.
std::optional<std::string> TakeText(std::string_view& line) {
  if (line.empty() || line.front() != '"') return std::nullopt;
  std::string text;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '\\') {
      if (++i == line.size()) return std::nullopt;
    } else if (line[i] == '"') {
      if (i + 1 >= line.size() || line[i + 1] != ',') return std::nullopt;
      line.remove_prefix(i + 2);
      return text;
    }
    text += line[i];
  }
  return std::nullopt;
}

// Takes a number and the comma behind it, or the end of the line.
std::optional<std::uint64_t> TakeNumber(std::string_view& line, bool last) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  if (error != std::errc()) return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  if (last) return line.empty() ? std::optional(number) : std::nullopt;
  if (line.empty() || line.front() != ',') return std::nullopt;
  line.remove_prefix(1);
  return number;
}

std::optional<ProcStat> ReadLine(std::string_view line) {
  auto program = TakeText(line);
  if (!program) return std::nullopt;
  auto output = TakeText(line);
  if (!output) return std::nullopt;
  const auto total = TakeNumber(line, false);
  if (!total) return std::nullopt;
  const auto user = TakeNumber(line, false);
  if (!user) return std::nullopt;
  const auto kib = TakeNumber(line, true);
  if (!kib || *kib > kMostKib) return std::nullopt;
  return ProcStat{std::move(*program), std::move(*output), static_cast<double>(*total) / 1e6,
                  static_cast<double>(*user) / 1e6, *kib * 1024};
}

}  // namespace

ProcStatReport ReadProcStatReport(std::string_view text) {
  ProcStatReport report;
  while (!text.empty()) {
    std::optional<ProcStat> one = ReadLine(TakeLine(text));
    if (!one) {
      ++report.bad_lines;
    } else if (report.lines.size() >= kMostLines) {
      ++report.dropped;
    } else {
      report.lines.push_back(std::move(*one));
    }
  }
  return report;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
