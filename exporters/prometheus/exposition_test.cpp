#include "exporters/prometheus/exposition.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "exporters/common/transport/raw_client_for_test.h"
#include "exporters/prometheus/content_types_for_test.h"
#include "sdk/testing/manual_clock.h"
#include "sdk/testing/snapshot_builder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using testing::kOpenMetrics;
using testing::kProtobuf;
using testing::kText;
constexpr const char* kWantsOpenMetrics = "application/openmetrics-text;version=1.0.0";
constexpr const char* kWantsProtobuf =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

Snapshot SomeSeries(std::size_t series) {
  testing::SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kCounter, "jobs_total", "Jobs.");
  for (std::size_t i = 0; i < series; ++i) {
    const std::string id = std::to_string(i);
    builder.sink().Counter({{"id", id}}, std::uint64_t{i});
  }
  return builder.Generation(1).Build();
}

struct Sink : ScrapeSink {
  void Begin(std::string_view type, std::string_view encoding) override {
    ++begun;
    content_type = type;
    content_encoding = encoding;
  }
  bool Write(std::string_view bytes) override {
    EXPECT_EQ(begun, 1);
    body += bytes;
    ++writes;
    if (on_write) on_write();
    return writes < refuse_at;
  }
  std::function<void()> on_write;
  int begun = 0;
  int writes = 0;
  int refuse_at = 1 << 30;
  std::string content_type;
  std::string content_encoding;
  std::string body;
};

Exposition::Take TakeOf(const Snapshot& snapshot) {
  return [snapshot](Deadline) { return std::optional<Snapshot>(snapshot); };
}

TEST(Exposition, ServesTextUnlessOpenMetricsIsAskedFor) {
  Exposition exposition({});
  Sink text;
  EXPECT_TRUE(exposition.Answer(TakeOf(SomeSeries(1)), {"*/*", "", seconds(1)}, text).ok());
  EXPECT_EQ(text.content_type, kText);
  EXPECT_EQ(text.body,
            "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{id=\"0\"} 0\n");
  Sink open;
  EXPECT_TRUE(
      exposition.Answer(TakeOf(SomeSeries(1)), {kWantsOpenMetrics, "", seconds(1)}, open).ok());
  EXPECT_EQ(open.content_type, kOpenMetrics);
  EXPECT_TRUE(open.body.ends_with("# EOF\n")) << open.body;
  EXPECT_EQ(exposition.ContentType(kWantsOpenMetrics), kOpenMetrics);
  EXPECT_EQ(exposition.ContentType(""), kText);
}

TEST(Exposition, ServesOneFormatToEveryoneWhereThatIsConfigured) {
  ExpositionOptions options;
  options.format = ExpositionFormat::kText004;
  EXPECT_EQ(Exposition(options).ContentType(kWantsOpenMetrics), kText);
  options.format = ExpositionFormat::kOpenMetrics100;
  EXPECT_EQ(Exposition(options).ContentType(""), kOpenMetrics);
}

TEST(Exposition, ServesProtobufWhereItIsAskedFor) {
  Exposition exposition({});
  Sink sink;
  EXPECT_TRUE(
      exposition.Answer(TakeOf(SomeSeries(1)), {kWantsProtobuf, "", seconds(1)}, sink).ok());
  EXPECT_EQ(sink.content_type, kProtobuf);
  EXPECT_EQ(sink.body.substr(0, 13), std::string("\x2B\x0A\x0Ajobs_total", 13)) << sink.body;
  EXPECT_EQ(sink.body.size(), 0x2Bu + 1);
  ExpositionOptions options;
  options.protobuf = false;
  EXPECT_EQ(Exposition(options).ContentType(kWantsProtobuf), kText);
  options.format = ExpositionFormat::kProtobuf;
  EXPECT_EQ(Exposition(options).ContentType(""), kProtobuf);
}

TEST(Exposition, PutsStartTimesIntoProtobufOnRequest) {
  testing::SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kCounter, "jobs_total", "Jobs.");
  builder.sink().Counter({}, std::uint64_t{1});
  const Snapshot snapshot = builder.Generation(1, SystemTime(seconds(1700000000))).Build();
  std::size_t sizes[2];
  for (const bool created : {false, true}) {
    ExpositionOptions options;
    options.created_timestamps = created;
    Exposition exposition(options);
    Sink sink;
    EXPECT_TRUE(exposition.Answer(TakeOf(snapshot), {kWantsProtobuf, "", seconds(1)}, sink).ok());
    sizes[created ? 1 : 0] = sink.body.size();
  }
  EXPECT_EQ(sizes[1], sizes[0] + 8);  // a tag, a length and one field of five bytes and its tag
}

TEST(Exposition, SaysHowNamesAreEscapedToClientsThatAsked) {
  const Exposition exposition({});
  EXPECT_EQ(exposition.ContentType("text/plain;version=1.0.0;escaping=values"),
            std::string(kText) + "; escaping=values");
  EXPECT_EQ(exposition.ContentType(std::string(kWantsOpenMetrics) + ";escaping=dots"),
            std::string(kOpenMetrics) + "; escaping=dots");
  EXPECT_EQ(exposition.ContentType(std::string(kWantsProtobuf) + ",text/plain;escaping=values;q=0"
                                                                 ".5"),
            std::string(kProtobuf) + "; escaping=values");
  EXPECT_EQ(exposition.ContentType(kWantsProtobuf), kProtobuf);
}

// Every kind of page, one after the other and again: the caches of most are gone in between.
TEST(Exposition, GivesTheSamePageWhateverOthersAskedFor) {
  Exposition exposition({});
  const Snapshot snapshot = SomeSeries(100);
  std::map<std::string, std::string> pages;
  for (int turn = 0; turn < 3; ++turn) {
    for (const std::string format : {"text/plain", kWantsOpenMetrics, kWantsProtobuf}) {
      for (const char* const escaping : {"underscores", "dots", "values", "allow-utf-8"}) {
        const std::string accept = format + ";escaping=" + escaping;
        Sink sink;
        EXPECT_TRUE(exposition.Answer(TakeOf(snapshot), {accept, "", seconds(5)}, sink).ok());
        EXPECT_EQ(sink.content_type, exposition.ContentType(accept));
        const auto [known, is_new] = pages.emplace(accept, sink.body);
        EXPECT_EQ(known->second, sink.body) << accept;
      }
    }
    EXPECT_LE(exposition.caches(), Exposition::kMostCaches);
  }
}

TEST(Exposition, CompressesWhatIsWorthIt) {
  Exposition exposition({});
  Sink small;
  EXPECT_TRUE(exposition.Answer(TakeOf(SomeSeries(2)), {"", "gzip", seconds(1)}, small).ok());
  EXPECT_EQ(small.content_encoding, "");
  Sink plain;
  EXPECT_TRUE(exposition.Answer(TakeOf(SomeSeries(10'000)), {"", "", seconds(1)}, plain).ok());
  EXPECT_EQ(plain.content_encoding, "");
  EXPECT_GT(plain.writes, 2) << "it is not streamed";
  Sink packed;
  EXPECT_TRUE(exposition.Answer(TakeOf(SomeSeries(10'000)), {"", "gzip", seconds(1)}, packed).ok());
  EXPECT_EQ(packed.content_encoding, "gzip");
  EXPECT_EQ(testing::Gunzip(packed.body), plain.body);
  Sink refused;
  EXPECT_TRUE(
      exposition.Answer(TakeOf(SomeSeries(10'000)), {"", "gzip;q=0", seconds(1)}, refused).ok());
  EXPECT_EQ(refused.body, plain.body);
  ExpositionOptions off;
  off.gzip_level = 0;
  Exposition never(off);
  Sink unpacked;
  EXPECT_TRUE(never.Answer(TakeOf(SomeSeries(10'000)), {"", "gzip", seconds(1)}, unpacked).ok());
  EXPECT_EQ(unpacked.body, plain.body);
}

TEST(Exposition, GivesAnEmptyPageForNoFamilies) {
  Exposition exposition({});
  Sink sink;
  EXPECT_TRUE(exposition.Answer(TakeOf(Snapshot()), {"", "gzip", seconds(1)}, sink).ok());
  EXPECT_EQ(sink.begun, 1);
  EXPECT_EQ(sink.body, "");
}

TEST(Exposition, CountsWhatPagesCannotCarry) {
  testing::SnapshotBuilder builder;
  builder.sink().BeginFamily(MetricType::kSummary, "size", "S.");
  builder.sink().Summary(nullptr, 0, nullptr, 0, 1, 2);
  builder.sink().BeginFamily(MetricType::kCounter, "down_total", "D.");
  builder.sink().Counter({}, -1.5);
  const Snapshot snapshot = builder.Build();
  Exposition exposition({});
  const auto scrape = [&](const char* accept) {
    Sink sink;
    EXPECT_TRUE(exposition.Answer(TakeOf(snapshot), {accept, "", seconds(1)}, sink).ok());
  };
  scrape("*/*");  // text carries a negative counter
  EXPECT_TRUE(exposition.Dropped().empty());
  scrape(kWantsOpenMetrics);
  scrape(kWantsOpenMetrics);
  ASSERT_EQ(exposition.Dropped().size(), 1u);
  EXPECT_EQ(exposition.Dropped()[0].first, "counter_value");
  EXPECT_EQ(exposition.Dropped()[0].second, 2u);
}

TEST(Exposition, GivesTheSamePageWarmAndCold) {
  Exposition exposition({});
  const Snapshot snapshot = SomeSeries(1000);
  std::string first;
  for (int i = 0; i < 3; ++i) {
    Sink sink;
    EXPECT_TRUE(exposition.Answer(TakeOf(snapshot), {"", "", seconds(1)}, sink).ok());
    if (i == 0) first = sink.body;
    EXPECT_EQ(sink.body, first);
  }
}

TEST(Exposition, EndsWhenTheClientIsGone) {
  Exposition exposition({});
  for (const char* const encoding : {"", "gzip"}) {
    Sink sink;
    sink.refuse_at = 1;
    const Status status =
        exposition.Answer(TakeOf(SomeSeries(50'000)), {"", encoding, seconds(5)}, sink);
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(sink.writes, 1);
  }
  Sink after;
  EXPECT_TRUE(exposition.Answer(TakeOf(SomeSeries(10)), {"", "", seconds(1)}, after).ok());
}

TEST(Exposition, FinishesBeforeTheTimeThatTheClientWaits) {
  testing::SteppedClock clock;
  Exposition exposition({}, clock);
  const Deadline begin = clock.SteadyNow();
  Deadline asked{};
  Sink sink;
  sink.on_write = [&] { clock.Advance(milliseconds(600)); };
  const Status status = exposition.Answer(
      [&](Deadline deadline) {
        asked = deadline;
        return std::optional<Snapshot>(SomeSeries(50'000));
      },
      {"", "", seconds(1)}, sink);
  EXPECT_GT(asked, begin);
  EXPECT_LT(asked, begin + seconds(1));
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("time"), std::string::npos) << status.message();
  EXPECT_EQ(sink.writes, 2);
}

TEST(Exposition, SurvivesSourcesAndSinksThatThrow) {
  Exposition exposition({});
  Sink sink;
  const Status no_snapshot = exposition.Answer(
      [](Deadline) -> std::optional<Snapshot> { throw std::runtime_error("no memory"); },
      {"", "", seconds(1)}, sink);
  EXPECT_NE(no_snapshot.message().find("no memory"), std::string::npos);
  EXPECT_EQ(sink.begun, 0);
  EXPECT_FALSE(
      exposition
          .Answer([](Deadline) { return std::optional<Snapshot>(); }, {"", "", seconds(1)}, sink)
          .ok());
  sink.on_write = [] { throw 7; };
  EXPECT_FALSE(exposition.Answer(TakeOf(SomeSeries(5)), {"", "", seconds(1)}, sink).ok());
  Sink after;
  EXPECT_TRUE(exposition.Answer(TakeOf(SomeSeries(5)), {"", "", seconds(1)}, after).ok());
  EXPECT_EQ(after.begun, 1);
}

TEST(Exposition, LetsAScrapePassOneThatIsHeldUp) {
  Exposition exposition({});
  const Snapshot snapshot = SomeSeries(5000);
  std::mutex mutex;
  std::condition_variable changed;
  bool held = false;
  bool release = false;
  Sink slow;
  slow.on_write = [&] {
    std::unique_lock lock(mutex);
    held = true;
    changed.notify_all();
    changed.wait(lock, [&] { return release; });
  };
  std::thread first([&] {
    EXPECT_TRUE(exposition.Answer(TakeOf(snapshot), {"", "", seconds(60)}, slow).ok());
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return held; });
  }
  Sink quick;
  EXPECT_TRUE(exposition.Answer(TakeOf(snapshot), {"", "", seconds(60)}, quick).ok());
  {
    const std::lock_guard lock(mutex);
    release = true;
  }
  changed.notify_all();
  first.join();
  EXPECT_EQ(slow.body, quick.body);
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
