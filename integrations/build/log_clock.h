// What an entry of a .ninja_log says of the wall clock.
#pragma once

#include <cstdint>
#include <optional>

#include "integrations/build/ninja_log.h"
#include "integrations/build/text.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

// File systems take their times from a clock that ticks each 4 to 10 ms, and the log has whole
// milliseconds.
constexpr std::int64_t kClockTolerance = 50;
// Before version 1.9 ninja wrote seconds here, or 0.
constexpr std::int64_t kLeastMtime = 1'000'000'000'000'000;
constexpr std::int64_t kNanosInMs = 1'000'000;

// Unix milliseconds.
struct Epoch {
  std::int64_t earliest = 0;
  std::int64_t latest = 0;
};

// What mtime is near: the command's end up to version 5, its start from then on. (Read in ninja's
// history for version 6, seen for the others.)
inline bool MtimeIsOfEnd(const NinjaLog& log) { return log.version == 5; }

// An instant while the command ran (see builds.h); nothing where there is none.
inline std::optional<std::int64_t> InstantOf(const LoggedEdge& edge) {
  if (edge.mtime_ns < kLeastMtime) return std::nullopt;
  return edge.mtime_ns / kNanosInMs;
}

// Whose mtime is not its own: cmake makes ninja set it anew (-t restat) when it has written the
// file.
inline bool IsBuildFile(const LoggedEdge& edge) {
  return EndsWith(edge.outputs.front(), "build.ninja");
}

// Between which times the ninja started that ran the command.
inline std::optional<Epoch> EpochOf(const LoggedEdge& edge) {
  const std::optional<std::int64_t> instant = InstantOf(edge);
  if (!instant) return std::nullopt;
  return Epoch{*instant - edge.end_ms, *instant - edge.start_ms};
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
