// The contract of every encoder, through make_encoder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <time.h>

#include <clocale>
#include <cstdlib>
#include <locale>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "polymeter/encoder.h"
#include "polymeter/metrics.h"
#include "test/conformance/cases.h"
#include "test/conformance/sinks.h"
#include "test/conformance/snapshots.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Not;

class EncoderContract : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    auto made = GetParam().info->make_encoder(GetParam().BackendOptions());
    ASSERT_TRUE(made) << made.message();
    encoder_ = std::move(made.value());
    ASSERT_NE(encoder_, nullptr);
  }
  std::vector<std::string> Encoded(const Snapshot& snapshot, EncoderCache* cache) const {
    RecordingSink sink;
    const EncodeReport report = encoder_->Encode(snapshot, cache, sink);
    EXPECT_TRUE(report.complete);
    return sink.messages();
  }

  std::unique_ptr<Encoder> encoder_;
};

INSTANTIATE_TEST_SUITE_P(EveryBackend, EncoderContract, ::testing::ValuesIn(EncoderCases()),
                         CaseName);

std::uint64_t Dropped(const EncodeReport& report) {
  std::uint64_t points = 0;
  for (const EncodeReport::Drop& drop : report.dropped) points += drop.points;
  return points;
}

TEST_P(EncoderContract, AccountsForEveryPointOfTheCorpus) {
  for (const auto& [name, snapshot] : CorpusSnapshots()) {
    RecordingSink sink;
    const EncodeReport report = encoder_->Encode(snapshot, nullptr, sink);
    EXPECT_TRUE(report.complete) << name;
    EXPECT_EQ(report.points + Dropped(report), snapshot.size()) << name;
    EXPECT_EQ(sink.points(), report.points) << name << ": what EndMessage was told";
    EXPECT_EQ(sink.open(), "") << name << ": bytes after the last EndMessage";
    for (const EncodeReport::Drop& drop : report.dropped) {
      EXPECT_FALSE(drop.reason.empty()) << name;
      EXPECT_GT(drop.points, 0u) << name << ": " << drop.reason;
    }
  }
}

TEST_P(EncoderContract, CarriesMostOfWhatAPlainServiceHas) {
  const Snapshot snapshot = SnapshotOf(WriteCanonical);
  RecordingSink sink;
  const EncodeReport report = encoder_->Encode(snapshot, nullptr, sink);
  EXPECT_GE(report.points, snapshot.size() / 2);
  EXPECT_THAT(sink.messages(), Not(IsEmpty()));
  EXPECT_THAT(sink.messages(), Each(Not(IsEmpty())));
}

TEST_P(EncoderContract, GivesTheSameBytesForTheSameSnapshot) {
  for (const auto& [name, snapshot] : CorpusSnapshots()) {
    EXPECT_EQ(Encoded(snapshot, nullptr), Encoded(snapshot, nullptr)) << name;
  }
}

TEST_P(EncoderContract, GivesTheSameBytesWithAWarmCacheAColdOneAndNone) {
  for (const auto& [name, snapshot] : CorpusSnapshots()) {
    const auto cache = encoder_->MakeCache();
    const auto none = Encoded(snapshot, nullptr);
    EXPECT_EQ(Encoded(snapshot, cache.get()), none) << name << ", cold";
    EXPECT_EQ(Encoded(snapshot, cache.get()), none) << name << ", warm";
  }
}

// Series and families that come and go, so that places in a cache are used anew.
TEST_P(EncoderContract, KeepsItsCacheRightWhileSeriesComeAndGo) {
  const Metrics metrics(
      Options().Consumer().ConstLabels({{"zone", "b"}}).Log([](LogLevel, std::string_view) {}));
  const auto counters = metrics.Counter("jobs_total", "Jobs.", {"user"});
  const auto gauges = metrics.Gauge("level", "Levels.", {"user", "zone"});
  const auto histograms = metrics.Histogram("latency_seconds", "Latencies.", {"user"});
  const auto cache = encoder_->MakeCache();
  std::mt19937 random(7);
  const auto user = [&random] { return "user " + std::to_string(random() % 12); };
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 4; ++i) {
      counters.With(user()).Increment(static_cast<int>(random() % 100));
      gauges.With(user(), "own").Set(static_cast<double>(random() % 1000) / 8);
      histograms.With(user()).Observe(static_cast<double>(random() % 100) / 16);
      counters.Remove(user());
      gauges.Remove(user(), "own");
      histograms.Remove(user());
    }
    if (round % 20 == 19) counters.RemoveAll();
    if (round % 10 == 0) {
      metrics.Counter("family_" + std::to_string(round) + "_total", "Later.").Increment();
    }
    const Snapshot snapshot = metrics.TakeSnapshot();
    ASSERT_EQ(Encoded(snapshot, cache.get()), Encoded(snapshot, nullptr)) << "round " << round;
  }
}

TEST_P(EncoderContract, StopsWhenTheSinkRefuses) {
  const Snapshot snapshot = SnapshotOf(WriteCorpus);
  RecordingSink all;
  static_cast<void>(encoder_->Encode(snapshot, nullptr, all));
  ASSERT_GT(all.calls(), 0u);
  const auto cache = encoder_->MakeCache();
  for (const std::size_t refuse_at : {std::size_t{0}, std::size_t{1}, std::size_t{2},
                                      all.calls() / 2, all.calls() - 2, all.calls() - 1}) {
    if (refuse_at >= all.calls()) continue;  // few calls: the others cover it
    RecordingSink sink(refuse_at);
    const EncodeReport report = encoder_->Encode(snapshot, cache.get(), sink);
    EXPECT_FALSE(report.complete) << "refused at call " << refuse_at;
    EXPECT_EQ(sink.calls_after_refusal(), 0u) << "refused at call " << refuse_at;
    EXPECT_LE(sink.points(), report.points + Dropped(report));
    // What it cached until then is still right.
    EXPECT_EQ(Encoded(snapshot, cache.get()), all.messages()) << "refused at call " << refuse_at;
  }
}

TEST_P(EncoderContract, WorksInSeveralThreadsEachWithItsOwnCache) {
  const Snapshot snapshot = SnapshotOf(WriteCorpus);
  const auto expected = Encoded(snapshot, nullptr);
  std::vector<std::thread> threads;
  std::vector<int> equal(4, 0);
  for (int& count : equal) {
    threads.emplace_back([&] {
      const auto cache = encoder_->MakeCache();
      for (int i = 0; i < 5; ++i) {
        RecordingSink sink;
        static_cast<void>(encoder_->Encode(snapshot, cache.get(), sink));
        count += sink.messages() == expected ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(equal, Each(5));
}

// Commas for points, and groups of two digits.
class OddNumbers : public std::numpunct<char> {
 protected:
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\2"; }
  std::string do_truename() const override { return "wahr"; }
};

TEST_P(EncoderContract, GivesTheSameBytesInEveryLocale) {
  const Snapshot snapshot = SnapshotOf(WriteCorpus);
  const auto expected = Encoded(snapshot, nullptr);
  const std::string c_locale = std::setlocale(LC_ALL, nullptr);
  const std::locale before = std::locale::global(std::locale(std::locale(), new OddNumbers));
  const auto odd = Encoded(snapshot, nullptr);
  std::locale::global(before);
  EXPECT_EQ(odd, expected);
  for (const char* name : {"de_DE.UTF-8", "tr_TR.UTF-8"}) {
    if (std::setlocale(LC_ALL, name) == nullptr) continue;  // the machine decides which there are
    const auto encoded = Encoded(snapshot, nullptr);
    std::setlocale(LC_ALL, c_locale.c_str());
    EXPECT_EQ(encoded, expected) << name;
  }
}

// One that could change what an encoder writes, set for the length of a scope.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    setenv(name, value, 1);
  }
  ~Variable() {
    if (before_) {
      setenv(name_, before_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST_P(EncoderContract, GivesTheSameBytesInEveryTimeZoneAndEnvironment) {
  const Snapshot snapshot = SnapshotOf(WriteCorpus);
  const auto expected = Encoded(snapshot, nullptr);
  {
    const Variable zone("TZ", "Pacific/Kiritimati");
    const Variable language("LC_ALL", "de_DE.UTF-8");
    const Variable service("OTEL_SERVICE_NAME", "another");
    const Variable attributes("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=another");
    const Variable prefix("METRICS_PREFIX", "another_");
    const Variable statsd("STATSD_PREFIX", "another");
    tzset();
    EXPECT_EQ(Encoded(snapshot, nullptr), expected);
  }
  tzset();
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
