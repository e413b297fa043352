// .ninja_log, which ninja appends a line to for each output of each command that succeeded.
// Versions 5 (to ninja 1.11), 6 (1.12) and 7 (from 1.13) have the same lines: start, end, mtime,
// output, hash; they differ in what mtime is (see builds.h) and in how the hash is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

// A command that ran. Its lines, one an output, have the same times, mtime and hash.
struct LoggedEdge {
  std::int64_t start_ms = 0;  // since the start of the ninja that ran it
  std::int64_t end_ms = 0;    // not below start_ms
  std::int64_t mtime_ns = 0;  // Unix time, 0 where an output does not exist; never negative
  std::uint64_t command_hash = 0;
  std::vector<std::string> outputs;  // in the file's order; one can be there twice under two paths
};

struct NinjaLog {
  int version = 0;                // 0: the text has no head
  std::vector<LoggedEdge> edges;  // in the order of their first lines
  std::size_t lines = 0;          // but for the head, comments and empty ones
  std::size_t bad_lines = 0;      // of those, left out: torn, or no entry
};

// Reads a log, or, where `version` is given, a part of one that has no head. A version that is not
// known (below 5) has no edges, and all its lines are bad; one above 7 is read like 7. A line has
// five fields, or six (a sixth is proposed, its meaning is not used); one with any other number of
// fields, with a number that is none or too large, or that ends before it starts is bad: the last
// line of a ninja that was killed is cut off, and the next ninja appends its first entry to it. So
// a last line without its end of line is bad too, as it is for ninja.
NinjaLog ParseNinjaLog(std::string_view text, std::optional<int> version = std::nullopt);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
