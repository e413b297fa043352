// Whether what a row says about portability is what its encoder does. One family is written, once
// as it is and once without the thing in question: where the bytes are the same, it is lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/common/exposition/openmetrics_encoder.h"
#include "polymeter/portability.h"
#include "sdk/testing/snapshot_builder.h"
#include "test/conformance/cases.h"
#include "test/conformance/fake_world.h"
#include "test/conformance/sinks.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

// A family with one series, as the tests vary it.
struct Shape {
  MetricType type = MetricType::kGauge;
  std::string name;
  std::string unit;
  std::string otel_name;
  bool labelled = false;
  bool native = false;
  bool explicit_buckets = true;
  bool exemplars = false;

  FamilyDescription Description() const {
    FamilyDescription description;
    description.type = type;
    description.name = name;
    description.unit = unit;
    description.otel_name = otel_name;
    if (labelled) description.labels = {"colour"};
    description.explicit_buckets = type == MetricType::kHistogram && explicit_buckets;
    description.native = native;
    description.exemplars = exemplars;
    return description;
  }
};

void Write(FamilySink& sink, const Shape& shape) {
  sink.BeginFamily(shape.type, shape.name, "What is measured.",
                   FamilyOptions().Unit(shape.unit).OtelName(shape.otel_name));
  const Label labels[] = {{"colour", "green"}};
  const std::size_t count = shape.labelled ? 1 : 0;
  const Exemplar exemplar{1, 1700000000000000000, TraceContext(), labels, 1, 1};
  switch (shape.type) {
    case MetricType::kCounter:
      if (shape.exemplars) {
        sink.Counter(labels, count, std::uint64_t{1}, exemplar);
      } else {
        sink.Counter(labels, count, std::uint64_t{1});
      }
      return;
    case MetricType::kGauge:
      return sink.Gauge(labels, count, 1);
    case MetricType::kHistogram: {
      const double bounds[] = {0.5, 2};
      const std::uint64_t buckets[] = {1, 2, 0};
      const std::uint64_t all[] = {3};
      const std::uint64_t counts[] = {1, 0, 2};
      NativeHistogram native;
      native.schema = 2;
      native.zero_threshold = 1e-9;
      native.positive = {-3, 3, counts};
      native.count = 3;
      HistogramPoint point{SeriesView(nullptr), bounds, buckets, 2, 3, 2.5};
      if (!shape.explicit_buckets) {
        point.bounds = nullptr;
        point.buckets = all;
        point.bound_count = 0;
      }
      if (shape.native) point.native = &native;
      Exemplar own = exemplar;
      if (!shape.explicit_buckets) own.bucket = 0;
      if (shape.exemplars) {
        point.exemplars = &own;
        point.exemplar_count = 1;
      }
      return sink.Histogram(labels, count, point);
    }
    case MetricType::kSummary: {
      const Quantile quantiles[] = {{0.5, 1}};
      return sink.Summary(labels, count, quantiles, 1, 3, 2.5);
    }
    case MetricType::kInfo:
      return sink.Info(labels, count);
    case MetricType::kUnknown:
      return sink.Unknown(labels, count, 1);
  }
}

class Portability : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    options_ = GetParam().BackendOptions();
    auto made = GetParam().info->make_encoder(options_);
    ASSERT_TRUE(made) << made.message();
    encoder_ = std::move(made.value());
    // Of what it negotiates, the row speaks of what Prometheus asks for.
    if (GetParam().info->name == "prometheus" && options_.Choice("format") == "auto") {
      encoder_ = MakeOpenMetricsEncoder();
    }
  }

  std::vector<PortabilityNote> NotesOf(const Shape& shape) const {
    if (GetParam().info->portability == nullptr) return {};
    auto notes = GetParam().info->portability(shape.Description(), options_);
    for (const PortabilityNote& note : notes) {
      EXPECT_EQ(note.backend, GetParam().info->name);
      EXPECT_FALSE(note.detail.empty());
    }
    return notes;
  }
  std::optional<PortabilityNote> Note(const Shape& shape, PortabilityEffect effect) const {
    for (PortabilityNote& note : NotesOf(shape)) {
      if (note.effect == effect) return std::move(note);
    }
    return std::nullopt;
  }

  std::string BytesOf(const std::function<void(FamilySink&)>& write) const {
    SnapshotBuilder builder;
    write(builder.sink());
    builder.Time(SystemTime(std::chrono::seconds(1800000000)))
        .Generation(1, SystemTime(std::chrono::seconds(1700000000)));
    EXPECT_EQ(builder.refused(), 0u);
    RecordingSink sink;
    EXPECT_TRUE(encoder_->Encode(builder.Build(), nullptr, sink).complete);
    std::string bytes;
    for (const std::string& message : sink.messages()) bytes += message + "\n";
    return bytes;
  }
  std::string BytesOf(const Shape& shape) const {
    return BytesOf([&](FamilySink& sink) { Write(sink, shape); });
  }

  detail::BackendOptions options_;
  std::unique_ptr<Encoder> encoder_;
};

INSTANTIATE_TEST_SUITE_P(EveryEncoder, Portability, ::testing::ValuesIn(EncoderCases()), CaseName);

constexpr MetricType kTypes[] = {MetricType::kCounter, MetricType::kGauge, MetricType::kHistogram,
                                 MetricType::kSummary, MetricType::kInfo,  MetricType::kUnknown};

// A page without its comments: what the samples are called.
std::string SamplesOf(const std::string& page) {
  std::istringstream lines(page);
  std::string samples;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# ", 0) != 0) samples += line + "\n";
  }
  return samples;
}
std::string Without(std::string text, const std::string& part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part)) {
    text.erase(at, part.size());
  }
  return text;
}
bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_P(Portability, ReportsTheNameThatIsWritten) {
  for (const MetricType type : kTypes) {
    for (const std::string name : {"app_thing", "app_thing_total", "app:thing", "app_thing_info"}) {
      for (const std::string otel_name : {"", "app.other"}) {
        Shape shape;
        shape.type = type;
        shape.name = name;
        shape.otel_name = otel_name;
        if (Note(shape, PortabilityEffect::kNotCarried)) continue;
        const std::string samples = SamplesOf(BytesOf(shape));
        const auto renamed = Note(shape, PortabilityEffect::kRenamed);
        const std::string where = std::string(ToString(type)) + " " + name + "\n" + samples;
        if (renamed) {
          EXPECT_TRUE(Has(samples, renamed->detail)) << where;
          EXPECT_FALSE(Has(Without(samples, renamed->detail), name)) << where;
        } else {
          EXPECT_TRUE(Has(samples, name)) << where;
          if (type == MetricType::kInfo && !Has(name, "_info")) {
            EXPECT_FALSE(Has(samples, name + "_info")) << where;
          }
        }
      }
    }
  }
}

TEST_P(Portability, ReportsLabelsThatEndInTheName) {
  Shape shape;
  shape.name = "app_thing";
  shape.labelled = true;
  EXPECT_EQ(Note(shape, PortabilityEffect::kLabelsInName).has_value(),
            Has(BytesOf(shape), "app_thing.colour.green"));
}

TEST_P(Portability, ReportsAUnitThatIsNotWritten) {
  for (const MetricType type : kTypes) {
    if (type == MetricType::kInfo) continue;
    for (const std::string name :
         {"app_size", "app_size_bytes", "app_size_bytes_total", "app_size_total"}) {
      for (const std::string unit : {"bytes", "seconds"}) {
        Shape with;
        with.type = type;
        with.name = name;
        with.unit = unit;
        Shape without = with;
        without.unit.clear();
        EXPECT_FALSE(Note(without, PortabilityEffect::kUnitLost));
        EXPECT_EQ(Note(with, PortabilityEffect::kUnitLost).has_value(),
                  BytesOf(with) == BytesOf(without))
            << ToString(type) << " " << name << " in " << unit << "\n"
            << BytesOf(with);
      }
    }
  }
}

// A family of another type that says the same; what StatsD makes of a summary or histogram is
// several.
void WriteAsOther(FamilySink& sink, const Shape& shape) {
  Shape other = shape;
  switch (shape.type) {
    case MetricType::kCounter:
      other.type = MetricType::kUnknown;
      return Write(sink, other);
    case MetricType::kInfo:
      other.type = MetricType::kGauge;
      if (!Has(other.name, "_info")) other.name += "_info";
      return Write(sink, other);
    case MetricType::kUnknown:
      other.type = MetricType::kGauge;
      return Write(sink, other);
    case MetricType::kSummary:
      sink.BeginFamily(MetricType::kCounter, shape.name + "_count", "What is measured.");
      sink.Counter({}, std::uint64_t{3});
      sink.BeginFamily(MetricType::kCounter, shape.name + "_sum", "What is measured.");
      sink.Counter({}, 2.5);
      sink.BeginFamily(MetricType::kGauge, shape.name + "_quantile", "What is measured.");
      sink.Gauge({{"quantile", "0.5"}}, 1);
      return;
    case MetricType::kGauge:
    case MetricType::kHistogram:
      return Write(sink, other);
  }
}

// Lines in any order: where one family becomes several, they are written in another.
std::string Sorted(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

TEST_P(Portability, ReportsATypeThatTheReceiverCannotTellFromAnother) {
  for (const MetricType type :
       {MetricType::kCounter, MetricType::kSummary, MetricType::kInfo, MetricType::kUnknown}) {
    for (const std::string name : {"app_thing", "app_thing_total", "app_thing_info"}) {
      Shape shape;
      shape.type = type;
      shape.name = name;
      std::string other = BytesOf([&](FamilySink& sink) { WriteAsOther(sink, shape); });
      // Integers of doubles: OpenMetrics writes them with a fraction.
      const auto whole = [](std::string text) {
        const std::size_t at = text.find(" 1.0\n");
        if (at != std::string::npos) text.erase(at + 2, 2);
        return text;
      };
      std::string own = whole(BytesOf(shape));
      other = whole(other);
      if (type == MetricType::kInfo && GetParam().info->name == "statsd") {
        own = Without(own, "_info");  // StatsD leaves an info's name as it is
        EXPECT_EQ(Note(shape, PortabilityEffect::kTypeChanged).has_value(),
                  Sorted(own) == Sorted(Without(other, "_info")));
        continue;
      }
      EXPECT_EQ(Note(shape, PortabilityEffect::kTypeChanged).has_value(),
                Sorted(own) == Sorted(other))
          << ToString(type) << " " << name << "\n"
          << own << other;
    }
  }
}

TEST_P(Portability, ReportsAHistogramThatBecomesTimingsOrCounters) {
  Shape shape;
  shape.type = MetricType::kHistogram;
  shape.name = "app_wait";
  const std::string bytes = BytesOf(shape);
  const bool timings = Has(bytes, "|ms") || Has(bytes, "|h") || Has(bytes, "|d");
  const bool counters = Has(bytes, "|c");
  EXPECT_EQ(Note(shape, PortabilityEffect::kTypeChanged).has_value(), timings || counters) << bytes;
  Shape gauge;
  gauge.name = "app_wait";
  EXPECT_FALSE(Note(gauge, PortabilityEffect::kTypeChanged));
}

TEST_P(Portability, ReportsExponentialBucketsThatAreNotWritten) {
  for (const bool explicit_buckets : {true, false}) {
    Shape with;
    with.type = MetricType::kHistogram;
    with.name = "app_wait";
    with.explicit_buckets = explicit_buckets;
    with.native = true;
    Shape without = with;
    without.native = false;
    EXPECT_FALSE(Note(without, PortabilityEffect::kNativeLost));
    EXPECT_EQ(Note(with, PortabilityEffect::kNativeLost).has_value(),
              BytesOf(with) == BytesOf(without))
        << BytesOf(with);
  }
}

TEST_P(Portability, ReportsExemplarsThatAreNotWritten) {
  for (const MetricType type : {MetricType::kCounter, MetricType::kHistogram}) {
    Shape with;
    with.type = type;
    with.name = "app_wait_total";
    with.exemplars = true;
    Shape without = with;
    without.exemplars = false;
    EXPECT_FALSE(Note(without, PortabilityEffect::kExemplarsLost));
    EXPECT_EQ(Note(with, PortabilityEffect::kExemplarsLost).has_value(),
              BytesOf(with) == BytesOf(without))
        << BytesOf(with);
  }
}

TEST_P(Portability, ReportsAFamilyThatIsLostAsAWhole) {
  for (const MetricType type : kTypes) {
    Shape shape;
    shape.type = type;
    shape.name = "app_thing";
    EXPECT_EQ(Note(shape, PortabilityEffect::kNotCarried).has_value(),
              !Has(BytesOf(shape), "app_thing"))
        << ToString(type);
  }
}

// From the environment to the message and the report, through the whole composition.
TEST(PortabilityOfAService, IsSaidWhenAFamilyIsMadeAndReportedForEveryBackend) {
  FakeWorld world;
  std::vector<std::string> messages;
  std::mutex mutex;
  auto configuration =
      Configure(Options().Log([&](LogLevel, std::string_view message) {
        const std::lock_guard lock(mutex);
        messages.emplace_back(message);
      }),
                detail::Environment(StringPairs{{"METRICS_BACKEND", "prometheus,csv"}}),
                detail::BackendTable(), world.outside());
  const Metrics metrics = detail::CoreAccess::Make(std::move(configuration.core));
  metrics.Gauge("wait", "W.", FamilyOptions().Unit("s"));
  metrics.Gauge("wait_seconds", "W.", FamilyOptions().Unit("s"));
  EXPECT_TRUE(metrics.Shutdown());
  const std::lock_guard lock(mutex);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_NE(messages[0].find("family wait in prometheus: unit lost (OpenMetrics shows seconds only "
                             "where the name ends in _seconds)"),
            std::string::npos)
      << messages[0];
  const auto report = metrics.PortabilityReport();
  EXPECT_EQ(std::count_if(report.begin(), report.end(),
                          [](const auto& note) { return note.backend == "csv"; }),
            2);
  EXPECT_EQ(std::count_if(report.begin(), report.end(),
                          [](const auto& note) { return note.backend == "prometheus"; }),
            1);
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
