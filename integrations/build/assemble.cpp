#include "integrations/build/assemble.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "integrations/build/step_kind.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

bool Known(const StepNames& names, std::string_view output) {
  return (names.graph != nullptr && names.graph->EdgeOf(output)) ||
         (names.commands != nullptr && names.commands->Find(output) != nullptr);
}

// Kind, language and source, from the first output that is known.
void Name(Step& step, const StepNames& names) {
  std::string_view rule;
  std::string_view source;
  std::optional<StepKind> command;
  for (const std::string& output : step.outputs) {
    const auto edge = names.graph != nullptr ? names.graph->EdgeOf(output) : std::nullopt;
    if (!edge) continue;
    rule = names.graph->edges()[*edge].rule;
    source = names.graph->SourceOf(*edge);
    break;
  }
  for (const std::string& output : step.outputs) {
    const CompileCommand* const entry =
        names.commands != nullptr ? names.commands->Find(output) : nullptr;
    if (entry == nullptr) continue;
    command = entry->kind;
    if (source.empty()) source = entry->source;
    break;
  }
  const StepType type = TypeOfStep(rule, command, source, step.name());
  step.kind = type.kind;
  step.language = type.language;
  if (step.kind == StepKind::kCompile) step.source = source;
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

// Nothing for a line of blanks.
std::optional<Step> FailedStep(const FailedEdge& failed, const StepNames& names) {
  Step step;
  step.result = StepResult::kFailed;
  if (Known(names, failed.outputs)) {  // one name, perhaps with blanks
    step.outputs.push_back(failed.outputs);
  } else {
    step.outputs = Words(failed.outputs);
  }
  if (step.outputs.empty()) return std::nullopt;
  Name(step, names);
  return step;
}

}  // namespace

Build BuildOf(const NinjaLog& log, const std::vector<LoggedBuild>& runs, const StepNames& names) {
  Build build;
  build.tool = Tool::kNinja;
  bool first = true;
  for (const LoggedBuild& run : runs) {
    std::int64_t offset = build.wall_ms;  // a run begins when the one before is over
    if (first) {
      build.begin_ms = run.begin_ms;
    } else if (run.begin_ms && build.begin_ms) {
      offset = std::max(offset, *run.begin_ms - *build.begin_ms);
    }
    first = false;
    for (const std::size_t index : run.edges) {
      const LoggedEdge& edge = log.edges[index];
      Step step;
      step.outputs = edge.outputs;
      step.start_ms = offset + edge.start_ms;
      step.end_ms = offset + edge.end_ms;
      step.command_hash = edge.command_hash;
      Name(step, names);
      build.steps.push_back(std::move(step));
    }
    build.wall_ms = offset + run.wall_ms;
  }
  return build;
}

void AddOutput(Build& build, const BuildOutput& output, const StepNames& names) {
  if (build.tool == Tool::kOther) build.tool = output.tool;
  build.planned = output.planned;
  build.ran = output.ran;

  std::set<std::string> seen;  // make tells one failure at each of its levels
  const auto add = [&](const FailedEdge& failed) {
    std::optional<Step> step = FailedStep(failed, names);
    if (step && seen.insert(step->name()).second) build.steps.push_back(std::move(*step));
  };
  for (const FailedEdge& failed : output.failed) {
    const std::vector<std::string> words = Words(failed.outputs);
    if (failed.sure || Known(names, failed.outputs) ||
        std::any_of(words.begin(), words.end(),
                    [&](const std::string& word) { return Known(names, word); })) {
      add(failed);
    }
  }
  if (output.stopped && seen.empty() && !output.failed.empty()) add(output.failed.back());

  if (output.interrupted) {
    build.result = BuildResult::kInterrupted;
  } else if (output.stopped || output.error || !seen.empty()) {
    build.result = BuildResult::kFailed;
  }
}

double Parallelism(const Build& build) {
  if (build.wall_ms <= 0) return 0;
  double sum = 0;
  for (const Step& step : build.steps) sum += static_cast<double>(step.duration_ms());
  return sum / static_cast<double>(build.wall_ms);
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
