// Too many series: what is said, what is reported, and that no count is lost.
#include "polymeter/cardinality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/sanitizer.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::FindFamily;
using ::testing::HasSubstr;
using testing::kSanitized;
using testing::LogCapture;
using testing::ValueOf;

const testing::LabelSet kOverflow = {{"otel_metric_overflow", "true"}};

std::uint64_t TotalOf(const Snapshot& snapshot, std::string_view name) {
  std::uint64_t total = 0;
  for (const CounterPoint& point : std::get<CounterPoints>(FindFamily(snapshot, name)->points)) {
    total += point.whole;
  }
  return total;
}

FamilyCardinality ReportOf(const Metrics& metrics, std::string_view name) {
  for (FamilyCardinality& family : metrics.CardinalityReport()) {
    if (family.name == name) return std::move(family);
  }
  ADD_FAILURE() << "no family " << name;
  return {};
}

std::size_t ResidentBytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long size = 0;
  unsigned long resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &size, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// --- the warning -----------------------------------------------------------------------------

TEST(SeriesWarning, NamesTheLabelToBlameAndComesAgainAtTenTimesAsMany) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().SeriesWarning(20).Log(log.callback()));
  const auto family = metrics.Counter("c_total", "C.", {"method", "user"});
  for (int i = 0; i < 19; ++i) family.With(i % 2, i).Increment();
  EXPECT_TRUE(log.messages().empty());
  family.With(0, 19).Increment();
  ASSERT_EQ(log.messages().size(), 1u);
  EXPECT_THAT(log.messages()[0], HasSubstr("c_total has 20 series"));
  EXPECT_THAT(log.messages()[0], HasSubstr("the label user has the most different values (20)"));
  for (int i = 20; i < 199; ++i) family.With(i % 2, i).Increment();
  EXPECT_EQ(log.messages().size(), 1u);
  for (int i = 199; i < 1500; ++i) family.With(i % 2, i).Increment();
  ASSERT_EQ(log.messages().size(), 2u);
  EXPECT_THAT(log.messages()[1], HasSubstr("c_total has 200 series"));
}

TEST(SeriesWarning, ComesOnceThoughSeriesAreRemovedAndMadeAgain) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().SeriesWarning(10).Log(log.callback()));
  const auto family = metrics.Gauge("g", "G.", {"user"});
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 50; ++i) family.With(i).Set(1);
    family.RemoveAll();
  }
  EXPECT_EQ(log.Count("g has 10 series"), 1);
  EXPECT_EQ(log.messages().size(), 1u);
}

TEST(SeriesWarning, IsAt2000UnlessSaidOtherwiseAndCanBeTurnedOff) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const auto family = metrics.Gauge("g", "G.", {"user"});
  for (int i = 0; i < 1999; ++i) family.With(i).Set(1);
  EXPECT_TRUE(log.messages().empty());
  family.With(1999).Set(1);
  EXPECT_EQ(log.Count("g has 2000 series"), 1);

  LogCapture silent;
  const Metrics off(Options().Consumer().SeriesWarning(0).Log(silent.callback()));
  const auto many = off.Gauge("g", "G.", {"user"});
  for (int i = 0; i < 25000; ++i) many.With(i).Set(1);
  EXPECT_TRUE(silent.messages().empty());
}

TEST(SeriesWarning, MayMakeSeriesAndReportsFromTheLogCallback) {
  Metrics* metrics = nullptr;
  std::atomic<int> messages{0};
  Metrics made(Options().Consumer().SeriesWarning(5).Log([&](LogLevel, std::string_view) {
    ++messages;
    metrics->Gauge("from_log", "Made in the callback.", {"user"}).With("x").Set(1);
    EXPECT_EQ(metrics->CardinalityReport().front().name, "g");
  }));
  metrics = &made;
  const auto family = made.Gauge("g", "G.", {"user"});
  for (int i = 0; i < 5; ++i) family.With(i).Set(1);
  EXPECT_EQ(messages, 1);
}

// --- the report ------------------------------------------------------------------------------

TEST(CardinalityReport, RanksFamiliesAndNamesTheLabelToBlame) {
  const Metrics metrics(Options().Consumer().SeriesLimit(100).Log([](LogLevel, auto) {}));
  const auto few = metrics.Gauge("few", "F.", {"a"});
  few.With(1).Set(1);
  const auto many = metrics.Counter("many_total", "M.", {"method", "user", "code"});
  for (int i = 0; i < 60; ++i) many.With(i % 4, i, i % 7).Increment();
  metrics.Counter("alone_total", "A.").Increment();
  const auto hostile = metrics.Histogram("hostile", "H.", {"path"});
  for (int i = 0; i < 150; ++i) hostile.With(i).Observe(1);

  const auto report = metrics.CardinalityReport();
  ASSERT_EQ(report.size(), 4u);
  EXPECT_EQ(report[0].name, "hostile");
  EXPECT_EQ(report[0].type, MetricType::kHistogram);
  EXPECT_EQ(report[0].series, 100u) << "without the overflow series";
  EXPECT_EQ(report[0].limit, 100u);
  EXPECT_EQ(report[0].overflowed_lookups, 50u);
  EXPECT_EQ(report[0].blame, "path");

  EXPECT_EQ(report[1].name, "many_total");
  EXPECT_EQ(report[1].series, 60u);
  EXPECT_EQ(report[1].overflowed_lookups, 0u);
  EXPECT_EQ(report[1].blame, "user");
  ASSERT_EQ(report[1].labels.size(), 3u);
  EXPECT_EQ(report[1].labels[0].name, "user");
  EXPECT_EQ(report[1].labels[0].distinct, 60u);
  EXPECT_EQ(report[1].labels[1].name, "code");
  EXPECT_EQ(report[1].labels[1].distinct, 7u);
  EXPECT_EQ(report[1].labels[2].distinct, 4u);
  EXPECT_GT(report[1].bytes, 60u * 60u);

  EXPECT_EQ(report[2].series, 1u);
  EXPECT_EQ(report[2].blame, "") << "one value is nobody's fault";
  EXPECT_EQ(report[3].series, 1u);

  const std::string text = ToString(report);
  EXPECT_THAT(text, HasSubstr("histogram hostile: 100 series of 100"));
  EXPECT_THAT(text, HasSubstr("50 look-ups above the limit; values: path 100; to blame: path\n"));
  EXPECT_THAT(text, HasSubstr("values: user 60, code 7, method 4; to blame: user\n"));
}

TEST(CardinalityReport, KnowsTheLabelsThatAViewLeaves) {
  LogCapture log;
  const Metrics metrics(
      Options()
          .Consumer()
          .SeriesWarning(50)
          .SeriesLimit(100)
          .Log(log.callback())
          .AddView(View("many_total").DropLabels({"path"}).RenameLabel("user", "client"))
          .AddView(View("one_total").DropLabels({"path"})));
  const auto many = metrics.Counter("many_total", "M.", {"path", "user"});
  for (int i = 0; i < 150; ++i) many.With(i, "name of user " + std::to_string(i)).Increment();
  const auto one = metrics.Counter("one_total", "O.", {"path"});
  for (int i = 0; i < 10; ++i) one.With(i).Increment();

  const FamilyCardinality report = ReportOf(metrics, "many_total");
  ASSERT_EQ(report.labels.size(), 1u);
  EXPECT_EQ(report.labels[0].name, "client");
  EXPECT_EQ(report.labels[0].distinct, 100u);
  EXPECT_EQ(report.blame, "client");
  EXPECT_EQ(ReportOf(metrics, "one_total").series, 1u);
  EXPECT_TRUE(ReportOf(metrics, "one_total").labels.empty());
  EXPECT_EQ(log.Count("has 50 series; the label client has the most"), 1);
}

TEST(CardinalityReport, KnowsWhatSummariesAndExponentialBucketsTake) {
  const Metrics metrics(Options().Consumer());
  const auto summary = metrics.Summary("s", "S.", {"l"});
  const auto native = metrics.Histogram("n", "N.", {"l"}, FamilyOptions().Native());
  for (int i = 0; i < 10; ++i) {
    for (int k = 1; k < 1000; ++k) {
      summary.With(i).Observe(k * 1e-3);
      native.With(i).Observe(k * 1e-3);
    }
  }
  EXPECT_GT(ReportOf(metrics, "s").bytes, 10u * 10u * 32u * 8u);  // ten octaves
  EXPECT_GT(ReportOf(metrics, "n").bytes, 10u * 80u * 8u);
}

TEST(CardinalityReport, CountsIdleSeriesWhichKeepTheirRoomUnderTheLimit) {
  SystemTime now = SystemTime() + std::chrono::seconds(1000);
  const Metrics metrics(Options()
                            .Consumer()
                            .SeriesLimit(2)
                            .SeriesTtl(std::chrono::seconds(1))
                            .Clock([&] { return now; })
                            .Log([](LogLevel, auto) {}));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  const Counter old = family.With("old");
  old.Increment();
  family.With("older").Increment();
  static_cast<void>(metrics.TakeSnapshot());
  now += std::chrono::seconds(10);
  EXPECT_EQ(FindFamily(metrics.TakeSnapshot(), "c_total")->size(), 0u);
  EXPECT_EQ(ReportOf(metrics, "c_total").series, 2u);
  family.With("new").Increment(5);
  EXPECT_EQ(ValueOf(metrics, "c_total", kOverflow), 5);
  old.Increment();
  EXPECT_EQ(ValueOf(metrics, "c_total", {{"user", "old"}}), 2) << "its handle still counts";
}

TEST(CardinalityReport, IsEmptyOfAMetricsThatRecordsNothing) {
  EXPECT_TRUE(Metrics().CardinalityReport().empty());
  EXPECT_TRUE(Metrics(Options()).CardinalityReport().empty());
}

TEST(CardinalityReport, MayBeAskedForWhileSeriesComeAndGo) {
  const Metrics metrics(Options().Consumer().SeriesLimit(500).Log([](LogLevel, auto) {}));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) {
        family.With(i % 700 + t * 300).Increment();
        if (i % 3 == 0) family.Remove((i * 7) % 700);
        if (i % 5000 == 0) family.RemoveAll();
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    const FamilyCardinality entry = ReportOf(metrics, "c_total");
    EXPECT_LE(entry.labels[0].distinct, 1001u);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

// --- the limit -------------------------------------------------------------------------------

TEST(SeriesLimit, BoundsTheMemoryOfAMillionLabelValuesAndKeepsTheTotal) {
  constexpr int kValues = kSanitized ? 200000 : 1000000;
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  const auto family = metrics.Counter("requests_total", "R.", {"method", "user"});
  const std::array<std::string_view, 3> methods = {"GET", "PUT", "POST"};
  std::size_t when_full = 0;
  for (int i = 0; i < kValues; ++i) {
    char user[16] = "user-";
    const auto end = std::to_chars(user + 5, user + sizeof(user), i).ptr;
    family
        .With(methods[static_cast<std::size_t>(i) % 3],
              std::string_view(user, static_cast<std::size_t>(end - user)))
        .Increment();
    if (i == 100000) when_full = ResidentBytes();
  }
  if (!kSanitized) {
    EXPECT_LT(ResidentBytes(), when_full + (std::size_t{1} << 20));
  }
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "requests_total")->size(), 50001u);
  EXPECT_EQ(TotalOf(snapshot, "requests_total"), static_cast<std::uint64_t>(kValues));
  EXPECT_EQ(ValueOf(snapshot, "requests_total", kOverflow), kValues - 50000);
  const FamilyCardinality report = metrics.CardinalityReport().front();
  EXPECT_EQ(report.series, 50000u);
  EXPECT_EQ(report.overflowed_lookups, static_cast<std::uint64_t>(kValues - 50000));
  EXPECT_EQ(report.blame, "user");
  EXPECT_EQ(report.labels[0].distinct, 50000u);
  // At 2,000, at 20,000 and at the limit.
  ASSERT_EQ(log.messages().size(), 3u);
  for (const std::string& message : log.messages()) {
    EXPECT_THAT(message, HasSubstr("the label user has the most different values"));
  }
}

TEST(SeriesLimit, IsReachedByManyThreadsAtOnceWithoutLosingACount) {
  constexpr int kThreads = 8;
  constexpr int kEach = 5000;
  const Metrics metrics(Options().Consumer().SeriesLimit(1000).Log([](LogLevel, auto) {}));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      // Half of the values are everybody's.
      for (int i = 0; i < kEach; ++i) family.With(i % 2 == 0 ? i : i + t * 100000).Increment();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "c_total")->size(), 1001u);
  EXPECT_EQ(TotalOf(snapshot, "c_total"), static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_EQ(ReportOf(metrics, "c_total").overflowed_lookups,
            ValueOf(snapshot, "c_total", kOverflow));
}

TEST(SeriesLimit, GivesARemovedSeriesRoomToTheNextOne) {
  const Metrics metrics(Options().Consumer().SeriesLimit(3).Log([](LogLevel, auto) {}));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  for (int i = 0; i < 10; ++i) family.With(i).Increment();
  EXPECT_TRUE(family.Remove(1));
  family.With("next").Increment();
  family.With("over").Increment();
  Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "c_total")->size(), 4u) << "three, and the overflow series";
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"user", "next"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "c_total", kOverflow), 8);

  family.RemoveAll();
  for (int i = 0; i < 5; ++i) family.With(i).Increment();
  snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "c_total")->size(), 4u);
  EXPECT_EQ(ValueOf(snapshot, "c_total", kOverflow), 2) << "a new one, from zero";
  EXPECT_EQ(TotalOf(snapshot, "c_total"), 5u);
}

TEST(SeriesLimit, KeepsTheCountsOfHandlesThatOverflowedBeforeARemoval) {
  const Metrics metrics(Options().Consumer().SeriesLimit(1).Log([](LogLevel, auto) {}));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  family.With("first").Increment();
  const Counter over = family.With("over");
  EXPECT_TRUE(family.Remove("first"));
  family.With("second").Increment();
  over.Increment(7);  // still the overflow series
  EXPECT_EQ(ValueOf(metrics, "c_total", kOverflow), 7);
  family.RemoveAll();
  over.Increment(2);
  EXPECT_EQ(ValueOf(metrics, "polymeter_removed_series_increments_total"), 2);
}

TEST(SeriesLimit, FindsAKnownSeriesByValuesThatAreNotUtf8) {
  const Metrics metrics(Options().Consumer().SeriesLimit(1).Log([](LogLevel, auto) {}));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  family.With("bad\xFF").Increment();
  family.With("other").Increment();
  family.With("other").Increment();
  family.With("bad\xFF").Increment();
  family.With("worse\xFF").Increment();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"user", "bad\xEF\xBF\xBD"}}), 2);
  EXPECT_EQ(ValueOf(snapshot, "c_total", kOverflow), 3);
}

TEST(SeriesLimit, CountsTheHistogramsAndGaugesAboveItInOneSeries) {
  const Metrics metrics(Options().Consumer().SeriesLimit(2).Log([](LogLevel, auto) {}));
  const auto histograms = metrics.Histogram("h", "H.", {"user"});
  const auto gauges = metrics.Gauge("g", "G.", {"user"});
  for (int i = 0; i < 10; ++i) {
    histograms.With(i).Observe(i);
    gauges.With(i).Increment(1);
  }
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(testing::CountOf(snapshot, "h", kOverflow), 8u);
  EXPECT_EQ(testing::SumOf(snapshot, "h", kOverflow), 44);
  EXPECT_EQ(ValueOf(snapshot, "g", kOverflow), 8);
}

}  // namespace
}  // namespace polymeter
