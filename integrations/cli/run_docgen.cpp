// polymeter docgen
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string>

#include "integrations/cli/commands.h"
#include "integrations/cli/docgen_place.h"
#include "integrations/cli/printing.h"
#include "integrations/cli/wrap.h"
#include "integrations/common/file_reader.h"
#include "polymeter/docgen.h"
#include "sdk/src/env.h"

namespace polymeter::cli {
namespace {

constexpr int kTooManyWarnings = 4;
constexpr std::string_view kSphinx = "sphinx";
constexpr std::size_t kMaxLog = std::size_t{256} << 20;

std::string Summary(const DocgenRun& run, const Outcome& outcome) {
  std::string text =
      run.tool + " " + EndInWords(outcome) + " after " + SecondsInWords(outcome.duration());
  if (run.tool == kSphinx) return text;  // its warnings are not understood
  text += ": " + std::to_string(run.unique_warnings()) + " different warnings";
  std::string kinds;
  for (std::size_t i = 0; i < kDocgenWarningKinds; ++i) {
    if (run.warnings[i] == 0) continue;
    kinds += (kinds.empty() ? " (" : ", ") + std::to_string(run.warnings[i]) + " " +
             std::string(LabelValue(static_cast<DocgenWarning>(i)));
  }
  text += kinds.empty() ? "" : kinds + ")";
  for (std::size_t i = 0; i < kDocgenFormats; ++i) {
    if (!run.pages[i]) continue;
    text += ", " + std::to_string(*run.pages[i]) + " " +
            std::string(LabelValue(static_cast<DocgenFormat>(i))) + " pages";
  }
  if (run.documented_ratio) {
    char percent[16];
    std::snprintf(percent, sizeof(percent), ", %.1f", *run.documented_ratio * 100);
    text += std::string(percent) + " % documented";
  }
  return text;
}

std::string CurrentFolder() {
  char path[4096];
  return getcwd(path, sizeof(path)) == nullptr ? std::string(".") : std::string(path);
}

DoxygenFiles FilesOf(const CommandLine& line, std::chrono::system_clock::time_point since) {
  DoxygenFiles files;
  files.folder = CurrentFolder();
  files.doxyfile = line.Value("--doxyfile").value_or(DoxyfileOf(line.program));
  files.since = since;
  files.variable = [](std::string_view name) -> std::optional<std::string> {
    static const detail::Environment environment = detail::Environment::OfProcess();
    const auto value = environment.Get(name);
    if (!value) return std::nullopt;
    return std::string(*value);
  };
  return files;
}

}  // namespace

int RunDocgen(const CommandLine& line) {
  std::uint64_t most_warnings = UINT64_MAX;
  if (const auto text = line.Value("--max-warnings")) {
    const auto [end, error] =
        std::from_chars(text->data(), text->data() + text->size(), most_warnings);
    if (error != std::errc() || end != text->data() + text->size()) {
      Say("--max-warnings needs a number");
      return kUsageError;
    }
    if (DocgenToolOf(line.program) == kSphinx) {
      Say("--max-warnings needs doxygen, whose warnings it knows");
      return kUsageError;
    }
  }
  Wrap wrap(line);
  const auto since = std::chrono::system_clock::now();
  ChildPlan plan;
  plan.command = line.program;
  Tee tee(plan);
  wrap.Start(plan);
  DoxygenReader reader;
  tee.Start({[&](std::string_view bytes, TimePoint) { reader.Feed(DoxygenStream::kOutput, bytes); },
             {},
             {}},
            {[&](std::string_view bytes, TimePoint) { reader.Feed(DoxygenStream::kErrors, bytes); },
             {},
             {}});
  LoopPlan loop;
  loop.from_child = tee.pumps();
  if (tee.terminal()) loop.resized = [&tee] { tee.Resize(); };
  wrap.Loop(loop);

  int result = 0;
  Wrap::Guarded([&] {
    const Outcome& outcome = wrap.outcome();
    if (!outcome.started) return;
    const DoxygenFiles files = FilesOf(line, since);
    std::string log;
    if (const std::string path = DoxygenLogFile(files);
        !path.empty() && detail::ReadFile(path, log, kMaxLog)) {
      reader.Feed(DoxygenStream::kLog, log);
    }
    DocgenRun run = reader.Finish();
    run.tool = DocgenToolOf(line.program);
    run.succeeded = outcome.succeeded();
    run.duration = outcome.duration();
    ReadDoxygenOutputs(files, run);
    DocgenMetrics(wrap.metrics()).Record(run);
    if (!line.Has("--quiet")) Say(Summary(run, outcome));
    if (run.unique_warnings() > most_warnings) result = kTooManyWarnings;
  });
  return wrap.End(result);
}

}  // namespace polymeter::cli
