// Parsers of the files that /proc shows of a process and its threads: pure functions over text.
// Nothing where a file is cut short, empty or of another shape. See proc(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// A decimal number and nothing else.
std::optional<std::uint64_t> ParseCount(std::string_view text);
// Takes the next word off the front; words are separated by blanks, tabs and line ends. Empty at
// the end.
std::string_view NextWord(std::string_view& rest);
// Takes the next line off the front, without its end.
std::string_view NextLine(std::string_view& rest);
// A field of mountinfo: the kernel writes blanks, line ends, backslashes and '#' as \ooo.
std::string UnescapedField(std::string_view text);
// What follows `key` where a line begins with it, up to the line's end, without blanks around it;
// nothing when no line does. With "voluntary:" the line "nonvoluntary: 1" is not meant.
std::optional<std::string_view> ValueOfLine(std::string_view text, std::string_view key);
// The first word of that value as a number.
std::optional<std::uint64_t> NumberOfLine(std::string_view text, std::string_view key);

// /proc/PID/stat: sums over all threads, those that ended included.
struct ProcessStat {
  char state = '?';
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t user_ticks = 0;  // of sysconf(_SC_CLK_TCK)
  std::uint64_t system_ticks = 0;
  std::uint64_t threads = 0;
  std::uint64_t start_ticks = 0;  // since boot
};
// The name in the second field may hold anything, ") R x" too.
std::optional<ProcessStat> ParseProcessStat(std::string_view text);

// /proc/PID/statm, in pages.
struct ProcessMemory {
  std::uint64_t virtual_pages = 0;
  std::uint64_t resident_pages = 0;
};
std::optional<ProcessMemory> ParseStatm(std::string_view text);

// /proc/PID/io: what reached the storage layer.
struct ProcessIo {
  std::uint64_t read_bytes = 0;
  std::uint64_t write_bytes = 0;
};
std::optional<ProcessIo> ParseProcessIo(std::string_view text);

// The soft limit of open files in /proc/PID/limits; nothing when it is "unlimited".
std::optional<std::uint64_t> ParseOpenFilesLimit(std::string_view text);

// /proc/PID/task/TID/status (/proc/PID/status is that of the first thread alone).
struct ContextSwitches {
  std::uint64_t voluntary = 0;
  std::uint64_t involuntary = 0;
};
std::optional<ContextSwitches> ParseContextSwitches(std::string_view text);

// /proc/PID/task/TID/schedstat (/proc/PID/schedstat is that of the first thread alone).
struct ThreadSchedule {
  std::uint64_t run_nanos = 0;
  std::uint64_t delay_nanos = 0;  // ready to run, but waiting for a CPU
};
std::optional<ThreadSchedule> ParseSchedstat(std::string_view text);

// `btime` of /proc/stat: Unix seconds.
std::optional<std::uint64_t> ParseBootTime(std::string_view text);

}  // namespace detail
POLYMETER_END_NAMESPACE
