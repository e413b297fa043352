// libFuzzer: a build.json, whole from the input or a right one with some bytes changed, and limits.
// What is read must come back from its own text, and can be printed, traced and compared.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "polymeter/build.h"

namespace {

polymeter::BuildSummary Example() {
  polymeter::BuildSummary build;
  build.tool = "ninja";
  build.command = {"ninja"};
  build.exit_code = 1;
  build.begin_unix_ms = 1'795'226'222'170;
  build.wall_seconds = 2.5;
  build.critical_path_seconds = 2;
  build.critical_path = {"a.o", "app"};
  build.phase_units = 1;
  build.cache = {{"ccache", "miss", "", 1}};
  build.input_errors = {{"ninja_log", 1}};
  for (const char* const name : {"a.o", "app"}) {
    polymeter::BuildStep& step = build.steps.emplace_back();
    step.name = name;
    step.begin_seconds = 0.5;
    step.seconds = 1;
  }
  return build;
}

void CheckReport(std::string_view json) {
  auto build = polymeter::ParseBuildReport(json);
  if (build.ok() != build.message().empty()) std::abort();
  if (!build.ok()) return;
  const std::string text = polymeter::FormatBuildReport(*build);
  auto again = polymeter::ParseBuildReport(text);
  if (!again.ok() || polymeter::FormatBuildReport(*again) != text) std::abort();
  if (polymeter::FormatBuildTable(*build).find('\x1b') != std::string::npos) std::abort();
  if (polymeter::FormatBuildTrace(*build).empty()) std::abort();
  auto comparison = polymeter::CompareBuilds(*build, *again, {"wall>0%", "step>0%", "work>0%"});
  if (!comparison.ok() || comparison->regressed() || !comparison->slower.empty()) std::abort();
  polymeter::FormatBuildComparison(*comparison);
}

void CheckLimit(const std::string& limit) {
  const polymeter::BuildSummary build = Example();
  auto comparison = polymeter::CompareBuilds(build, build, {limit});
  if (comparison.ok() != polymeter::CheckBuildLimit(limit).ok()) std::abort();
  if (comparison.ok()) polymeter::FormatBuildComparison(*comparison);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string right = polymeter::FormatBuildReport(Example());
  const std::string text(reinterpret_cast<const char*>(data), size);
  CheckReport(text);
  CheckLimit(text);
  CheckLimit("wall>" + text);
  std::string changed = right;
  for (std::size_t i = 0; i + 2 < size && i < 12; i += 3) {
    changed[(std::size_t{data[i]} << 8 | data[i + 1]) % changed.size()] =
        static_cast<char>(data[i + 2]);
  }
  CheckReport(changed);
  return 0;
}
