// Reads the file of clang's -fproc-stat-report=FILE, to which each call of the driver appends one
// line for each program that it ran: "program","output",total us,user us,peak KiB. Both times are
// processor time (total = user and system), not the clock's. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

struct ProcStat {
  std::string program;  // without its folder
  std::string output;   // empty where the program has none
  double cpu_seconds = 0;
  double user_seconds = 0;
  std::uint64_t peak_rss_bytes = 0;
};

struct ProcStatReport {
  std::vector<ProcStat> lines;
  std::uint64_t bad_lines = 0;
  std::uint64_t dropped = 0;  // lines beyond a million
};

ProcStatReport ReadProcStatReport(std::string_view text);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
