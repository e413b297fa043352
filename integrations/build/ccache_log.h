// Reads ccache's statistics log (CCACHE_STATSLOG): for each call of the compiler a line "# source"
// and then one counter's name a line, in alphabetical order. Give each build a file of its own: the
// log says what happened to which unit, where ccache's own counters are those of everybody who
// shares the cache. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

struct CcacheCall {
  std::string source;  // as the compiler was given it; empty where ccache found none (linking)
  // direct_hit, preprocessed_hit, miss, uncacheable or error
  std::string_view result;
  // The counter that says why a call was uncacheable or an error: "unsupported_compiler_option"
  std::string_view reason;
};

struct CcacheLog {
  // In the order of the log: of the calls' ends. A source that two targets compile is there twice.
  std::vector<CcacheCall> calls;
  std::uint64_t undecided = 0;  // calls whose counters say nothing of the result
  std::uint64_t bad_lines = 0;  // before the first "# " or not a counter's name
  std::uint64_t dropped = 0;    // calls beyond a million
};

CcacheLog ReadCcacheLog(std::string_view text);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
