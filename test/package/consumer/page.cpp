// A user of the installed package: records a little and prints one Prometheus page.
#include <polymeter/polymeter.h>

#include <cstdio>
#include <string>

namespace {

class StringSink : public polymeter::ScrapeSink {
 public:
  void Begin(std::string_view, std::string_view) override {}
  bool Write(std::string_view bytes) override {
    text.append(bytes.data(), bytes.size());
    return true;
  }
  std::string text;
};

}  // namespace

int main() {
  const polymeter::Metrics metrics =
      polymeter::Build(polymeter::Options().Service("consumer").Consumer());
  const auto jobs = metrics.Counter("jobs_total", "Jobs done.", {"model"});
  jobs.With("small").Increment();
  jobs.With("small").Increment(2);
  metrics.Gauge("queue_depth", "Jobs waiting.").Set(4.5);
  const auto latency = metrics.Histogram("latency_seconds", "Time of a job.",
                                         polymeter::FamilyOptions().Buckets({0.1, 1}));
  latency.Observe(0.5);

  StringSink sink;
  const polymeter::Status status = polymeter::Scrape(metrics, {}, sink);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 1;
  }
  std::fputs(sink.text.c_str(), stdout);
  return 0;
}
