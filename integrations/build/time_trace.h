// Reads what clang's -ftime-trace writes for each unit, beside its object file. Pure; no input
// makes it throw or takes more memory than a few times its own size.
//
// The file is in Chrome's trace format, in microseconds since the compiler began. Three things in
// it count twice for a reader that adds up durations:
// - events nest: a `Source` lies inside the one that includes it, so that the captured file's 63 of
//   them add up to 1.85 s in a compilation of 0.6 s. Only the time that is covered counts here.
// - events named "Total ..." repeat the others.
// - the phases themselves nest: source and templates are parts of the frontend.
// Events below the granularity (500 us) are missing, but the totals contain them.
// Since LLVM 19 `Source` is a pair of asynchronous events instead of one with a duration.
#pragma once

#include <cstdint>
#include <string_view>

#include "polymeter/build.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

struct TimeTrace {
  // The whole text was read and looked like a time trace. False for a file that a killed compiler
  // left half written (the phases then hold what was read) and for anything else.
  bool complete = false;
  // When the compiler began, microseconds since 1970; 0 where it is not said. A file that is older
  // than the build belongs to an earlier one.
  std::int64_t begin_unix_us = 0;
  BuildPhases phases;
  std::uint64_t events = 0;      // seen, of all names
  std::uint64_t bad_events = 0;  // without a usable time or duration
};

// A unit that failed has a trace as well, without a backend.
TimeTrace ReadTimeTrace(std::string_view json);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
