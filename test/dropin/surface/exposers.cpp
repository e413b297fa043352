// Exposer: what a scraper sees, with several URIs, passwords, and collectables that come and go.
#include "prometheus/exposer.h"

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/summary.h"
#include "test/dropin/surface/http.h"
#include "test/dropin/surface/transcript.h"

namespace surface {
namespace {

static_assert(std::is_constructible<prometheus::Exposer, std::string>::value, "");
static_assert(std::is_constructible<prometheus::Exposer, std::string, std::size_t>::value, "");
static_assert(std::is_constructible<prometheus::Exposer, std::string, std::size_t,
                                    const CivetCallbacks*>::value,
              "");
static_assert(std::is_constructible<prometheus::Exposer, std::vector<std::string>>::value, "");

class OneGauge : public prometheus::Collectable {
 public:
  OneGauge(std::string name, double value) : name_(std::move(name)), value_(value) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily family;
    family.name = name_;
    family.help = "One.";
    family.type = prometheus::MetricType::Gauge;
    family.metric.resize(1);
    family.metric[0].gauge.value = value_;
    return {family};
  }

 private:
  std::string name_;
  double value_;
};

std::shared_ptr<prometheus::Registry> Filled() {
  auto registry = std::make_shared<prometheus::Registry>();
  auto& counters = prometheus::BuildCounter()
                       .Name("exposed_total")
                       .Help("Counted.")
                       .Labels({{"zone", "eu"}})
                       .Register(*registry);
  counters.Add({{"method", "GET"}, {"route", "/a\"b\\c"}}).Increment(3);
  counters.Add({{"method", "PUT"}}).Increment(0.25);
  prometheus::BuildGauge().Name("exposed").Help("Set.").Register(*registry).Add({}).Set(-1.5);
  prometheus::BuildHistogram()
      .Name("exposed_seconds")
      .Help("Observed.")
      .Register(*registry)
      .Add({{"a", "b"}}, prometheus::Histogram::BucketBoundaries{0.5, 1, 2})
      .Observe(0.75);
  prometheus::BuildSummary()
      .Name("exposed_bytes")
      .Help("Summed.")
      .Register(*registry)
      .Add({}, prometheus::Summary::Quantiles{{0.5, 0.05}})
      .Observe(100);
  prometheus::BuildCounter().Name("nothing_total").Help("Without series.").Register(*registry);
  return registry;
}

void SayPages() {
  prometheus::Exposer exposer("127.0.0.1:0");
  Say("exposer/ports", exposer.GetListeningPorts().size());
  const int port = exposer.GetListeningPorts().at(0);
  Say("exposer/a real port", port > 0 && port < 65536);
  Say("exposer/before anything is registered", Request(port, "GET", "/metrics").status);

  const auto registry = Filled();
  exposer.RegisterCollectable(registry);
  const Answer first = Request(port, "GET", "/metrics");
  Say("exposer/status", first.status);
  Say("exposer/Content-Type", first.Header("Content-Type"));
  Say("exposer/Content-Encoding", first.Header("Content-Encoding"));
  Say("exposer/page", Canonical(first.body));
  for (const char* name : {"transferred_bytes_total", "scrapes_total", "request_latencies"}) {
    Say("exposer/has a help for " + std::string(name),
        first.body.find(std::string("# HELP exposer_") + name + " ") != std::string::npos);
  }
  Say("exposer/second page", Canonical(Request(port, "GET", "/metrics").body));
  const Answer zipped = Request(port, "GET", "/metrics", {"Accept-Encoding: gzip"});
  Say("exposer/gzip", zipped.Header("Content-Encoding"));
  Say("exposer/gzip: magic", zipped.body.compare(0, 2, "\x1F\x8B") == 0);
  Say("exposer/gzip is smaller", zipped.body.size() < first.body.size());
  Say("exposer/gzip refused",
      Request(port, "GET", "/metrics", {"Accept-Encoding: identity"}).Header("Content-Encoding"));
  Say("exposer/OpenMetrics asked for",
      Request(port, "GET", "/metrics", {"Accept: application/openmetrics-text; version=1.0.0"})
              .body.find("# EOF"
                         "\n") == std::string::npos);
  Say("exposer/with a query", Request(port, "GET", "/metrics?name=a").status);
  Say("exposer/another path", Request(port, "GET", "/other").status);
  Say("exposer/the root", Request(port, "GET", "/").status);
  Say("exposer/below", Request(port, "GET", "/metrics/below").status);
  Say("exposer/a longer name", Request(port, "GET", "/metricsandmore").status);
  Say("exposer/HEAD", Request(port, "HEAD", "/metrics").status);
  Say("exposer/POST", Request(port, "POST", "/metrics", {"Content-Length: 0"}).status);
  Say("exposer/DELETE", Request(port, "DELETE", "/metrics").status);

  prometheus::BuildCounter().Name("late_total").Register(*registry).Add({}).Increment();
  Say("exposer/a family that came later",
      Request(port, "GET", "/metrics").body.find("late_total 1") != std::string::npos);
}

void SayUris() {
  prometheus::Exposer exposer("127.0.0.1:0", 1);
  const int port = exposer.GetListeningPorts().at(0);
  const auto one = std::make_shared<OneGauge>("one", 1);
  auto two = std::make_shared<OneGauge>("two", 2);
  const auto three = std::make_shared<OneGauge>("three", 3);
  exposer.RegisterCollectable(one);
  exposer.RegisterCollectable(two);
  exposer.RegisterCollectable(three, "/more/metrics");
  exposer.RegisterCollectable(one, "/more/metrics");
  Say("uris/first", Samples(Request(port, "GET", "/metrics").body));
  Say("uris/second", Samples(Request(port, "GET", "/more/metrics").body));
  Say("uris/in between", Request(port, "GET", "/more").status);
  exposer.RemoveCollectable(one);
  Say("uris/removed from the first", Samples(Request(port, "GET", "/metrics").body));
  Say("uris/not from the second", Samples(Request(port, "GET", "/more/metrics").body));
  exposer.RemoveCollectable(three);
  exposer.RemoveCollectable(three, "/nowhere");
  two.reset();
  Say("uris/a collectable that is gone", Samples(Request(port, "GET", "/metrics").body));
  exposer.RemoveCollectable(three, "/more/metrics");
  Say("uris/one left", Samples(Request(port, "GET", "/more/metrics").body));
  exposer.RegisterCollectable(std::weak_ptr<prometheus::Collectable>());
  Say("uris/an empty pointer", Request(port, "GET", "/metrics").status);
}

void SayAuth() {
  prometheus::Exposer exposer("127.0.0.1:0");
  const int port = exposer.GetListeningPorts().at(0);
  const auto registry = Filled();
  exposer.RegisterCollectable(registry);
  exposer.RegisterCollectable(registry, "/open");
  exposer.RegisterAuth(
      [](const std::string& user, const std::string& password) {
        return user == "prometheus" && password == "a:b c";
      },
      "The realm");
  const Answer without = Request(port, "GET", "/metrics");
  Say("auth/without", without.status);
  Say("auth/WWW-Authenticate", without.Header("WWW-Authenticate"));
  Say("auth/nothing leaks", without.body.find("exposed") == std::string::npos);
  Say("auth/wrong password",
      Request(port, "GET", "/metrics", {BasicAuth("prometheus", "x")}).status);
  Say("auth/wrong user", Request(port, "GET", "/metrics", {BasicAuth("x", "a:b c")}).status);
  Say("auth/no password", Request(port, "GET", "/metrics", {BasicAuth("prometheus", "")}).status);
  Say("auth/right", Request(port, "GET", "/metrics", {BasicAuth("prometheus", "a:b c")}).status);
  Say("auth/no basic authorization",
      Request(port, "GET", "/metrics", {"Authorization: Bearer token"}).status);
  Say("auth/no base64", Request(port, "GET", "/metrics", {"Authorization: Basic !!!"}).status);
  Say("auth/other uri", Request(port, "GET", "/open").status);
  exposer.RegisterAuth([](const std::string&, const std::string&) { return false; }, "Closed",
                       "/open");
  Say("auth/nobody", Request(port, "GET", "/open", {BasicAuth("prometheus", "a:b c")}).status);
  Say("auth/each its own",
      Request(port, "GET", "/metrics", {BasicAuth("prometheus", "a:b c")}).status);
}

// What a program shows that is not plain: the same family twice, times, all kinds, odd values.
class Given : public prometheus::Collectable {
 public:
  explicit Given(std::vector<prometheus::MetricFamily> families) : families_(std::move(families)) {}
  std::vector<prometheus::MetricFamily> Collect() const override { return families_; }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

prometheus::MetricFamily GivenFamily(const std::string& name, prometheus::MetricType type,
                                     double value) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = "Given.";
  family.type = type;
  family.metric.resize(1);
  family.metric[0].label = {{"z", "1"}, {"a", "2"}};
  family.metric[0].counter.value = value;
  family.metric[0].gauge.value = value;
  family.metric[0].untyped.value = value;
  return family;
}

std::string PageOf(const std::vector<std::shared_ptr<prometheus::Collectable>>& collectables) {
  static prometheus::Exposer exposer("127.0.0.1:0");
  static int pages = 0;
  const std::string uri = "/page" + std::to_string(++pages);
  for (const auto& collectable : collectables) exposer.RegisterCollectable(collectable, uri);
  const std::string page = Request(exposer.GetListeningPorts().at(0), "GET", uri).body;
  std::string types;
  std::size_t at = 0;
  while ((at = page.find("# TYPE ", at)) != std::string::npos) {
    const std::string line = page.substr(at, page.find('\n', at) - at);
    if (line.find(" exposer_") == std::string::npos) types += line + "\n";
    at += line.size();
  }
  return types + Samples(page);
}

std::shared_ptr<prometheus::Collectable> Give(std::vector<prometheus::MetricFamily> families) {
  return std::make_shared<Given>(std::move(families));
}

void SayOddPages() {
  using prometheus::MetricType;
  const auto counted = [](const std::string& name, double value, const std::string& label) {
    auto registry = std::make_shared<prometheus::Registry>();
    prometheus::BuildCounter()
        .Name(name)
        .Help("H.")
        .Register(*registry)
        .Add({{"l", label}})
        .Increment(value);
    return registry;
  };
  Say("odd/whole counters", PageOf({counted("whole_total", 9007199254740991.0, "a")}));
  Say("odd/a million", PageOf({counted("million_total", 1234567, "a")}));
  Say("odd/a fraction", PageOf({counted("fraction_total", 0.1, "a")}));
  Say("odd/one family in two registries",
      PageOf({counted("two_total", 1, "a"), counted("two_total", 2, "b")}));
  Say("odd/one series in two registries",
      PageOf({counted("twice_total", 1, "a"), counted("twice_total", 2, "a")}));
  Say("odd/the same registry twice", [&] {
    const auto registry = counted("same_total", 1, "a");
    return PageOf({registry, registry});
  }());
  Say("odd/labels in the order given", PageOf({Give({GivenFamily("g", MetricType::Gauge, 1)})}));
  Say("odd/untyped", PageOf({Give({GivenFamily("u", MetricType::Untyped, 2)})}));
  Say("odd/counter without _total", PageOf({Give({GivenFamily("c", MetricType::Counter, 3)})}));
  Say("odd/negative counter", PageOf({Give({GivenFamily("n_total", MetricType::Counter, -3)})}));
  prometheus::MetricFamily timed = GivenFamily("timed", MetricType::Gauge, 4);
  timed.metric[0].timestamp_ms = 1700000000000;
  Say("odd/with a time", PageOf({Give({timed})}));
  Say("odd/of two types", PageOf({counted("types_total", 1, "a"),
                                  Give({GivenFamily("types_total", MetricType::Gauge, 2)})}));
  prometheus::MetricFamily empty_name = GivenFamily("", MetricType::Gauge, 5);
  Say("odd/without a name beside a good one",
      PageOf({Give({empty_name}), Give({GivenFamily("good", MetricType::Gauge, 6)})})
              .find("good{z=\"1\",a=\"2\"} 6\n") != std::string::npos);
  prometheus::MetricFamily summary = GivenFamily("s", MetricType::Summary, 0);
  summary.metric[0].summary.sample_count = 4;
  summary.metric[0].summary.sample_sum = 2.5;
  summary.metric[0].summary.quantile = {{0.5, 1.5}};
  Say("odd/summary", PageOf({Give({summary})}));
  prometheus::MetricFamily histogram = GivenFamily("h", MetricType::Histogram, 0);
  histogram.metric[0].histogram.sample_count = 5;
  histogram.metric[0].histogram.sample_sum = 6;
  histogram.metric[0].histogram.bucket = {{2, 1}, {4, 2.5}};
  Say("odd/histogram without +Inf", PageOf({Give({histogram})}));
}

void SayConstruction() {
  prometheus::Exposer exposer("127.0.0.1:0");
  const std::string busy = "127.0.0.1:" + std::to_string(exposer.GetListeningPorts().at(0));
  Say("exposer/busy port", Thrown([&] { prometheus::Exposer second(busy); }));
  Say("exposer/no address", Thrown([] { prometheus::Exposer bad("nonsense:address"); }));
  prometheus::Exposer by_options(
      std::vector<std::string>{"listening_ports", "127.0.0.1:0,127.0.0.1:0", "num_threads", "3"});
  Say("exposer/options: ports", by_options.GetListeningPorts().size());
  const auto gauge = std::make_shared<OneGauge>("by_options", 5);
  by_options.RegisterCollectable(gauge);
  bool all = true;
  for (const int port : by_options.GetListeningPorts()) {
    all = all && Request(port, "GET", "/metrics").body.find("by_options 5") != std::string::npos;
  }
  Say("exposer/options: each port answers", all);
  Say("exposer/unknown option", Thrown([] {
        prometheus::Exposer bad(
            std::vector<std::string>{"listening_ports", "127.0.0.1:0", "no_such_option", "1"});
      }));
  Say("exposer/option without a value",
      Thrown([] { prometheus::Exposer bad(std::vector<std::string>{"listening_ports"}); }));
  Say("exposer/document_root", Thrown([] {
        prometheus::Exposer files(std::vector<std::string>{"listening_ports", "127.0.0.1:0",
                                                           "document_root", "/nowhere"});
      }));
  prometheus::Exposer two_ports("127.0.0.1:0,127.0.0.1:0");
  Say("exposer/two addresses", two_ports.GetListeningPorts().size());
}

}  // namespace

void Exposers() {
  SayPages();
  SayUris();
  SayAuth();
  SayOddPages();
  SayConstruction();
}

}  // namespace surface
