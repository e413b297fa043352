#include "exporters/statsd/statsd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <sstream>
#include <string>
#include <vector>

#include "exporters/statsd/deltas_for_test.h"
#include "polymeter/metrics.h"
#include "test/conformance/sinks.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

using detail::StatsdBackendInfo;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// `set`: by the code.
detail::BackendOptions Resolved(StringPairs environment, std::string* problems = nullptr,
                                const StringPairs& set = {}) {
  detail::Problems found;
  auto options = detail::ResolveOptions("statsd", StatsdBackendInfo().options,
                                        detail::Environment(std::move(environment)), set, found);
  if (problems != nullptr) {
    *problems = found.Message();
  } else {
    EXPECT_TRUE(found.empty()) << found.Message();
  }
  return options;
}

// What the encoder of these settings writes of a negative gauge with a label.
std::vector<std::string> Written(StringPairs environment) {
  SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kGauge, "g", "");
  builder.sink().Gauge({{"k", "v"}}, -1);
  auto encoder = StatsdBackendInfo().make_encoder(Resolved(std::move(environment)));
  RecordingSink sink;
  static_cast<void>(encoder.value()->Encode(Recorded(builder), nullptr, sink));
  return sink.messages();
}

// Where a backend of these settings sends to.
std::string EndpointOf(StringPairs environment, const StringPairs& set = {}) {
  class Nothing : public SnapshotSource {
    Snapshot TakeSnapshot(Deadline) override { return {}; }
    void Log(LogLevel, std::string_view) override {}
  } source;
  detail::Outside outside;
  auto backend = StatsdBackendInfo().make(Resolved(std::move(environment), nullptr, set), outside);
  EXPECT_TRUE(backend) << backend.message();
  EXPECT_TRUE(backend.value()->Start(source));
  const std::string endpoint = backend.value()->Report().endpoint;
  EXPECT_TRUE(backend.value()->Stop(std::chrono::steady_clock::now() + std::chrono::seconds(5)));
  return endpoint;
}

const char kPlain[] = "g.k.v:0|g\ng.k.v:-1|g";
const char kDogstatsd[] = "g:-1|g|#k:v";

TEST(StatsdRow, SpeaksPlainStatsdUnlessDatadogsVariablesNameTheReceiver) {
  EXPECT_THAT(Written({}), ElementsAre(kPlain));
  EXPECT_THAT(Written({{"STATSD_HOST", "h"}}), ElementsAre(kPlain));
  EXPECT_THAT(Written({{"DD_AGENT_HOST", "h"}}), ElementsAre(kDogstatsd));
  EXPECT_THAT(Written({{"DD_DOGSTATSD_URL", "udp://h:1"}}), ElementsAre(kDogstatsd));
  EXPECT_THAT(Written({{"DD_AGENT_HOST", "h"}, {"METRICS_STATSD_HOST", "h"}}), ElementsAre(kPlain));
  EXPECT_THAT(Written({{"DD_AGENT_HOST", "h"}, {"METRICS_STATSD_DIALECT", "statsd"}}),
              ElementsAre(kPlain));
  EXPECT_THAT(Written({{"METRICS_STATSD_DIALECT", "dogstatsd"}}), ElementsAre(kDogstatsd));
}

TEST(StatsdRow, TakesTagsOfOneDialectIntoTheOther) {
  EXPECT_THAT(Written({{"METRICS_STATSD_TAGS", "dogstatsd"}}),
              ElementsAre("g:0|g|#k:v\ng:-1|g|#k:v"));
  EXPECT_THAT(Written({{"METRICS_STATSD_DIALECT", "dogstatsd"}, {"METRICS_STATSD_TAGS", "none"}}),
              ElementsAre("g.k.v:-1|g"));
}

TEST(StatsdRow, FindsTheReceiverByTheStandardsVariables) {
  EXPECT_EQ(EndpointOf({}), "udp://127.0.0.1:8125");
  EXPECT_EQ(EndpointOf({{"STATSD_HOST", "::1"}, {"STATSD_PORT", "9"}}), "udp://[::1]:9");
  EXPECT_EQ(EndpointOf({{"DD_AGENT_HOST", "127.0.0.2"}, {"DD_DOGSTATSD_PORT", "8"}}),
            "udp://127.0.0.2:8");
  EXPECT_EQ(EndpointOf({{"DD_DOGSTATSD_URL", "unix:///x/y.socket"}, {"DD_AGENT_HOST", "h"}}),
            "unix:///x/y.socket");
  EXPECT_EQ(EndpointOf({{"DD_DOGSTATSD_URL", "udp://127.0.0.3"}}), "udp://127.0.0.3:8125");
  EXPECT_EQ(EndpointOf({{"DD_DOGSTATSD_URL", "udp://h:1"}, {"METRICS_STATSD_HOST", "127.0.0.4"}}),
            "udp://127.0.0.4:8125");
  EXPECT_EQ(EndpointOf({{"METRICS_STATSD_ADDRESS", "udp://127.0.0.5:7"},
                        {"METRICS_STATSD_HOST", "127.0.0.4"}}),
            "udp://127.0.0.5:7");
}

// METRICS_* over the standards' variables, over the code: whichever way they name the receiver.
TEST(StatsdRow, TakesTheWayToNameTheReceiverWhoseSourceCountsMore) {
  const StringPairs datadog = {{"DD_DOGSTATSD_URL", "udp://127.0.0.3:1"}};
  const auto with = [](StringPairs pairs, const char* name, const char* value) {
    pairs.emplace_back(name, value);
    return pairs;
  };
  EXPECT_EQ(EndpointOf(with(datadog, "METRICS_STATSD_PORT", "9125")), "udp://127.0.0.1:9125");
  EXPECT_THAT(Written(with(datadog, "METRICS_STATSD_PORT", "9125")), ElementsAre(kPlain));
  EXPECT_EQ(EndpointOf(datadog, {{"METRICS_STATSD_HOST", "127.0.0.4"}}), "udp://127.0.0.3:1");
  EXPECT_EQ(EndpointOf(with(datadog, "DD_AGENT_HOST", "127.0.0.4")), "udp://127.0.0.3:1");
  const StringPairs address = {{"METRICS_STATSD_ADDRESS", "udp://127.0.0.5:7"}};
  EXPECT_EQ(EndpointOf({}, address), "udp://127.0.0.5:7");
  EXPECT_EQ(EndpointOf({{"DD_AGENT_HOST", "127.0.0.4"}}, address), "udp://127.0.0.4:8125");
  EXPECT_EQ(EndpointOf({{"METRICS_STATSD_HOST", "127.0.0.4"}}, address), "udp://127.0.0.4:8125");
  EXPECT_EQ(EndpointOf({}, with(address, "METRICS_STATSD_HOST", "127.0.0.4")), "udp://127.0.0.5:7");
}

TEST(StatsdRow, AddsDatadogsConstantTags) {
  EXPECT_THAT(Written({{"DD_AGENT_HOST", "h"},
                       {"DD_ENV", "prod"},
                       {"DD_SERVICE", "shop"},
                       {"DD_VERSION", "1"},
                       {"DD_TAGS", "team:a, env:no bare url:x:y"},
                       {"DD_ENTITY_ID", "pod-1"}}),
              ElementsAre("g:-1|g|#env:prod,service:shop,version:1,dd.internal.entity_id:pod-1,"
                          "team:a,bare,url:x:y,k:v"));
}

TEST(StatsdRow, LetsNoVariableForgeALineOrAField) {
  EXPECT_THAT(Written({{"DD_AGENT_HOST", "h"}, {"DD_TAGS", "a:1\nb|c:2,d\te|f:g|h\r\n\x01:3"}}),
              ElementsAre("g:-1|g|#a:1,b_c:2,d,e_f:g_h,_:3,k:v"));
}

TEST(StatsdRow, EndsThePrefixWithOneDot) {
  EXPECT_THAT(Written({{"STATSD_PREFIX", "a.b."}}), ElementsAre("a.b.g.k.v:0|g\na.b.g.k.v:-1|g"));
  EXPECT_THAT(Written({{"METRICS_STATSD_PREFIX", "a"}}), ElementsAre("a.g.k.v:0|g\na.g.k.v:-1|g"));
}

TEST(StatsdRow, ReportsWhatItDoesNotUnderstand) {
  for (const auto& [variable, value] : StringPairs{{"METRICS_STATSD_HOST", "h:1"},
                                                   {"METRICS_STATSD_HOST", "a b"},
                                                   {"METRICS_STATSD_ADDRESS", "http://h"},
                                                   {"DD_DOGSTATSD_URL", "unixstream:///x"},
                                                   {"DD_DOGSTATSD_URL", "unix://relative"},
                                                   {"METRICS_STATSD_ADDRESS", "udp://h:0"},
                                                   {"METRICS_STATSD_ADDRESS", "udp://h:1/x"},
                                                   {"STATSD_MAXUDPSIZE", "64"},
                                                   {"STATSD_PREFIX", "a:b"},
                                                   {"METRICS_STATSD_HISTOGRAM_TYPE", "ms"}}) {
    std::string problems;
    static_cast<void>(Resolved({{variable, value}}, &problems));
    EXPECT_THAT(problems, HasSubstr(variable)) << value;
  }
}

// --- the whole way -----------------------------------------------------------------------------

// Keeps what is sent.
class Kept : public PushTransport {
 public:
  explicit Kept(std::vector<std::string>& lines) : lines_(lines) {}
  SendResult Send(std::string_view message, Deadline) override {
    std::istringstream in{std::string(message)};
    for (std::string line; std::getline(in, line);) {
      if (line.rfind("polymeter_", 0) != 0) lines_.push_back(line);
    }
    return SendResult::Sent();
  }
  std::string endpoint() const override { return "kept"; }

 private:
  std::vector<std::string>& lines_;
};

std::vector<std::string> TakeLines(const Metrics& metrics, std::vector<std::string>& lines) {
  lines.clear();
  const Status flushed = metrics.Flush(std::chrono::steady_clock::now() + std::chrono::seconds(10));
  EXPECT_TRUE(flushed) << flushed.message();
  return lines;
}

TEST(StatsdBackend, SendsDifferencesAndObservationsWithTheirWeights) {
  std::vector<std::string> lines;
  detail::Outside outside;
  outside.make_push_transport = [&lines](std::string_view name) {
    EXPECT_EQ(name, "statsd");
    return std::make_unique<Kept>(lines);
  };
  auto made = StatsdBackendInfo().make(
      Resolved({{"METRICS_STATSD_INTERVAL", "1h"}, {"METRICS_STATSD_SAMPLES", "4096"}}), outside);
  const Metrics metrics(Options().AddBackend(std::shared_ptr<Backend>(std::move(made.value()))));
  const auto jobs = metrics.Counter("jobs_total", "Jobs.");
  const auto wait = metrics.Histogram("wait_seconds", "Waits.", {"kind"});
  jobs.Increment(3);
  wait.With("a").Observe(0.25);
  wait.With("a").Observe(0.5);
  EXPECT_THAT(TakeLines(metrics, lines), ElementsAre("jobs_total:3|c", "wait_seconds.kind.a:250|ms",
                                                     "wait_seconds.kind.a:500|ms"));
  EXPECT_THAT(TakeLines(metrics, lines), IsEmpty());
  jobs.Increment(4);
  // More than a thread keeps of a flush.
  constexpr int kMany = 20000;
  for (int i = 0; i < kMany; ++i) wait.With("a").Observe(i);
  std::vector<std::string> timings = TakeLines(metrics, lines);
  ASSERT_FALSE(timings.empty());
  EXPECT_EQ(timings.front(), "jobs_total:4|c");
  timings.erase(timings.begin());
  EXPECT_LT(timings.size(), std::size_t{kMany});
  int weights = 0;
  for (const std::string& line : timings) {
    const std::size_t at = line.find("|ms|@");
    ASSERT_NE(at, std::string::npos) << line;
    double rate = 0;
    std::from_chars(line.data() + at + 5, line.data() + line.size(), rate);
    weights += static_cast<int>(1 / rate);
  }
  EXPECT_EQ(weights, kMany);
  EXPECT_TRUE(metrics.Shutdown());
}

TEST(StatsdBackend, SendsProducedHistogramsAsCountersAlsoInAFamilyOfItsOwn) {
  std::vector<std::string> lines;
  detail::Outside outside;
  outside.make_push_transport = [&lines](std::string_view) {
    return std::make_unique<Kept>(lines);
  };
  auto made = StatsdBackendInfo().make(Resolved({{"METRICS_STATSD_INTERVAL", "1h"}}), outside);
  const Metrics metrics(Options().AddBackend(std::shared_ptr<Backend>(std::move(made.value()))));
  metrics.Histogram("wait", "Waits.", {"kind"}).With("own").Observe(0.25);
  class Waits : public Producer {
    void Collect(FamilySink& sink) override {
      sink.BeginFamily(MetricType::kHistogram, "wait", "Waits.");
      const double bounds[] = {1};
      const std::uint64_t buckets[] = {3, 0};
      const Label label{"kind", "produced"};
      sink.Histogram(&label, 1, bounds, 1, buckets, 0.75);
    }
  } waits;
  const Attachment attachment = metrics.AddProducer(waits);
  EXPECT_THAT(TakeLines(metrics, lines),
              ElementsAre("wait.kind.own:0.25|ms", "wait_bucket.kind.produced.le.1:3|c",
                          "wait_bucket.kind.produced.le.Inf:3|c", "wait_sum.kind.produced:0.75|c",
                          "wait_count.kind.produced:3|c"));
  EXPECT_TRUE(metrics.Shutdown());
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
