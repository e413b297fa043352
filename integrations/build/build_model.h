// What a build was: the values that the readers of this folder make, and that its report, its
// comparison and its metrics are made from. Plain data; no I/O, no clock.
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

enum class Tool { kNinja, kMake, kCmake, kOther };
enum class StepKind { kCompile, kLink, kArchive, kCustom };
enum class StepResult { kOk, kFailed, kCached };
enum class BuildResult { kOk, kFailed, kInterrupted };
enum class Language {
  kC,
  kCxx,
  kObjC,
  kObjCxx,
  kCuda,
  kHip,
  kFortran,
  kAssembly,
  kRust,
  kSwift,
  kGo,
  kOther,
};

// Values of labels.
constexpr std::string_view LabelValue(Tool tool) {
  constexpr std::string_view kNames[] = {"ninja", "make", "cmake", "other"};
  return kNames[static_cast<std::size_t>(tool)];
}
constexpr std::string_view LabelValue(StepKind kind) {
  constexpr std::string_view kNames[] = {"compile", "link", "archive", "custom"};
  return kNames[static_cast<std::size_t>(kind)];
}
constexpr std::string_view LabelValue(StepResult result) {
  constexpr std::string_view kNames[] = {"ok", "failed", "cached"};
  return kNames[static_cast<std::size_t>(result)];
}
constexpr std::string_view LabelValue(BuildResult result) {
  constexpr std::string_view kNames[] = {"ok", "failed", "interrupted"};
  return kNames[static_cast<std::size_t>(result)];
}
constexpr std::string_view LabelValue(Language language) {
  constexpr std::string_view kNames[] = {"c",       "cxx",      "objc", "objcxx", "cuda", "hip",
                                         "fortran", "assembly", "rust", "swift",  "go",   "other"};
  return kNames[static_cast<std::size_t>(language)];
}

// One command of a build: an edge of ninja's graph.
struct Step {
  // As the tool writes them; the first names the step. Never empty.
  std::vector<std::string> outputs;
  // Milliseconds since the build's begin; nothing for a step that only its failure is known of
  // (ninja logs no failed edge). `end_ms` is set when `start_ms` is, and is not below it.
  std::optional<std::int64_t> start_ms;
  std::optional<std::int64_t> end_ms;
  std::uint64_t command_hash = 0;  // the tool's; 0: unknown
  StepKind kind = StepKind::kCustom;
  Language language = Language::kOther;
  StepResult result = StepResult::kOk;
  std::string source;                           // empty: unknown, or none
  std::optional<std::uint64_t> peak_rss_bytes;  // of the command's largest process

  const std::string& name() const { return outputs.front(); }
  std::int64_t duration_ms() const { return start_ms && end_ms ? *end_ms - *start_ms : 0; }
};

// One run of a build tool.
struct Build {
  Tool tool = Tool::kOther;
  BuildResult result = BuildResult::kOk;
  // The tool's; as a shell shows it, 128 + signal, when nothing better is known.
  std::optional<int> exit_code;
  std::optional<int> signal;             // that ended the tool
  std::optional<std::int64_t> begin_ms;  // Unix time
  std::int64_t wall_ms = 0;
  // Steps that the tool meant to run at first, and those that it says it ran; restat makes the
  // second smaller. Nothing when it printed no progress.
  std::optional<std::uint64_t> planned;
  std::optional<std::uint64_t> ran;
  // In the order of their ends, those without times last. Failed ones are among them.
  std::vector<Step> steps;
};

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
