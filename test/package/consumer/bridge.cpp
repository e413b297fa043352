// A user of the bridge: a prometheus-cpp registry leaves through polymeter's page.
#include <polymeter/polymeter.h>
#include <polymeter/prometheus.h>

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <cstdio>
#include <memory>
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
  const auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter()
      .Name("old_total")
      .Help("Old.")
      .Register(*registry)
      .Add({})
      .Increment(7);
  const polymeter::Metrics metrics =
      polymeter::Build(polymeter::Options().Service("bridge").Consumer());
  const auto attachment = polymeter::Attach(metrics, registry);
  StringSink sink;
  if (!polymeter::Scrape(metrics, {}, sink).ok()) return 1;
  std::fputs(sink.text.c_str(), stdout);
  return polymeter::Collectable(metrics) == nullptr;
}
