// What `polymeter step` tells `polymeter build`: a line for each step, in a file of the build.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/build.h"

namespace polymeter::cli {

// The variable that names the file.
inline constexpr const char* kStepsVariable = "POLYMETER_BUILD_STEPS";

struct StepRecord {
  std::int64_t begin_us = 0;  // Unix time
  std::int64_t end_us = 0;
  int code = 0;  // 128 + a signal
  std::uint64_t peak_rss_bytes = 0;
  std::string folder;  // where it ran
  std::string output;  // as the command names it; may be empty
  std::string source;  // of a compilation
  std::string kind;    // compile, link, archive, custom
  std::string language;
};

// Kind, language, source and output of a compiler's command.
StepRecord DescribeStep(const std::vector<std::string>& command);

// One line with its end, no longer than what one write(2) appends in one piece.
std::string FormatStep(const StepRecord& record);

struct StepLog {
  std::vector<StepRecord> steps;  // the first million
  std::uint64_t bad_lines = 0;
};
StepLog ParseSteps(std::string_view text);

// Their times since `begin_us`, their names from the build's folder (absolute; empty: not known).
std::vector<BuildStep> StepsOf(const StepLog& log, std::int64_t begin_us, std::string_view folder);

}  // namespace polymeter::cli
