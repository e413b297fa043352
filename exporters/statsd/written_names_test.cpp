// Names that StatsD cannot hold: no line breaks, and nothing collides unseen.
#include "exporters/statsd/written_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "exporters/statsd/statsd_encoder.h"
#include "polymeter/options.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/hostile_names.h"
#include "test/conformance/sinks.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

using detail::MakeStatsdEncoder;
using detail::StatsdDialect;
using detail::StatsdFormat;
using detail::StatsdHistograms;
using detail::StatsdTags;
using ::testing::ElementsAre;

struct Named {
  std::vector<std::string> lines;
  std::uint64_t points = 0;
  std::uint64_t clashes = 0;
};

Named Write(const Snapshot& snapshot, StatsdTags tags,
            StatsdHistograms histograms = StatsdHistograms::kSamples) {
  StatsdFormat format;
  format.tags = tags;
  format.histograms = histograms;
  if (tags == StatsdTags::kDogstatsd) format.dialect = StatsdDialect::kDogstatsd;
  format.packing = false;
  RecordingSink sink;
  const EncodeReport report = MakeStatsdEncoder(format)->Encode(snapshot, nullptr, sink);
  Named named;
  named.points = report.points;
  for (const auto& drop : report.dropped) {
    EXPECT_EQ(drop.reason, "name_clash");
    named.clashes += drop.points;
  }
  EXPECT_EQ(named.points + named.clashes, snapshot.size());
  for (const std::string& packet : sink.messages()) {
    std::istringstream in(packet);
    for (std::string line; std::getline(in, line);) named.lines.push_back(line);
  }
  return named;
}

SnapshotBuilder& Utf8(SnapshotBuilder& builder) { return builder.Names(NameValidation::kUtf8); }

TEST(StatsdNames, OfFamiliesThatBecomeOneTheOneThatIsCalledSoIsWritten) {
  SnapshotBuilder builder;
  FamilySink& sink = Utf8(builder).sink();
  for (const char* const name : {"a.b", "a:b", "a_b", "c d", "c-d"}) {
    sink.BeginFamily(MetricType::kCounter, name, "");
    sink.Counter({{"of", name}}, std::uint64_t{1});
  }
  const Named named = Write(builder.Build(), StatsdTags::kDogstatsd);
  EXPECT_THAT(named.lines, ElementsAre("a_b:1|c|#of:a_b", "c_d:1|c|#of:c d"));
  EXPECT_EQ(named.clashes, 3u);
}

TEST(StatsdNames, OfLegacyFamiliesWithColonsToo) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.sink();
  for (const char* const name : {"a:b", "a_b"}) {
    sink.BeginFamily(MetricType::kCounter, name, "");
    sink.Counter({}, std::uint64_t{1});
  }
  EXPECT_EQ(Write(builder.Build(), StatsdTags::kNone).clashes, 1u);
}

TEST(StatsdNames, AnIdleFamilyKeepsItsName) {
  SnapshotBuilder builder;
  FamilySink& sink = Utf8(builder).sink();
  sink.BeginFamily(MetricType::kCounter, "a.b", "");
  sink.Counter({}, std::uint64_t{1});
  const Snapshot all = builder.Build();
  // As differences have it: a family of which nothing is new.
  auto data = std::make_shared<detail::SnapshotData>();
  data->families = all.families();
  FamilyView idle = all.families()[0];
  idle.name = "a_b";
  idle.points = CounterPoints();
  data->families.push_back(idle);
  data->resource = std::make_shared<Resource>();
  data->keep.push_back(std::make_shared<Snapshot>(all));
  EXPECT_EQ(Write(Snapshot(std::move(data)), StatsdTags::kNone).clashes, 1u);
}

TEST(StatsdNames, OfAHistogramsLinesAreItsOwn) {
  SnapshotBuilder builder;
  FamilySink& sink = Utf8(builder).sink();
  sink.BeginFamily(MetricType::kCounter, "h_x_count", "");
  sink.Counter({}, std::uint64_t{1});
  sink.BeginFamily(MetricType::kHistogram, "h.x", "");
  const double bound = 1;
  const std::uint64_t buckets[] = {1, 0};
  sink.Histogram(nullptr, 0, &bound, 1, buckets, 0.5);
  const Snapshot snapshot = builder.Build();
  EXPECT_THAT(Write(snapshot, StatsdTags::kNone, StatsdHistograms::kCounters).lines,
              ElementsAre("h_x_count:1|c"));
  EXPECT_EQ(Write(snapshot, StatsdTags::kNone, StatsdHistograms::kBuckets).clashes, 0u);
}

TEST(StatsdNames, LabelsThatBecomeOneHaveBothValues) {
  SnapshotBuilder builder;
  FamilySink& sink = Utf8(builder).sink();
  sink.BeginFamily(MetricType::kCounter, "c", "");
  sink.Counter({{"a|b", "2"}, {"a,b", "1"}, {"x.y", "3"}}, std::uint64_t{1});
  const Snapshot snapshot = builder.Build();
  EXPECT_THAT(Write(snapshot, StatsdTags::kDogstatsd).lines, ElementsAre("c:1|c|#a_b:1;2,x.y:3"));
  EXPECT_THAT(Write(snapshot, StatsdTags::kGraphite).lines, ElementsAre("c;a_b=1_2;x.y=3:1|c"));
  EXPECT_THAT(Write(snapshot, StatsdTags::kNone).lines, ElementsAre("c.a_b.1_2.x_y.3:1|c"));
}

TEST(StatsdNames, TheNameOfAGraphiteTagIsNotItsMetrics) {
  SnapshotBuilder builder;
  FamilySink& sink = builder.sink();
  sink.BeginFamily(MetricType::kCounter, "c", "");
  sink.Counter({{"a", "1"}, {"name", "b"}}, std::uint64_t{1});
  sink.Counter({{"name", "c"}}, std::uint64_t{2});
  const Snapshot snapshot = builder.Build();
  EXPECT_THAT(Write(snapshot, StatsdTags::kGraphite).lines,
              ElementsAre("c;a=1;name_=b:1|c", "c;name_=c:2|c"));
  EXPECT_THAT(Write(snapshot, StatsdTags::kDogstatsd).lines,
              ElementsAre("c:1|c|#a:1,name:b", "c:2|c|#name:c"));
}

TEST(StatsdNames, OfTwoGaugesThatBecomeOneOneIsWrittenAndCountersAddUp) {
  SnapshotBuilder builder;
  FamilySink& sink = Utf8(builder).sink();
  sink.BeginFamily(MetricType::kGauge, "g", "");
  sink.Gauge({{"a|b", "x"}}, 1);
  sink.Gauge({{"a_b", "x"}}, 2);
  sink.BeginFamily(MetricType::kCounter, "n", "");
  sink.Counter({{"a|b", "x"}}, std::uint64_t{1});
  sink.Counter({{"a_b", "x"}}, std::uint64_t{2});
  const Named named = Write(builder.Build(), StatsdTags::kDogstatsd);
  EXPECT_THAT(named.lines, ElementsAre("g:2|g|#a_b:x", "n:1|c|#a_b:x", "n:2|c|#a_b:x"));
  EXPECT_EQ(named.clashes, 1u);
}

TEST(StatsdNames, HostileOnesBreakNoLine) {
  SnapshotBuilder builder;
  FamilySink& sink = Utf8(builder).sink();
  for (const std::string& name : HostileNames()) {
    sink.BeginFamily(MetricType::kGauge, name, "");
    sink.Gauge({{name, name}}, 1);
    sink.BeginFamily(MetricType::kCounter, "c" + name, "");
    sink.Counter({{name, name}}, std::uint64_t{1});
  }
  const Snapshot snapshot = builder.Build();
  for (const StatsdTags tags : {StatsdTags::kNone, StatsdTags::kGraphite, StatsdTags::kDogstatsd}) {
    const Named named = Write(snapshot, tags);
    std::set<std::string> names;
    for (const std::string& line : named.lines) {
      const std::size_t colon = line.find(':');
      ASSERT_NE(colon, std::string::npos) << line;
      const std::string name = line.substr(0, line.find_first_of(":;"));
      EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789_-."),
                std::string::npos)
          << line;
      const std::string rest = line.substr(colon + 1);
      const std::string value = rest.substr(0, rest.find("|#"));
      EXPECT_TRUE(value == "1|c" || value == "1|g") << line;
      // One section of tags, and in it one tag.
      if (tags == StatsdTags::kDogstatsd) {
        const std::string tag = rest.substr(value.size());
        EXPECT_EQ(tag.substr(0, 2), "|#") << line;
        EXPECT_EQ(tag.find_first_of(",|\n", 2), std::string::npos) << line;
      } else {
        EXPECT_EQ(rest, value) << line;
      }
      EXPECT_TRUE(names.insert(name).second) << line;
    }
    EXPECT_EQ(named.lines.size(), named.points);
    EXPECT_GT(named.clashes, 0u);
  }
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
