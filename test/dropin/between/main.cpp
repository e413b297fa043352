// The program on one side of the shared library. What both sides counted is on one page.
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/family.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "test/dropin/between/between.h"
#include "test/dropin/surface/http.h"

namespace {

std::string Page(int port) {
  return surface::Samples(surface::Request(port, "GET", "/metrics").body);
}

bool Has(const std::string& page, const std::string& series, double value) {
  char text[32];
  std::snprintf(text, sizeof(text), " %g\n", value);
  return page.find(series + text) != std::string::npos;
}

// Both sides at the same series. What a Reset leaves differs (1.0.1 has none), so it is compared
// with what Value() says.
void Share(const std::shared_ptr<prometheus::Registry>& registry, int port) {
  auto& family = prometheus::BuildCounter().Name("shared_total").Register(*registry);
  prometheus::Counter& counter = family.Add({{"a", "b"}});
  auto& histograms = prometheus::BuildHistogram().Name("shared_seconds").Register(*registry);
  prometheus::Histogram& histogram =
      histograms.Add({}, prometheus::Histogram::BucketBoundaries{1, 2});
  std::printf("same counter: %d\n", &counter == &between::Add(*registry, "b"));
  std::printf("same histogram: %d\n", &histogram == &between::AddHistogram(*registry));
  counter.Increment(10);
  histogram.Observe(1.5);
  std::printf("%s", Page(port).c_str());

  between::Reset(counter);
  between::Reset(histogram);
  counter.Increment(3);
  histogram.Observe(0.5);
  const std::string page = Page(port);
  std::printf("page after a Reset there: %d %d\n",
              Has(page, "shared_total{a=\"b\"}", counter.Value()),
              Has(page, "shared_seconds_count",
                  static_cast<double>(histogram.Collect().histogram.sample_count)));
  histograms.Remove(&histogram);

  // Each side removes what the other made, and makes it anew.
  prometheus::Counter& theirs = between::Add(*registry, "theirs");
  theirs.Increment(4);
  Page(port);
  family.Remove(&theirs);
  between::Remove(*registry, counter);
  std::printf("removed:\n%s", Page(port).c_str());
  family.Add({{"a", "theirs"}}).Increment(6);
  between::Add(*registry, "b").Increment(7);
  between::Remove(*registry, family.Add({{"a", "gone"}}));
  std::printf("made anew:\n%s", Page(port).c_str());
}

}  // namespace

int main() {
  const auto registry = std::make_shared<prometheus::Registry>();
  prometheus::Counter& theirs = between::Count(*registry);
  theirs.Increment(2);
  prometheus::Counter& mine =
      prometheus::BuildCounter().Name("between_total").Register(*registry).Add({{"made", "here"}});
  between::Increment(mine, 5);
  std::printf("%g %g\n", theirs.Value(), mine.Value());
  std::printf("caught there: %d\n", between::CatchesBadName(*registry));
  const std::shared_ptr<prometheus::Collectable> own = between::Own();

  prometheus::Exposer exposer("127.0.0.1:0", 1);
  exposer.RegisterCollectable(registry);
  exposer.RegisterCollectable(own);
  const int port = exposer.GetListeningPorts().at(0);
  std::printf("%s", Page(port).c_str());

  const auto shared = std::make_shared<prometheus::Registry>();
  prometheus::Exposer other("127.0.0.1:0", 1);
  other.RegisterCollectable(shared);
  Share(shared, other.GetListeningPorts().at(0));
}
