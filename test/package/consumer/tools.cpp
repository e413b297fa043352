// A user of the adapters that tools embed: one of each, and a page that shows all of them.
#include <polymeter/build.h>
#include <polymeter/docgen.h>
#include <polymeter/lsp.h>
#include <polymeter/polymeter.h>

#include <cstdio>

int main() {
  const polymeter::Metrics metrics =
      polymeter::Build(polymeter::Options().Service("tools").Consumer());
  polymeter::BuildMetrics builds(metrics);
  polymeter::BuildSummary build;
  build.tool = "ninja";
  builds.Observe(build);
  polymeter::LspServerMetrics lsp(metrics, polymeter::LspOptions().Server("mine"));
  lsp.OnNotification("textDocument/didSave");
  polymeter::DocgenRun run;
  run.succeeded = true;
  polymeter::DocgenMetrics(metrics).Record(run);

  int shown = 0;
  const polymeter::Snapshot snapshot = metrics.TakeSnapshot();
  for (const char* wanted : {"build_runs_total", "lsp_notifications_total", "docgen_runs_total"}) {
    bool found = false;
    for (const polymeter::FamilyView& family : snapshot.families()) {
      found = found || family.name == wanted;
    }
    if (!found) std::printf("no %s\n", wanted);
    shown += found ? 1 : 0;
  }
  std::printf("%d families\n", shown);
  return shown == 3 ? 0 : 1;
}
