#include "exporters/statsd/statsd_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "exporters/statsd/deltas_for_test.h"
#include "exporters/statsd/plain_number.h"
#include "test/conformance/sinks.h"
#include "test/conformance/snapshots.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

using detail::MakeStatsdEncoder;
using detail::StatsdDialect;
using detail::StatsdFormat;
using detail::StatsdHistograms;
using detail::StatsdTags;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

StatsdFormat Plain() { return {}; }
StatsdFormat Dogstatsd() {
  StatsdFormat format;
  format.dialect = StatsdDialect::kDogstatsd;
  format.tags = StatsdTags::kDogstatsd;
  return format;
}

struct Encoded {
  std::vector<std::string> packets;
  std::vector<std::string> lines;
  std::map<std::string, std::uint64_t> dropped;
  std::uint64_t points = 0;
};

Encoded Encode(const Snapshot& snapshot, const StatsdFormat& format) {
  RecordingSink sink;
  const EncodeReport report = MakeStatsdEncoder(format)->Encode(snapshot, nullptr, sink);
  Encoded encoded;
  encoded.packets = sink.messages();
  encoded.points = report.points;
  std::uint64_t dropped = 0;
  for (const auto& drop : report.dropped) {
    encoded.dropped[std::string(drop.reason)] = drop.points;
    dropped += drop.points;
  }
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(sink.points(), report.points);
  EXPECT_EQ(report.points + dropped, snapshot.size());
  for (const std::string& packet : sink.messages()) {
    EXPECT_LE(packet.size(), format.most_packet_bytes);
    std::istringstream in(packet);
    for (std::string line; std::getline(in, line);) encoded.lines.push_back(line);
  }
  return encoded;
}

std::vector<std::string> Lines(const Snapshot& snapshot, const StatsdFormat& format) {
  return Encode(snapshot, format).lines;
}

template <class Write>
Snapshot Made(Write write, std::vector<std::vector<double>> observations = {}) {
  SnapshotBuilder builder;
  write(builder.sink());
  return Recorded(builder, std::move(observations));
}

Snapshot OneGauge(double value) {
  return Made([value](FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "level", "");
    sink.Gauge({{"q", "a"}}, value);
  });
}
Snapshot OneCounter(double value) {
  return Made([value](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "done_total", "");
    sink.Counter({}, value);
  });
}
// Of `count` observations, all of them in one bucket, those that were kept.
Snapshot OneHistogram(std::uint64_t count, std::vector<double> observations,
                      std::string_view unit = "seconds") {
  return Made(
      [&](FamilySink& sink) {
        sink.BeginFamily(MetricType::kHistogram, "wait", "", unit);
        const double bounds[] = {1};
        const std::uint64_t buckets[] = {count, 0};
        const Label label{"q", "a"};
        sink.Histogram(&label, 1, bounds, 1, buckets, 0.5);
      },
      {std::move(observations)});
}

// --- counters --------------------------------------------------------------------------------

TEST(StatsdEncoder, SendsACounterAsOneDifference) {
  const Snapshot snapshot = Made([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "jobs_total", "");
    sink.Counter({{"kind", "a"}}, std::uint64_t{18446744073709551615u});
    sink.Counter({{"kind", "b"}}, std::uint64_t{9007199254740993});
    sink.Counter({{"kind", "none"}}, std::uint64_t{0});
    sink.Counter({{"kind", "half"}}, 2.5);
  });
  EXPECT_THAT(Lines(snapshot, Plain()),
              ElementsAre("jobs_total.kind.a:18446744073709551615|c",
                          "jobs_total.kind.b:9007199254740993|c", "jobs_total.kind.half:2.5|c"));
  EXPECT_THAT(Lines(snapshot, Dogstatsd()),
              ElementsAre("jobs_total:18446744073709551615|c|#kind:a",
                          "jobs_total:9007199254740993|c|#kind:b", "jobs_total:2.5|c|#kind:half"));
}

TEST(StatsdEncoder, WritesNoExponents) {
  EXPECT_THAT(Lines(OneCounter(1e21), Plain()), ElementsAre("done_total:1000000000000000000000|c"));
  EXPECT_THAT(Lines(OneCounter(1e-7), Plain()), ElementsAre("done_total:0.0000001|c"));
  EXPECT_THAT(Lines(OneCounter(123456.75), Plain()), ElementsAre("done_total:123456.75|c"));
  EXPECT_THAT(Lines(OneCounter(0.1 + 0.2), Plain()),
              ElementsAre("done_total:0.30000000000000004|c"));
  for (const auto& [name, snapshot] : CorpusSnapshots()) {
    for (const std::string& line : Lines(snapshot, Plain())) {
      const std::size_t colon = line.find(':');
      const std::string value = line.substr(colon + 1, line.find('|') - colon - 1);
      EXPECT_EQ(value.find_first_not_of("-.0123456789"), std::string::npos) << line;
    }
  }
}

TEST(StatsdEncoder, DropsWhatIsNotFinite) {
  for (const double value : {kInf, kNan}) {
    const Encoded counter = Encode(OneCounter(kInf), Plain());
    EXPECT_THAT(counter.packets, IsEmpty());
    EXPECT_EQ(counter.dropped.at("not_finite"), 1u);
    for (const StatsdFormat& format : {Plain(), Dogstatsd()}) {
      const Encoded gauge = Encode(OneGauge(value), format);
      EXPECT_THAT(gauge.packets, IsEmpty());
      EXPECT_EQ(gauge.dropped.at("not_finite"), 1u);
    }
  }
}

TEST(StatsdEncoder, CountsIdleSeriesWithThePacketThatIsSentAnyway) {
  const auto write = [](std::uint64_t second) {
    return Made([second](FamilySink& sink) {
      sink.BeginFamily(MetricType::kCounter, "jobs_total", "");
      sink.Counter({{"n", "1"}}, std::uint64_t{0});
      sink.Counter({{"n", "2"}}, second);
      sink.Counter({{"n", "3"}}, std::uint64_t{0});
    });
  };
  EXPECT_EQ(Encode(write(1), Plain()).points, 3u);
  const Encoded idle = Encode(write(0), Plain());
  EXPECT_THAT(idle.packets, IsEmpty());
  EXPECT_EQ(idle.dropped.at("no_packet"), 3u);
}

// --- gauges ----------------------------------------------------------------------------------

TEST(StatsdEncoder, SetsANegativeGaugeInPlainStatsdFromZeroInOnePacket) {
  EXPECT_THAT(Encode(OneGauge(-3.5), Plain()).packets,
              ElementsAre("level.q.a:0|g\nlevel.q.a:-3.5|g"));
  EXPECT_THAT(Lines(OneGauge(-3.5), Dogstatsd()), ElementsAre("level:-3.5|g|#q:a"));
}

TEST(StatsdEncoder, NeverSplitsTheTwoLinesOfANegativeGauge) {
  StatsdFormat format = Plain();
  const std::string pair = "level.q.a:0|g\nlevel.q.a:-3.5|g";
  for (std::size_t first = 1; first < 40; ++first) {
    const Snapshot snapshot = Made([first](FamilySink& sink) {
      sink.BeginFamily(MetricType::kCounter, "a" + std::string(first, 'x'), "");
      sink.Counter({}, std::uint64_t{1});
      sink.BeginFamily(MetricType::kGauge, "level", "");
      sink.Gauge({{"q", "a"}}, -3.5);
    });
    format.most_packet_bytes = 45;
    const Encoded encoded = Encode(snapshot, format);
    ASSERT_FALSE(encoded.packets.empty());
    EXPECT_NE(encoded.packets.back().find(pair), std::string::npos) << encoded.packets.back();
  }
}

TEST(StatsdEncoder, WritesZeroWithoutASign) {
  EXPECT_THAT(Lines(OneGauge(-0.0), Plain()), ElementsAre("level.q.a:0|g"));
  EXPECT_THAT(Lines(OneGauge(-0.0), Dogstatsd()), ElementsAre("level:0|g|#q:a"));
}

TEST(StatsdEncoder, NeverWritesAPlus) {
  EXPECT_THAT(Lines(OneGauge(7), Plain()), ElementsAre("level.q.a:7|g"));
}

TEST(StatsdEncoder, SendsInfoAndUnknownAsGauges) {
  const Snapshot snapshot = Made([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kInfo, "build_info", "");
    sink.Info({{"version", "1.2.3"}});
    sink.BeginFamily(MetricType::kUnknown, "legacy", "");
    sink.Unknown({}, 42);
  });
  EXPECT_THAT(Lines(snapshot, Dogstatsd()),
              ElementsAre("build_info:1|g|#version:1.2.3", "legacy:42|g"));
  EXPECT_THAT(Lines(snapshot, Plain()), ElementsAre("build_info.version.1_2_3:1|g", "legacy:42|g"));
}

// --- names and tags --------------------------------------------------------------------------

TEST(StatsdEncoder, PutsLabelsWhereTheReceiverLooksForThem) {
  const Snapshot snapshot = Made([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kCounter, "requests", "");
    sink.Counter({{"method", "GET"}, {"path", "/a.b"}, {"empty", ""}}, std::uint64_t{1});
  });
  StatsdFormat format;
  EXPECT_THAT(Lines(snapshot, format), ElementsAre("requests.method.GET.path._a_b:1|c"));
  format.tags = StatsdTags::kGraphite;
  EXPECT_THAT(Lines(snapshot, format), ElementsAre("requests;method=GET;path=_a.b:1|c"));
  format.tags = StatsdTags::kDogstatsd;
  EXPECT_THAT(Lines(snapshot, format), ElementsAre("requests:1|c|#method:GET,path:/a.b"));
}

TEST(StatsdEncoder, PutsThePrefixBeforeEveryName) {
  StatsdFormat format = Plain();
  format.prefix = "shop.cart.";
  EXPECT_THAT(Lines(OneGauge(-1), format),
              ElementsAre("shop.cart.level.q.a:0|g", "shop.cart.level.q.a:-1|g"));
}

TEST(StatsdEncoder, LetsNoLabelForgeALineAFieldOrATag) {
  for (const StatsdTags tags : {StatsdTags::kNone, StatsdTags::kGraphite, StatsdTags::kDogstatsd}) {
    for (const std::string& text : HostileTexts()) {
      StatsdFormat format = Dogstatsd();
      format.tags = tags;
      format.most_packet_bytes = 16384;
      const Snapshot snapshot = Made([&text](FamilySink& sink) {
        sink.BeginFamily(MetricType::kCounter, "c:x", "");
        sink.Counter({{"text", text}}, std::uint64_t{1});
      });
      const Encoded encoded = Encode(snapshot, format);
      ASSERT_THAT(encoded.lines, SizeIs(1)) << text;
      const std::string& line = encoded.lines[0];
      for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line;
      EXPECT_EQ(line.rfind("c_x", 0), 0u);
      // name ":" value "|c" and with tags "|#" and one tag.
      const bool tagged = tags == StatsdTags::kDogstatsd && !text.empty();
      EXPECT_EQ(std::count(line.begin(), line.end(), '|'), tagged ? 2 : 1) << line;
      EXPECT_EQ(std::count(line.begin(), line.end(), ','), 0) << line;
      const std::string name = line.substr(0, line.find(':'));
      EXPECT_EQ(name.find_first_not_of(
                    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-;="),
                std::string::npos)
          << line;
      EXPECT_EQ(std::count(name.begin(), name.end(), ';'),
                tags == StatsdTags::kGraphite && !text.empty() ? 1 : 0)
          << line;
    }
  }
}

TEST(StatsdEncoder, LetsNoConstantTagForgeALineAFieldOrATag) {
  StatsdFormat format = Dogstatsd();
  format.constant_tags = {{"a\nb|c,d:e;f=g", "1"}, {"x\n|y", ""}};
  EXPECT_THAT(Lines(OneGauge(1), format), ElementsAre("level:1|g|#a_b_c_d_e;f=g:1,x__y,q:a"));
  format.tags = StatsdTags::kNone;
  EXPECT_THAT(Lines(OneGauge(1), format), ElementsAre("level.a_b_c_d_e_f_g.1.q.a:1|g"));
  format.tags = StatsdTags::kGraphite;
  EXPECT_THAT(Lines(OneGauge(1), format), ElementsAre("level;a_b_c_d_e_f_g=1;q=a:1|g"));
}

TEST(StatsdEncoder, CutsDogstatsdTagsWhereDatadogDoesAndBetweenCharacters) {
  const Snapshot snapshot = Made([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "g", "");
    std::string text;
    for (int i = 0; i < 300; ++i) text += "\xC3\xBC";
    sink.Gauge({{"text", text}}, 1);
  });
  std::string cut = "g:1|g|#text:";
  for (int i = 0; i < 195; ++i) cut += "\xC3\xBC";
  EXPECT_THAT(Lines(snapshot, Dogstatsd()), ElementsAre(cut));
}

TEST(StatsdEncoder, AddsTheIdentityToDogstatsdLinesUnlessTheSeriesHasIt) {
  SnapshotBuilder builder;
  builder.Resource("service.name", "shop").Resource("service.version", "1.2");
  builder.sink().BeginFamily(MetricType::kGauge, "g", "");
  builder.sink().Gauge({{"service", "users"}}, 1);
  builder.sink().Gauge({}, 2);
  const Snapshot snapshot = Recorded(builder);
  StatsdFormat format = Dogstatsd();
  EXPECT_THAT(Lines(snapshot, format),
              ElementsAre("g:1|g|#version:1.2,service:users", "g:2|g|#service:shop,version:1.2"));
  format.constant_tags = {{"env", "prod"}, {"version", "9"}, {"bare", ""}};
  EXPECT_THAT(Lines(snapshot, format), ElementsAre("g:1|g|#env:prod,version:9,bare,service:users",
                                                   "g:2|g|#env:prod,version:9,bare,service:shop"));
  format.dialect = StatsdDialect::kStatsd;
  EXPECT_THAT(Lines(snapshot, format), ElementsAre("g:1|g|#service:users", "g:2|g"));
}

TEST(StatsdEncoder, MakesTheIdentityUtf8) {
  StatsdFormat format = Dogstatsd();
  format.constant_tags = {{"env", "a\xFF"}};
  EXPECT_THAT(Lines(OneGauge(1), format), ElementsAre("level:1|g|#env:a\xEF\xBF\xBD,q:a"));
}

TEST(StatsdEncoder, KeepsNoTextOfAnotherIdentityInItsCache) {
  const auto snapshot = [](const char* version) {
    SnapshotBuilder builder;
    builder.Resource("service.version", version);
    builder.sink().BeginFamily(MetricType::kGauge, "g", "");
    builder.sink().Gauge({}, 1);
    return Recorded(builder);
  };
  const auto encoder = MakeStatsdEncoder(Dogstatsd());
  const auto cache = encoder->MakeCache();
  for (const char* version : {"1", "1", "2"}) {
    RecordingSink sink;
    static_cast<void>(encoder->Encode(snapshot(version), cache.get(), sink));
    EXPECT_THAT(sink.messages(), ElementsAre(std::string("g:1|g|#version:") + version));
  }
}

// --- histograms ------------------------------------------------------------------------------

TEST(StatsdEncoder, SendsEveryObservationAsATimingInMilliseconds) {
  const Snapshot snapshot = OneHistogram(3, {0.25, 0.0035, 2});
  EXPECT_THAT(Lines(snapshot, Plain()),
              ElementsAre("wait.q.a:250|ms", "wait.q.a:3.5|ms", "wait.q.a:2000|ms"));
  EXPECT_THAT(Lines(snapshot, Dogstatsd()), ElementsAre("wait:0.25:0.0035:2|h|#q:a"));
  StatsdFormat format = Dogstatsd();
  format.packing = false;
  format.histogram_type = 'd';
  EXPECT_THAT(Lines(snapshot, format),
              ElementsAre("wait:0.25|d|#q:a", "wait:0.0035|d|#q:a", "wait:2|d|#q:a"));
}

TEST(StatsdEncoder, MovesThePointOfSecondsWithoutRounding) {
  // 0.55 * 1000 is 550.0000000000001.
  EXPECT_THAT(Lines(OneHistogram(1, {0.55}), Plain()), ElementsAre("wait.q.a:550|ms"));
  EXPECT_THAT(Lines(OneHistogram(1, {1e-9}), Plain()), ElementsAre("wait.q.a:0.000001|ms"));
}

TEST(StatsdEncoder, LeavesOtherUnitsAlone) {
  EXPECT_THAT(Lines(OneHistogram(1, {0.25}, "bytes"), Plain()), ElementsAre("wait.q.a:0.25|ms"));
  EXPECT_THAT(Lines(OneHistogram(1, {0.25}, ""), Plain()), ElementsAre("wait.q.a:0.25|ms"));
}

TEST(StatsdEncoder, TakesSecondsFromTheNameWhereNoUnitIsGiven) {
  const Snapshot snapshot = Made(
      [](FamilySink& sink) {
        sink.BeginFamily(MetricType::kHistogram, "wait_seconds", "");
        const std::uint64_t buckets[] = {1};
        sink.Histogram(nullptr, 0, nullptr, 0, buckets, 0.5);
      },
      {{0.5}});
  EXPECT_THAT(Lines(snapshot, Plain()), ElementsAre("wait_seconds:500|ms"));
}

TEST(StatsdEncoder, GivesWholeWeightsThatAddUpToTheCount) {
  // 8 observations, 3 of them kept: 3 + 3 + 2.
  EXPECT_THAT(Lines(OneHistogram(8, {1, 2, 3}, ""), Plain()),
              ElementsAre("wait.q.a:1|ms|@0.3333333333333333", "wait.q.a:2|ms|@0.3333333333333333",
                          "wait.q.a:3|ms|@0.5"));
  EXPECT_THAT(Lines(OneHistogram(8, {1, 2, 3}, ""), Dogstatsd()),
              ElementsAre("wait:1:2|h|@0.3333333333333333|#q:a", "wait:3|h|@0.5|#q:a"));
  // 4 of which 3 were kept: one of them for two.
  EXPECT_THAT(Lines(OneHistogram(4, {1, 2, 3}, ""), Plain()),
              ElementsAre("wait.q.a:1|ms|@0.5", "wait.q.a:2|ms", "wait.q.a:3|ms"));
}

TEST(StatsdEncoder, TakesTheLastObservationsWhereThereAreMoreThanWereCounted) {
  EXPECT_THAT(Lines(OneHistogram(2, {1, 2, 3}, ""), Plain()),
              ElementsAre("wait.q.a:2|ms", "wait.q.a:3|ms"));
  EXPECT_THAT(Encode(OneHistogram(0, {1, 2, 3}, ""), Plain()).packets, IsEmpty());
}

TEST(StatsdEncoder, WritesRatesFromWhichReceiversGetTheWeightBack) {
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> weights;
  for (std::uint64_t weight = 2; weight < 5000; ++weight) weights.push_back(weight);
  for (int i = 0; i < 2000; ++i) weights.push_back(2 + (random() >> (13 + random() % 40)));
  for (const std::uint64_t weight : weights) {
    char text[detail::kMostPlainDigits];
    char* const end = detail::WritePlain(text, detail::RateOf(weight));
    EXPECT_EQ(std::string(text, end).find_first_not_of("0123456789."), std::string::npos);
    double rate = 0;
    ASSERT_EQ(std::from_chars(text, end, rate).ptr, end);
    EXPECT_EQ(static_cast<std::uint64_t>(1 / rate), weight) << std::string(text, end);
    EXPECT_LE(std::fabs(1 / rate - static_cast<double>(weight)),
              static_cast<double>(weight) * 0x1p-51);
  }
}

TEST(StatsdEncoder, PacksValuesUpToTheEndOfThePacket) {
  std::vector<double> observations(200);
  std::iota(observations.begin(), observations.end(), 0);
  StatsdFormat format = Dogstatsd();
  format.most_packet_bytes = 128;
  const Encoded encoded = Encode(OneHistogram(200, observations, ""), format);
  EXPECT_EQ(encoded.points, 1u);
  std::string values;
  for (const std::string& line : encoded.lines) {
    ASSERT_EQ(line.substr(0, 5), "wait:");
    ASSERT_EQ(line.substr(line.size() - 7), "|h|#q:a");
    values += line.substr(4, line.size() - 11);
  }
  std::string expected;
  for (int i = 0; i < 200; ++i) expected += ":" + std::to_string(i);
  EXPECT_EQ(values, expected);
  EXPECT_LE(encoded.packets.size(), expected.size() / 110);
}

TEST(StatsdEncoder, FallsBackToBucketsWhereNothingWasKept) {
  const auto write = [](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "wait", "", "seconds");
    const double bounds[] = {0.5, 1, 3};
    const std::uint64_t buckets[] = {1, 0, 4, 2};
    sink.Histogram(nullptr, 0, bounds, 3, buckets, 12);
    const double below[] = {-1, 1};
    const std::uint64_t some[] = {1, 1, 0};
    const Label label{"q", "negative"};
    sink.Histogram(&label, 1, below, 2, some, 0);
    const std::uint64_t all[] = {4};
    const Label other{"q", "no bounds"};
    sink.Histogram(&other, 1, nullptr, 0, all, 10);
  };
  const Snapshot snapshot = Made(write);
  EXPECT_THAT(Lines(snapshot, Dogstatsd()),
              ElementsAre("wait:0.25|h", "wait:2|h|@0.25", "wait:3|h|@0.5", "wait:-1|h|#q:negative",
                          "wait:0|h|#q:negative", "wait:2.5|h|@0.25|#q:no bounds"));
  StatsdFormat format = Plain();
  format.histograms = StatsdHistograms::kBuckets;
  const Encoded plain = Encode(snapshot, format);
  EXPECT_THAT(plain.lines, ElementsAre("wait:250|ms", "wait:2000|ms|@0.25", "wait:3000|ms|@0.5",
                                       "wait.q.negative:0|ms", "wait.q.no_bounds:2500|ms|@0.25"));
  EXPECT_EQ(plain.dropped.at("negative_timing"), 1u);
}

TEST(StatsdEncoder, CountsAHistogramOfWhichSomethingCannotBeSentAsDropped) {
  const Encoded negative = Encode(OneHistogram(3, {-1, 2, 3}, ""), Plain());
  EXPECT_THAT(negative.lines, ElementsAre("wait.q.a:2|ms", "wait.q.a:3|ms"));
  EXPECT_EQ(negative.dropped.at("negative_timing"), 1u);
  EXPECT_THAT(Lines(OneHistogram(3, {-1, 2, 3}, ""), Dogstatsd()),
              ElementsAre("wait:-1:2:3|h|#q:a"));
  const Encoded infinite = Encode(OneHistogram(2, {kInf, 2}, ""), Dogstatsd());
  EXPECT_THAT(infinite.lines, ElementsAre("wait:2|h|#q:a"));
  EXPECT_EQ(infinite.dropped.at("not_finite"), 1u);
}

TEST(StatsdEncoder, SendsHistogramsAsCumulativeCountersWhereAsked) {
  const auto write = [](FamilySink& sink) {
    sink.BeginFamily(MetricType::kHistogram, "wait", "", "seconds");
    const double bounds[] = {0.5, 1, 1e6};
    const std::uint64_t buckets[] = {0, 2, 0, 1};
    const Label label{"q", "a"};
    sink.Histogram(&label, 1, bounds, 3, buckets, 12.5);
  };
  const std::vector<std::string> dogstatsd = {
      "wait_bucket:2|c|#q:a,le:1", "wait_bucket:2|c|#q:a,le:1e+06", "wait_bucket:3|c|#q:a,le:+Inf",
      "wait_sum:12.5|c|#q:a", "wait_count:3|c|#q:a"};
  StatsdFormat format = Dogstatsd();
  format.histograms = StatsdHistograms::kCounters;
  EXPECT_EQ(Lines(Made(write), format), dogstatsd);
  // A producer's histogram has no observations, whatever is asked for.
  SnapshotBuilder builder;
  write(builder.sink());
  EXPECT_EQ(Lines(builder.Build(), Dogstatsd()), dogstatsd);
  format = Plain();
  EXPECT_THAT(
      Lines(builder.Build(), format),
      ElementsAre("wait_bucket.q.a.le.1:2|c", "wait_bucket.q.a.le.1e06:2|c",
                  "wait_bucket.q.a.le.Inf:3|c", "wait_sum.q.a:12.5|c", "wait_count.q.a:3|c"));
  format.tags = StatsdTags::kGraphite;
  EXPECT_EQ(Lines(builder.Build(), format)[2], "wait_bucket;q=a;le=Inf:3|c");
}

// --- summaries -------------------------------------------------------------------------------

TEST(StatsdEncoder, SendsSummariesAsCountersAndGauges) {
  const Snapshot snapshot = Made([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kSummary, "rpc", "");
    const Quantile quantiles[] = {{0.5, 0.25}, {0.9, kNan}, {0.99, -2}};
    sink.Summary(nullptr, 0, quantiles, 3, 7, 1.5);
  });
  const Encoded dogstatsd = Encode(snapshot, Dogstatsd());
  EXPECT_THAT(dogstatsd.lines,
              ElementsAre("rpc_count:7|c", "rpc_sum:1.5|c", "rpc_quantile:0.25|g|#quantile:0.5",
                          "rpc_quantile:-2|g|#quantile:0.99"));
  EXPECT_EQ(dogstatsd.points, 1u);
  EXPECT_THAT(Lines(snapshot, Plain()),
              ElementsAre("rpc_count:7|c", "rpc_sum:1.5|c", "rpc_quantile.quantile.0_5:0.25|g",
                          "rpc_quantile.quantile.0_99:0|g", "rpc_quantile.quantile.0_99:-2|g"));
}

// --- packets ---------------------------------------------------------------------------------

TEST(StatsdEncoder, FillsPacketsAndSplitsNoLine) {
  const Snapshot snapshot = SnapshotOf([](FamilySink& sink) { WriteManySeries(sink); });
  for (const std::size_t most :
       {std::size_t{128}, std::size_t{512}, std::size_t{1432}, std::size_t{8192}}) {
    StatsdFormat format = Dogstatsd();
    format.most_packet_bytes = most;
    const Encoded encoded = Encode(snapshot, format);
    EXPECT_EQ(encoded.lines.size(), 9999u);  // one is 0
    EXPECT_EQ(encoded.points, 10000u);
    for (std::size_t i = 0; i + 1 < encoded.packets.size(); ++i) {
      const std::string& next = encoded.packets[i + 1];
      EXPECT_GT(encoded.packets[i].size() + 1 + next.substr(0, next.find('\n')).size(), most);
      EXPECT_NE(encoded.packets[i].back(), '\n');
    }
  }
}

TEST(StatsdEncoder, DropsALineThatFitsIntoNoPacket) {
  const Snapshot snapshot = Made([](FamilySink& sink) {
    sink.BeginFamily(MetricType::kGauge, "g", "");
    sink.Gauge({{"text", std::string(2000, 'x')}}, 1);
    sink.Gauge({{"text", "y"}}, 2);
  });
  const Encoded encoded = Encode(snapshot, Plain());
  EXPECT_THAT(encoded.packets, ElementsAre("g.text.y:2|g"));
  EXPECT_EQ(encoded.dropped.at("too_large"), 1u);
}

// --- numbers ---------------------------------------------------------------------------------

TEST(PlainNumber, ReadsBackAsWhatItWas) {
  std::mt19937_64 random(11);
  std::vector<double> values = {0,
                                5e-324,
                                std::numeric_limits<double>::max(),
                                std::numeric_limits<double>::min(),
                                2.2250738585072011e-308,
                                1.0 / 3,
                                9007199254740991,
                                9007199254740992,
                                9007199254740994.0,
                                1e22,
                                1e23};
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, 8);
    if (std::isfinite(value)) values.push_back(value);
  }
  for (const double value : values) {
    for (const double signed_value : {value, -value}) {
      char text[detail::kMostPlainDigits];
      char* const end = detail::WritePlain(text, signed_value);
      ASSERT_LE(end - text, static_cast<std::ptrdiff_t>(sizeof(text)));
      double read = 1;
      ASSERT_EQ(std::from_chars(text, end, read, std::chars_format::fixed).ptr, end);
      EXPECT_EQ(read, signed_value) << std::string(text, end);
    }
  }
}

// --- exponential buckets ---------------------------------------------------------------------

Snapshot OneNative(const NativeHistogram& native, std::vector<double> observations = {}) {
  return Made(
      [&](FamilySink& sink) {
        sink.BeginFamily(MetricType::kHistogram, "wait", "", "seconds");
        const Label label{"q", "a"};
        HistogramPoint point{SeriesView(nullptr), nullptr, &native.count, 0, native.count, 90};
        point.native = &native;
        sink.Histogram(&label, 1, point);
      },
      {std::move(observations)});
}

TEST(StatsdEncoder, SendsTheMiddleOfEachExponentialBucketWhereThereAreNoOthers) {
  const std::uint64_t positive[] = {1, 0, 4};
  NativeHistogram native;
  native.schema = -1;  // (1, 4], (4, 16], (16, 64]
  native.zero_count = 2;
  native.positive = {1, 3, positive};
  native.count = 7;
  for (const StatsdHistograms histograms :
       {StatsdHistograms::kBuckets, StatsdHistograms::kSamples}) {
    StatsdFormat plain = Plain();
    plain.histograms = histograms;
    EXPECT_THAT(Lines(OneNative(native), plain),
                ElementsAre("wait.q.a:2000|ms", "wait.q.a:32000|ms|@0.25", "wait.q.a:0|ms|@0.5"));
    StatsdFormat dogstatsd = Dogstatsd();
    dogstatsd.histograms = histograms;
    EXPECT_THAT(Lines(OneNative(native), dogstatsd),
                ElementsAre("wait:2|h|#q:a", "wait:32|h|@0.25|#q:a", "wait:0|h|@0.5|#q:a"));
  }
  // The observations themselves are better.
  EXPECT_THAT(Lines(OneNative(native, {1.5, 20}), Dogstatsd()),
              ElementsAre("wait:1.5|h|@0.25|#q:a", "wait:20|h|@0.3333333333333333|#q:a"));
  StatsdFormat counters = Dogstatsd();
  counters.histograms = StatsdHistograms::kCounters;
  EXPECT_THAT(
      Lines(OneNative(native), counters),
      ElementsAre("wait_bucket:7|c|#q:a,le:+Inf", "wait_sum:90|c|#q:a", "wait_count:7|c|#q:a"));
}

TEST(StatsdEncoder, CountsExponentialBucketsThatHaveNoFormInItAsDropped) {
  const std::uint64_t negative[] = {1};
  NativeHistogram native;
  native.zero_count = 1;
  native.negative = {2, 1, negative};
  native.count = 2;
  StatsdFormat plain = Plain();
  plain.histograms = StatsdHistograms::kBuckets;
  const Encoded below = Encode(OneNative(native), plain);
  EXPECT_THAT(below.lines, ElementsAre("wait.q.a:0|ms"));
  EXPECT_EQ(below.dropped.at("negative_timing"), 1u);
  StatsdFormat dogstatsd = Dogstatsd();
  dogstatsd.histograms = StatsdHistograms::kBuckets;
  EXPECT_THAT(Lines(OneNative(native), dogstatsd),
              ElementsAre("wait:-2.8284271247461903|h|#q:a", "wait:0|h|#q:a"));
  native.positive_infinite = 1;
  native.count = 3;
  EXPECT_EQ(Encode(OneNative(native), dogstatsd).dropped.at("not_finite"), 1u);
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
