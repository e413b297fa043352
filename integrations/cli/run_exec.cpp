// polymeter exec
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>

#include "integrations/cli/commands.h"
#include "integrations/cli/exec_families.h"
#include "integrations/cli/printing.h"
#include "integrations/cli/tree_producer.h"
#include "integrations/cli/wrap.h"

namespace polymeter::cli {
namespace {

std::string_view ResultOf(const Outcome& outcome) {
  if (!outcome.started) return "not_started";
  if (outcome.signal() != 0) return "signal";
  return outcome.succeeded() ? "ok" : "failed";
}

void Record(const Metrics& metrics, const Outcome& outcome) {
  using namespace detail;
  const auto options = [](ExecFamily family) { return OptionsOf(kExecFamilies[family]); };
  const auto& rows = kExecFamilies;
  metrics.Counter(rows[kExecRuns].name, rows[kExecRuns].help, {"result"}, options(kExecRuns))
      .With(ResultOf(outcome))
      .Increment();
  metrics
      .Histogram(rows[kExecDuration].name, rows[kExecDuration].help,
                 options(kExecDuration)
                     .Buckets({std::begin(kExecDurationBounds), std::end(kExecDurationBounds)}))
      .Observe(outcome.duration());
  if (outcome.usage) {
    metrics.Gauge(rows[kExecPeakRss].name, rows[kExecPeakRss].help, options(kExecPeakRss))
        .Set(outcome.peak_rss_bytes());
  }
}

}  // namespace

int RunExec(const CommandLine& line) {
  Wrap wrap(line);
  ChildPlan plan;
  plan.command = line.program;
  wrap.Start(plan);
  const auto tree = std::make_shared<TreeProducer>(wrap.child().guard(), wrap.child().pid());
  Attachment attachment;
  if (wrap.started() && wrap.metrics().recording()) {
    Wrap::Guarded([&] { attachment = wrap.metrics().AddProducer(tree); });
  }
  wrap.Loop({});
  const Outcome& outcome = wrap.outcome();
  tree->Finish(outcome.usage);
  Wrap::Guarded([&] { Record(wrap.metrics(), outcome); });
  const bool summary = !wrap.metrics().recording() || line.Has("--summary");
  if (outcome.started && summary && !line.Has("--quiet")) {
    Say(EndInWords(outcome) + " after " + SecondsInWords(outcome.duration()) + ", CPU " +
        SecondsInWords(outcome.cpu_seconds()) + ", peak RSS " +
        BytesInWords(outcome.peak_rss_bytes()));
  }
  return wrap.End();
}

}  // namespace polymeter::cli
