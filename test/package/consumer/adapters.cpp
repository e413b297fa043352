// A user of every adapter that needs nothing else: one of each, and a page that shows all of them.
#include <polymeter/client.h>
#include <polymeter/host.h>
#include <polymeter/http.h>
#include <polymeter/job_queue.h>
#include <polymeter/polymeter.h>
#include <polymeter/runtime.h>
#include <polymeter/tracing.h>

#include <cstdio>
#include <string>

int main() {
  const polymeter::Metrics metrics =
      polymeter::Build(polymeter::Options().Service("adapters").Consumer());
  const polymeter::RuntimeMetrics runtime(metrics);
  const polymeter::HostMetrics host(metrics);
  polymeter::JobQueueMetrics queue(metrics, polymeter::JobQueueOptions::Whisper());
  polymeter::HttpServerMetrics http(metrics);
  polymeter::ClientMetrics redis(metrics, polymeter::ClientOptions().System("redis"));

  polymeter::Job job = queue.Submit("base", "en");
  job.Start();
  job.Complete();
  http.Begin("GET", "").Route("/jobs/{id}").Status(200);
  redis.Begin("GET").Ok();

  int shown = 0;
  const polymeter::Snapshot snapshot = metrics.TakeSnapshot();
  for (const char* wanted :
       {"process_cpu_seconds_total", "node_load1", "whisper_jobs_completed_total",
        "http_requests_total", "db_client_operation_duration_seconds"}) {
    bool found = false;
    for (const polymeter::FamilyView& family : snapshot.families()) {
      found = found || family.name == wanted;
    }
    if (!found) std::printf("no %s\n", wanted);
    shown += found ? 1 : 0;
  }
  std::printf("%d families\n", shown);
  return shown == 5 ? 0 : 1;
}
