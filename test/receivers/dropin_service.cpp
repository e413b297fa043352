// A service written for prometheus-cpp and not changed: nothing of polymeter is named here. It
// records, says where its page is, waits for a line, records more, and says what its own objects
// hold.
//
//   dropin_service return    the Exposer ends with main, after the Registry
//   dropin_service exit      both are static, and std::exit ends them
#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace {

// A Collectable of its own, beside the Registry.
class Queue : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily family;
    family.name = "queue_length";
    family.help = "Q.";
    family.type = prometheus::MetricType::Gauge;
    family.metric.emplace_back();
    family.metric.back().label.push_back({"queue", "in"});
    family.metric.back().gauge.value = 12;
    return {family};
  }
};

struct Service {
  explicit Service(prometheus::Registry& registry)
      : files(prometheus::BuildCounter().Name("files_total").Help("F.").Register(registry)),
        good(files.Add({{"result", "good"}})),
        bad(files.Add({{"result", "bad"}, {"why", "too long"}})),
        level(prometheus::BuildGauge()
                  .Name("level")
                  .Help("L.")
                  .Labels({{"tank", "1"}})
                  .Register(registry)
                  .Add({})),
        duration(prometheus::BuildHistogram()
                     .Name("duration_seconds")
                     .Help("D.")
                     .Register(registry)
                     .Add({{"kind", "x"}}, prometheus::Histogram::BucketBoundaries{0.5, 1, 2.5})),
        size(prometheus::BuildSummary()
                 .Name("size_bytes")
                 .Help("S.")
                 .Register(registry)
                 .Add({}, prometheus::Summary::Quantiles{{0.5, 0.01}, {0.9, 0.01}})) {}

  void First() {
    good.Increment(5);
    bad.Increment(2.5);
    level.Set(-7.5);
    for (const double value : {0.25, 0.75, 2.0, 4.0}) duration.Observe(value);
    for (int i = 1; i <= 9; ++i) size.Observe(i);
  }
  void Second() {
    good.Increment(3);
    bad.Increment(4);
    level.Increment(6.5);
    duration.Observe(0.25);
    size.Observe(10);
  }
  void Print() const {
    const auto summary = size.Collect().summary;
    std::printf(
        "{\"good\": %g, \"bad\": %g, \"level\": %g, \"duration_sum\": %g, \"size_count\": %lu, "
        "\"size_sum\": %g, \"quantiles\": [%g, %g]}\n",
        good.Value(), bad.Value(), level.Value(), duration.Collect().histogram.sample_sum,
        static_cast<unsigned long>(summary.sample_count), summary.sample_sum,
        summary.quantile[0].value, summary.quantile[1].value);
    std::fflush(stdout);
  }

  prometheus::Family<prometheus::Counter>& files;
  prometheus::Counter& good;
  prometheus::Counter& bad;
  prometheus::Gauge& level;
  prometheus::Histogram& duration;
  prometheus::Summary& size;
};

void WaitForALine() {
  int c = 0;
  while ((c = std::getchar()) != '\n' && c != EOF) {
  }
}

void Run(prometheus::Exposer& exposer, const std::shared_ptr<prometheus::Registry>& registry,
         const std::shared_ptr<Queue>& queue) {
  exposer.RegisterCollectable(registry);
  exposer.RegisterCollectable(queue);
  Service service(*registry);
  service.First();
  std::printf("ready %d\n", exposer.GetListeningPorts().at(0));
  service.Print();
  WaitForALine();
  service.Second();
  service.Print();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "exit") == 0) {
    static prometheus::Exposer exposer("127.0.0.1:0");
    static const auto registry = std::make_shared<prometheus::Registry>();
    static const auto queue = std::make_shared<Queue>();
    Run(exposer, registry, queue);
    std::exit(0);
  }
  prometheus::Exposer exposer("127.0.0.1:0");
  const auto registry = std::make_shared<prometheus::Registry>();
  const auto queue = std::make_shared<Queue>();
  Run(exposer, registry, queue);
  return 0;
}
