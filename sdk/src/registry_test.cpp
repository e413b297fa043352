// Families and series: what is accepted, what is refused and said, and what a snapshot shows.
#include "sdk/src/registry.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/src/chunk_pool.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

// AddressSanitizer keeps freed memory back, which a test of memory use must not count.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "quarantine_size_mb=4"; }

namespace polymeter {
namespace {

using testing::FindFamily;
using testing::FindPoint;
using testing::LogCapture;
using testing::ValueOf;

enum class Colour { kRed, kBlue };
std::string_view LabelValue(Colour colour) { return colour == Colour::kRed ? "red" : "blue"; }

TEST(Family, GivesTheSameSeriesForTheSameValuesHoweverWritten) {
  const Metrics metrics(Options().Consumer());
  const CounterFamily<2> family = metrics.Counter("c_total", "C.", {"code", "ok"});
  const std::string code = "200";
  family.With(200, true).Increment();
  family.With("200", "true").Increment();
  family.With(code, std::string_view("true")).Increment();
  family.With({{"ok", true}, {"code", 200u}}).Increment();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "c_total")->size(), 1u);
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"code", "200"}, {"ok", "true"}}), 4);
}

TEST(Family, WritesIntegersBoolsAndEnumsAsText) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Gauge("g", "G.", {"v"});
  family.With(std::numeric_limits<std::int64_t>::min()).Set(1);
  family.With(std::numeric_limits<std::uint64_t>::max()).Set(2);
  family.With(false).Set(3);
  family.With(Colour::kBlue).Set(4);
  family.With(static_cast<const char*>(nullptr)).Set(5);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "g", {{"v", "-9223372036854775808"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "g", {{"v", "18446744073709551615"}}), 2);
  EXPECT_EQ(ValueOf(snapshot, "g", {{"v", "false"}}), 3);
  EXPECT_EQ(ValueOf(snapshot, "g", {{"v", "blue"}}), 4);
  EXPECT_EQ(ValueOf(snapshot, "g", {{"v", ""}}), 5);
}

TEST(Family, TellsValuesApartThatWouldConcatenateToTheSame) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"a", "b"});
  family.With("x", "yz").Increment(1);
  family.With("xy", "z").Increment(2);
  family.With("", "xyz").Increment(3);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"a", "x"}, {"b", "yz"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"a", "xy"}, {"b", "z"}}), 2);
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"a", ""}, {"b", "xyz"}}), 3);
}

TEST(Family, FindsTenThousandSeriesAgain) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"i", "text"});
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 10000; ++i) {
      family.With(i, std::string(static_cast<std::size_t>(i % 40), 'x')).Increment(i);
    }
  }
  const Snapshot snapshot = metrics.TakeSnapshot();
  const FamilyView* const view = FindFamily(snapshot, "c_total");
  ASSERT_EQ(view->size(), 10000u);
  for (const CounterPoint& point : std::get<CounterPoints>(view->points)) {
    EXPECT_EQ(point.whole, 2 * std::stoull(std::string(point.series.labels()[0].value)));
  }
}

TEST(Family, RepairsValuesThatAreNotUtf8) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"v"});
  family.With("a\xFFz").Increment();
  family.With("a\xFFz").Increment();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"v", "a\xEF\xBF\xBDz"}}), 2);
  EXPECT_TRUE(family.Remove("a\xFFz"));
}

TEST(Family, WithAWrongNumberOrNameOfLabelsRecordsNothingAndSaysSoOnce) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const auto family = metrics.Counter("c_total", "C.", std::vector<std::string>{"a", "b"});
  EXPECT_FALSE(family.With("only one"));
  EXPECT_FALSE(family.With("only one"));
  EXPECT_FALSE(family.With({{"a", 1}, {"wrong", 2}}));
  EXPECT_TRUE(family.With("1", "2"));
  EXPECT_EQ(log.Count("has 2 labels, not 1"), 1);
  EXPECT_EQ(log.Count("no value for label b"), 1);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "label_count"}}), 2);
}

TEST(Family, RemovalUnlistsTheSeriesAndAStaleHandleCountsIntoNothing) {
  SystemTime now = SystemTime() + std::chrono::seconds(100);
  const Metrics metrics(Options().Consumer().Clock([&] { return now; }));
  const auto family = metrics.Counter("c_total", "C.", {"a"});
  const Counter stale = family.With("x");
  stale.Increment(5);
  EXPECT_TRUE(family.Remove("x"));
  EXPECT_FALSE(family.Remove("x"));
  stale.Increment(7);
  now += std::chrono::seconds(10);
  Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"a", "x"}}), std::nullopt);
  EXPECT_EQ(ValueOf(snapshot, "polymeter_removed_series_increments_total"), 7);

  family.With("x").Increment();
  snapshot = metrics.TakeSnapshot();
  const auto* const point = FindPoint<CounterPoint>(snapshot, "c_total", {{"a", "x"}});
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->value(), 1);
  EXPECT_EQ(point->series.start_time(), now);
}

TEST(Family, RemovalOfHistogramsAndGaugesAndOfAll) {
  const Metrics metrics(Options().Consumer());
  const auto histograms = metrics.Histogram("h", "H.", {"a"});
  const auto gauges = metrics.Gauge("g", "G.", {"a"});
  const Histogram stale = histograms.With(1);
  for (int i = 0; i < 100; ++i) {
    histograms.With(i).Observe(i);
    gauges.With(i).Set(i);
  }
  EXPECT_TRUE(histograms.Remove(1));
  EXPECT_TRUE(gauges.Remove({{"a", 1}}));
  stale.Observe(1);
  EXPECT_EQ(metrics.TakeSnapshot().size(), 198u + 1u);  // and the increments after removal
  histograms.RemoveAll();
  gauges.RemoveAll();
  EXPECT_EQ(FindFamily(metrics.TakeSnapshot(), "h")->size(), 0u);
  histograms.With(1).Observe(2);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindPoint<HistogramPoint>(snapshot, "h", {{"a", "1"}})->count, 1u);
}

TEST(Family, SnapshotKeepsLabelsOfRemovedSeriesReadable) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"a"});
  for (int i = 0; i < 1000; ++i) family.With("value " + std::to_string(i)).Increment(i);
  const Snapshot snapshot = metrics.TakeSnapshot();
  family.RemoveAll();
  for (int i = 0; i < 1000; ++i) family.With("other " + std::to_string(i)).Increment();
  metrics.TakeSnapshot();
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(ValueOf(snapshot, "c_total", {{"a", "value " + std::to_string(i)}}), i);
  }
}

TEST(Family, IndexIsReusedWithAnotherGeneration) {
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"a"});
  family.With("x");
  const Snapshot before = metrics.TakeSnapshot();
  family.Remove("x");
  family.With("y");
  const Snapshot after = metrics.TakeSnapshot();
  const auto* const old = FindPoint<CounterPoint>(before, "c_total", {{"a", "x"}});
  const auto* const fresh = FindPoint<CounterPoint>(after, "c_total", {{"a", "y"}});
  EXPECT_EQ(old->series.index(), fresh->series.index());
  EXPECT_NE(old->series.generation(), fresh->series.generation());
  EXPECT_NE(fresh->series.generation(), 0u);
}

TEST(Family, AboveTheLimitOneOverflowSeriesKeepsTheTotal) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().SeriesLimit(10).Log(log.callback()));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  for (int i = 0; i < 1000; ++i) family.With(i).Increment();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "c_total")->size(), 11u);
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"otel_metric_overflow", "true"}}), 990);
  EXPECT_EQ(log.Count("limit of 10"), 1);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POLYMETER_TEST_OWN_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define POLYMETER_TEST_OWN_ALLOCATOR 1
#endif
#endif
#if !defined(POLYMETER_TEST_OWN_ALLOCATOR)  // sanitizers end where there is no more memory
TEST(Family, WithoutMemoryForItsOverflowSeriesRecordsNothingAndSaysSo) {
  // As many gauges as a chunk has room for: the next one needs another chunk.
  constexpr std::size_t kGauges =
      (detail::kLaneBytes - detail::kChunkHeaderBytes) / sizeof(std::uint64_t);
  LogCapture log;
  const Metrics metrics(Options().Consumer().SeriesLimit(kGauges).Log(log.callback()));
  const auto family = metrics.Gauge("g", "G.", {"n"});
  for (std::size_t i = 0; i < kGauges; ++i) family.With(i).Set(1);
  // What is small is still to be had, from the heap.
  std::vector<void*> heap(100);
  for (void*& piece : heap) piece = std::malloc(1000);
  for (void*& piece : heap) std::free(piece);
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &usual), 0);
  const rlimit none{1, usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &none), 0);
  family.With("one more").Set(1);
  ASSERT_EQ(setrlimit(RLIMIT_AS, &usual), 0);
  EXPECT_EQ(FindFamily(metrics.TakeSnapshot(), "g")->size(), kGauges);
  EXPECT_EQ(log.Count("no memory"), 1);
  family.With("one more").Set(2);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "g", {{"otel_metric_overflow", "true"}}), 2);
}
#endif

TEST(Registry, LeavesIdleSeriesOutUntilTheyChangeAgain) {
  SystemTime now = SystemTime() + std::chrono::seconds(1000);
  const SystemTime start = now;
  const Metrics metrics(
      Options().Consumer().SeriesTtl(std::chrono::seconds(60)).Clock([&] { return now; }));
  const Counter counter = metrics.Counter("c_total", "C.");
  const Gauge gauge = metrics.Gauge("g", "G.");
  const Histogram histogram = metrics.Histogram("h", "H.");
  counter.Increment(3);
  gauge.Set(1);
  histogram.Observe(1);
  EXPECT_EQ(metrics.TakeSnapshot().size(), 3u);
  now += std::chrono::seconds(60);
  gauge.Set(2);
  EXPECT_EQ(metrics.TakeSnapshot().size(), 3u);
  now += std::chrono::seconds(1);
  const Snapshot idle = metrics.TakeSnapshot();
  EXPECT_EQ(idle.size(), 1u);
  EXPECT_EQ(ValueOf(idle, "g"), 2);
  counter.Increment();
  const Snapshot again = metrics.TakeSnapshot();
  const auto* const point = FindPoint<CounterPoint>(again, "c_total");
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->value(), 4);
  EXPECT_EQ(point->series.start_time(), start);
  EXPECT_EQ(FindPoint<HistogramPoint>(again, "h"), nullptr);
}

TEST(Registry, GivesTheSameFamilyWhenAskedAgain) {
  const Metrics metrics(Options().Consumer());
  metrics.Counter("c_total", "C.", {"a"}).With("x").Increment();
  metrics.Counter("c_total", "Other help.", {"a"}).With("x").Increment();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"a", "x"}}), 2);
  EXPECT_EQ(FindFamily(snapshot, "c_total")->help, "C.");
}

TEST(Registry, NamesBothWhenAFamilyIsAskedForWithAnotherTypeLabelsOrBuckets) {
  const Metrics metrics(Options().Consumer());
  ASSERT_TRUE(metrics.TryHistogram("h_seconds", "H.", {"a"}).ok());
  const auto says = [](const auto& result, std::string_view first, std::string_view second) {
    return !result.ok() && result.message().find(first) != std::string::npos &&
           result.message().find(second) != std::string::npos;
  };
  EXPECT_TRUE(says(metrics.TryCounter("h_seconds", "H.", {"a"}), "counter h_seconds{a}",
                   "histogram h_seconds{a}"));
  EXPECT_TRUE(
      says(metrics.TryHistogram("h_seconds", "H.", {"a", "b"}), "h_seconds{a,b}", "h_seconds{a} "));
  EXPECT_TRUE(says(metrics.TryHistogram("h_seconds", "H.", {"a"}, FamilyOptions().Buckets({1, 2})),
                   "buckets 1 2", "buckets 0.005"));
  EXPECT_TRUE(says(metrics.TryHistogram("h_seconds", "H.", {"a"}, FamilyOptions().Unit("s")),
                   "in seconds", "already histogram h_seconds{a} with"));
}

TEST(Registry, ABadFamilyIsANoOpWithOneMessageAndACount) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  for (int i = 0; i < 3; ++i) {
    const Counter counter = metrics.Counter("bad name", "B.");
    counter.Increment();
    EXPECT_FALSE(counter);
  }
  EXPECT_EQ(log.Count("'bad name'"), 1);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "polymeter_refused_total", {{"reason", "family"}}), 3);
  EXPECT_EQ(FindFamily(snapshot, "bad name"), nullptr);
}

TEST(Registry, ChecksNamesOfFamiliesAndLabels) {
  const Metrics metrics(Options().Consumer());
  for (const char* const good : {"a", "_a", "a:b", "A9_", ":x"}) {
    EXPECT_TRUE(metrics.TryCounter(good, "").ok()) << good;
  }
  for (const char* const bad : {"", "9a", "a-b", "a b", "__a", "\xC3\xA9", "a\n"}) {
    EXPECT_FALSE(metrics.TryCounter(bad, "").ok()) << bad;
  }
  for (const char* const bad : {"", "9", "a:b", "__name__", "a\"b"}) {
    EXPECT_FALSE(metrics.TryCounter("x_total", "", {bad}).ok()) << bad;
  }
  EXPECT_FALSE(metrics.TryCounter("x_total", "", {"a", "a"}).ok());
  EXPECT_FALSE(metrics.TryHistogram("x", "", {"le"}).ok());
  EXPECT_TRUE(metrics.TryCounter("x_total", "", {"le"}).ok());
  EXPECT_FALSE(metrics.TryGauge("y", "", {"a"}, FamilyOptions().ConstLabels({{"a", "x"}})).ok());
}

TEST(Registry, ChecksBuckets) {
  const Metrics metrics(Options().Consumer());
  const auto ok = [&](const char* name, std::vector<double> bounds) {
    return metrics.TryHistogram(name, "", FamilyOptions().Buckets(std::move(bounds))).ok();
  };
  EXPECT_TRUE(ok("a", {1}));
  EXPECT_TRUE(ok("b", {1, std::numeric_limits<double>::infinity()}));
  EXPECT_FALSE(ok("c", {}));
  EXPECT_FALSE(ok("d", {1, 1}));
  EXPECT_FALSE(ok("e", {2, 1}));
  EXPECT_FALSE(ok("f", {std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_FALSE(ok("g", {-std::numeric_limits<double>::infinity(), 1}));
  EXPECT_FALSE(ok("h", std::vector<double>(1001, 0)));
  EXPECT_FALSE(ok("i", {-0.0, 0.0}));
}

TEST(Registry, SaysOnceWhichOptionsAreForOtherTypes) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const FamilyOptions options =
      FamilyOptions().Buckets({1}).Native().Summary(SummaryOptions()).Exemplars().Additive();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(metrics.TryCounter("c_total", "C.", options).ok());
    EXPECT_TRUE(metrics.TryGauge("g", "G.", options).ok());
    EXPECT_TRUE(metrics.TryHistogram("h", "H.", options).ok());
    EXPECT_TRUE(metrics.TrySummary("s", "S.", options).ok());
    EXPECT_TRUE(metrics.TryInfo("i", "I.", {"a"}, options).ok());
    EXPECT_TRUE(metrics.TryGauge("two", "T.", FamilyOptions().Buckets({1}).Exemplars()).ok());
    EXPECT_TRUE(metrics.TryCounter("one_total", "O.", FamilyOptions().Additive()).ok());
  }
  EXPECT_EQ(log.messages(),
            (std::vector<std::string>{
                "counter c_total: Buckets, Native, Summary and Additive are for other types and "
                "are ignored",
                "gauge g: Buckets, Native, Summary and Exemplars are for other types and are "
                "ignored",
                "histogram h: Summary and Additive are for other types and are ignored",
                "summary s: Buckets, Native, Exemplars and Additive are for other types and are "
                "ignored",
                "info i: Buckets, Native, Summary, Exemplars and Additive are for other types and "
                "are ignored",
                "gauge two: Buckets and Exemplars are for other types and are ignored",
                "counter one_total: Additive is for another type and is ignored"}));
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "polymeter_refused_total", {{"reason", "family"}}),
            std::nullopt);
}

TEST(Registry, SaysNothingOfOptionsThatFitOrThatConfigurationHas) {
  LogCapture log;
  const Metrics metrics(Options()
                            .Consumer()
                            .Buckets("g", {1})
                            .AddView(View("*").Buckets({1, 2}))
                            .Log(log.callback()));
  metrics.Counter("c_total", "C.", FamilyOptions().Exemplars());
  metrics.Gauge("g", "G.", FamilyOptions().Additive());
  metrics.Histogram("h", "H.", FamilyOptions().Native().Buckets({1}).Exemplars());
  metrics.Summary("s", "S.", SummaryOptions());
  EXPECT_EQ(log.Count("ignored"), 0);
}

TEST(Registry, SaysThatExponentialBucketsMayHaveRefusedForLackOfMemory) {
  for (const bool native : {false, true}) {
    LogCapture log;
    const Metrics metrics(Options().Consumer().Log(log.callback()));
    const Histogram histogram =
        metrics.Histogram("h", "H.", native ? FamilyOptions().Native() : FamilyOptions());
    histogram.Observe(std::numeric_limits<double>::quiet_NaN());
    metrics.TakeSnapshot();
    EXPECT_EQ(log.Count("refused 1 increments that were negative or NaN, or observations of NaN"),
              1);
    EXPECT_EQ(log.Count("or that exponential buckets had no memory for"), native ? 1 : 0);
    EXPECT_EQ(log.Count(", at first on h"), 1);
  }
}

TEST(Registry, RefusesNamesThatClashWithAHistogramsSamples) {
  const Metrics metrics(Options().Consumer());
  ASSERT_TRUE(metrics.TryHistogram("h", "").ok());
  EXPECT_FALSE(metrics.TryGauge("h_sum", "").ok());
  EXPECT_FALSE(metrics.TryCounter("h_bucket", "").ok());
  ASSERT_TRUE(metrics.TryCounter("k_count", "").ok());
  EXPECT_FALSE(metrics.TryHistogram("k", "").ok());
}

TEST(Registry, PutsPrefixConstantLabelsAndConfiguredBucketsOn) {
  const Metrics metrics(Options()
                            .Consumer()
                            .Prefix("app_")
                            .ConstLabels({{"region", "eu"}, {"a", "of all"}})
                            .Buckets("h", {1, 2}));
  metrics.Counter("c_total", "C.", {"a"}, FamilyOptions().ConstLabels({{"team", "x"}}))
      .With("own")
      .Increment();
  metrics.Histogram("h", "H.", FamilyOptions().Buckets({7})).Observe(1);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "app_c_total", {{"team", "x"}, {"region", "eu"}, {"a", "own"}}), 1);
  const auto* const h =
      FindPoint<HistogramPoint>(snapshot, "app_h", {{"region", "eu"}, {"a", "of all"}});
  ASSERT_NE(h, nullptr);
  EXPECT_EQ(h->bound_count, 2u);
}

TEST(Registry, OrdersFamiliesByNameAndTranslatesUnits) {
  const Metrics metrics(Options().Consumer());
  metrics.Counter("z_total", "");
  metrics.Histogram("a_seconds", "", FamilyOptions().Unit("s"));
  metrics.Gauge("m_bytes", "", FamilyOptions().Unit("By"));
  const Snapshot snapshot = metrics.TakeSnapshot();
  ASSERT_GE(snapshot.families().size(), 3u);
  EXPECT_EQ(snapshot.families()[0].name, "a_seconds");
  EXPECT_EQ(snapshot.families()[0].unit, "seconds");
  EXPECT_EQ(snapshot.families()[1].unit, "bytes");
  EXPECT_EQ(snapshot.families()[2].name, "z_total");
}

TEST(Registry, FamilyHandleOutlivesTheMetrics) {
  CounterFamily<1> family;
  Counter counter;
  {
    const Metrics metrics(Options().Consumer());
    family = metrics.Counter("c_total", "C.", {"a"});
    counter = family.With("x");
  }
  counter.Increment();
  family.With("x").Increment();
  EXPECT_FALSE(family.With("new"));
}

// Series that come and go for ever must not make memory grow for ever: labels are freed once
// neither a look-up nor a snapshot can see them.
TEST(Registry, FreesTheLabelsOfRemovedSeries) {
  const auto resident = [] {
    std::FILE* const file = std::fopen("/proc/self/statm", "r");
    long size = 0;
    long pages = 0;
    EXPECT_EQ(std::fscanf(file, "%ld %ld", &size, &pages), 2);
    std::fclose(file);
    return pages * 4096;
  };
  const Metrics metrics(Options().Consumer());
  const auto family = metrics.Counter("c_total", "C.", {"a"});
  const std::string filler(1000, 'x');
  const auto churn = [&](int n) {
    for (int i = 0; i < n; ++i) {
      const std::string value = filler + std::to_string(i);
      family.With(value).Increment();
      ASSERT_TRUE(family.Remove(value));
    }
  };
  churn(2000);
  const long before = resident();
  churn(50000);  // 50 MB of labels
  EXPECT_LT(resident() - before, 16 << 20);
}

}  // namespace
}  // namespace polymeter
