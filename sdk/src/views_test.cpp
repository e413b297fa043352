// Views where families are registered, and of single backends.
#include "polymeter/views.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/metrics.h"
#include "polymeter/recorder.h"
#include "sdk/src/core_access.h"
#include "sdk/src/selection.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using ::testing::ElementsAre;
using testing::FindFamily;
using testing::FindPoint;
using ::testing::HasSubstr;
using testing::ValueOf;

// What `options` are with this environment.
Options Effective(StringPairs environment, const Options& options) {
  detail::Problems problems;
  detail::Selection selection =
      detail::Select(options, detail::Environment(std::move(environment)), {}, problems);
  EXPECT_TRUE(problems.empty()) << problems.Message();
  return std::move(selection.options);
}

Options With(View view) { return Options().Consumer().AddView(std::move(view)); }

TEST(Views, OfADroppedFamilyAreNoOpHandles) {
  const Metrics metrics(With(View("debug_*").Drop()));
  const auto family = metrics.Counter("debug_total", "D.", {"l"});
  EXPECT_FALSE(static_cast<bool>(family));
  auto counter = family.With("a");
  counter.Increment();
  EXPECT_EQ(counter.Value(), 0);
  auto made = metrics.TryGauge("debug_level", "D.");
  ASSERT_TRUE(made.ok());
  made->Set(1);
  metrics.Gauge("level", "L.").Set(1);
  EXPECT_TRUE(metrics.recording());
  EXPECT_EQ(FindFamily(metrics.TakeSnapshot(), "debug_total"), nullptr);
  EXPECT_EQ(FindFamily(metrics.TakeSnapshot(), "debug_level"), nullptr);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "level"), 1);
}

TEST(Views, StillRefuseABadNameOfADroppedFamily) {
  const Metrics metrics(With(View("*").Drop()));
  EXPECT_FALSE(metrics.TryCounter("not a name", "N.").ok());
}

TEST(Views, TakeALabelAwayBeforeTheSeriesIsLookedUp) {
  const Metrics metrics(With(View("c_*").DropLabels({"user"})));
  const auto family = metrics.Counter("c_total", "C.", {"user", "l"});
  for (int i = 0; i < 100'000; ++i)
    family.With(std::to_string(i), i % 2 == 0 ? "a" : "b").Increment();
  family.With({{"l", "a"}, {"user", "x"}}).Increment();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "c_total")->size(), 2u);
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"l", "a"}}), 50'001);
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"l", "b"}}), 50'000);
}

TEST(Views, AddAdditiveGaugesUpHoweverTheyAreSet) {
  const Metrics metrics(With(View("*").DropLabels({"queue"})));
  const auto waiting = metrics.Gauge("waiting", "W.", {"queue"}, FamilyOptions().Additive());
  const auto level = metrics.Gauge("level", "L.", {"queue"});
  for (const auto& family : {waiting, level}) {
    family.With("a").Set(5);
    family.With("b").Set(3);
  }
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "waiting"), 8);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "level"), 3);
  waiting.With("a").Set(1);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "waiting"), 4);
  waiting.Remove("b");
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "waiting"), 1);
}

TEST(Views, KeepTheTotalOfEightThreadsExact) {
  const Metrics metrics(With(View("*").DropLabels({"user"}).RenameLabel("code", "status")));
  const auto family = metrics.Counter("c_total", "C.", {"code", "user"});
  std::vector<std::thread> threads;
  constexpr int kEach = 20'000;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        family.With(i % 2 == 0 ? "200" : "500", std::to_string(t * kEach + i)).Increment();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "c_total")->size(), 2u);
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"status", "200"}}), 4 * kEach);
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"status", "500"}}), 4 * kEach);
}

TEST(Views, MayTakeTheLastLabelAway) {
  const Metrics metrics(With(View("*").KeepLabels({})));
  const auto family = metrics.Counter("c_total", "C.", {"a", "b"});
  family.With("1", "2").Increment();
  family.With("3", "4").Increment();
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "c_total"), 2);
}

TEST(Views, RefuseAsManyValuesAsAreShown) {
  testing::LogCapture log;
  const Metrics metrics(With(View("*").DropLabels({"b"})).Log(log.callback()));
  const auto family = metrics.Counter("c_total", "C.", std::vector<std::string>{"a", "b"});
  EXPECT_FALSE(static_cast<bool>(family.With("1")));
  EXPECT_EQ(log.Count("has 2 labels, not 1"), 1);
  EXPECT_TRUE(static_cast<bool>(family.With("1", "2")));
}

TEST(Views, LetTheCodeAskForItsFamilyAgain) {
  const Metrics metrics(With(View("*").DropLabels({"b"}).RenameLabel("a", "x").Buckets({1, 2})));
  const std::vector<std::string> labels = {"a", "b"};
  for (int i = 0; i < 2; ++i) {
    auto made = metrics.TryCounter("c_total", "C.", labels);
    ASSERT_TRUE(made.ok()) << made.message();
    made->With("1", "2").Increment();
    EXPECT_TRUE(metrics.TryHistogram("h", "H.", FamilyOptions().Buckets({5})).ok());
  }
  EXPECT_FALSE(metrics.TryCounter("c_total", "C.", std::vector<std::string>{"x"}).ok());
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "c_total", {{"x", "1"}}), 2);
}

TEST(Views, GiveAHistogramOtherBuckets) {
  const Metrics metrics(With(View("*_seconds").Buckets({1, 2}))
                            .Buckets("named_seconds", {7})
                            .AddView(View("*").Buckets({9})));
  metrics.Histogram("job_seconds", "J.", FamilyOptions().Buckets({5})).Observe(1.5);
  metrics.Histogram("named_seconds", "N.").Observe(1.5);
  metrics.Histogram("other", "O.").Observe(1.5);
  metrics.Counter("c_seconds", "C.").Increment();
  const Snapshot snapshot = metrics.TakeSnapshot();
  for (const char* const name : {"job_seconds", "named_seconds"}) {
    const auto* const point = FindPoint<HistogramPoint>(snapshot, name);
    ASSERT_EQ(point->bound_count, 2u);
    EXPECT_EQ(point->buckets[1], 1u);
  }
  EXPECT_EQ(FindPoint<HistogramPoint>(snapshot, "other")->bounds[0], 9);
}

TEST(Views, OfTheCodeGiveWayToMetricsBuckets) {
  const Metrics metrics(Effective(
      {{"METRICS_BUCKETS", "lookup_seconds=0.1,1,native:3;job_seconds=7;job_seconds=3,4"}},
      With(View("*_seconds").Buckets({9}))));
  for (const char* const name : {"lookup_seconds", "job_seconds", "other_seconds"}) {
    metrics.Histogram(name, "H.").Observe(0.5);
  }
  const Snapshot snapshot = metrics.TakeSnapshot();
  const auto* const both = FindPoint<HistogramPoint>(snapshot, "lookup_seconds");
  ASSERT_NE(both, nullptr);
  ASSERT_EQ(both->bound_count, 2u);
  EXPECT_EQ(both->bounds[0], 0.1);
  EXPECT_NE(both->native, nullptr);
  const auto* const last = FindPoint<HistogramPoint>(snapshot, "job_seconds");
  ASSERT_EQ(last->bound_count, 2u);
  EXPECT_EQ(last->bounds[0], 3);
  const auto* const viewed = FindPoint<HistogramPoint>(snapshot, "other_seconds");
  ASSERT_EQ(viewed->bound_count, 1u);
  EXPECT_EQ(viewed->bounds[0], 9);
}

TEST(Views, OfTheEnvironmentWinOverMetricsBuckets) {
  const Metrics metrics(
      Effective({{"METRICS_BUCKETS", "a=1;b=2,3"}, {"METRICS_VIEWS", "a=buckets(5,6)"}},
                With(View("*").Buckets({9})).Buckets("b", {7})));
  metrics.Histogram("a", "A.").Observe(1);
  metrics.Histogram("b", "B.").Observe(1);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindPoint<HistogramPoint>(snapshot, "a")->bounds[0], 5);
  EXPECT_EQ(FindPoint<HistogramPoint>(snapshot, "b")->bounds[0], 2);
}

TEST(Views, LeaveProducersHistogramsToThemselvesWhateverMetricsBucketsSays) {
  testing::LogCapture log;
  const Metrics metrics(
      Effective({{"METRICS_BUCKETS", "produced=2,3"}},
                With(View("debug_*").Drop()).SelfMetrics(false).Log(log.callback())));
  struct Source final : Producer {
    void Collect(FamilySink& sink) override {
      sink.BeginFamily(MetricType::kHistogram, "produced", "P.");
      const double bounds[] = {1, 2};
      const std::uint64_t buckets[] = {1, 1, 1};
      sink.Histogram(nullptr, 0, bounds, 2, buckets, 6);
    }
  } source;
  const Attachment token = metrics.AddProducer(source);
  const Snapshot snapshot = metrics.TakeSnapshot();
  const auto* const point = FindPoint<HistogramPoint>(snapshot, "produced");
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->bound_count, 2u);
  EXPECT_EQ(log.Count("buckets"), 0);
}

TEST(Views, ChangeNothingOfWhatMetricsBucketsMeans) {
  const auto code =
      FamilyOptions().Native(NativeHistogramOptions().Schema(1).MaxBuckets(320).ZeroThreshold(0.5));
  const Options plain = Options().Consumer();
  for (const Options& options : {plain, With(View("debug_*").Drop()), With(View("*").Native(2))}) {
    const Metrics metrics(
        Effective({{"METRICS_BUCKETS", "job=8;job=native:5;plain=native:4"}}, options));
    metrics.Histogram("job", "J.", code).Observe(1);
    metrics.Histogram("plain", "P.").Observe(1);
    const auto said = [&metrics](const char* name) {
      return metrics.TryHistogram(name, "H.", std::vector<std::string>{"l"}).message();
    };
    EXPECT_THAT(said("job"), HasSubstr("schema 5, at most 320, zero within 0.5"));
    EXPECT_THAT(said("plain"), HasSubstr("schema 4, at most 160"));
  }
}

TEST(Views, LeaveASeriesThatOthersCountInto) {
  const Metrics metrics(With(View("*").DropLabels({"user"})));
  const auto family = metrics.Counter("c_total", "C.", {"user"});
  family.With("1").Increment();
  family.With("2").Increment();
  EXPECT_FALSE(family.Remove("1"));
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "c_total"), 2);
  family.RemoveAll();
  EXPECT_EQ(FindFamily(metrics.TakeSnapshot(), "c_total")->size(), 0u);
}

TEST(Views, ChangeConstantLabelsOfAFamily) {
  const Metrics metrics(With(View("c_total").DropLabels({"env"}).RenameLabel("zone", "area"))
                            .ConstLabels({{"env", "test"}, {"zone", "1"}}));
  metrics.Counter("c_total", "C.").Increment();
  metrics.Counter("other_total", "O.").Increment();
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "c_total", {{"area", "1"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "other_total", {{"env", "test"}, {"zone", "1"}}), 1);
}

TEST(Views, DoNotRenameToTheNameOfAConstantLabel) {
  testing::LogCapture log;
  const Metrics metrics(With(View("among_total").RenameLabel("region", "cell"))
                            .AddView(View("onto_total").RenameLabel("code", "region"))
                            .ConstLabels({{"region", "eu"}, {"cell", "7"}})
                            .Log(log.callback()));
  metrics.Counter("among_total", "A.").Increment();
  metrics.Counter("onto_total", "O.", {"code"}).With("200").Increment();
  EXPECT_EQ(log.Count("renames label region to cell"), 1);
  EXPECT_EQ(log.Count("renames label code to region"), 1);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "among_total", {{"region", "eu"}, {"cell", "7"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "onto_total", {{"region", "eu"}, {"cell", "7"}, {"code", "200"}}), 1);
}

TEST(Views, ReportWhatTheyCannotDo) {
  testing::LogCapture log;
  const Metrics metrics(
      With(View("*").RenameLabel("a", "b")).AddView(View("x")).Log(log.callback()));
  EXPECT_EQ(log.Count("does nothing"), 1);
  metrics.Counter("c_total", "C.", {"a", "b"}).With("1", "2").Increment();
  EXPECT_EQ(log.Count("renames label a to b"), 1);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "c_total", {{"a", "1"}, {"b", "2"}}), 1);
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "polymeter_refused_total", {{"reason", "view"}}), 1);
}

TEST(Views, ActOnProducersAndOnPolymetersOwnFamilies) {
  const Metrics metrics(With(View("produced_*").DropLabels({"path"})).AddView(View("gone").Drop()));
  struct Source final : Producer {
    void Collect(FamilySink& sink) override {
      sink.BeginFamily(MetricType::kGauge, "gone", "G.");
      sink.Gauge({}, 1);
      sink.BeginFamily(MetricType::kCounter, "produced_total", "P.");
      sink.Counter({{"path", "1"}}, std::uint64_t{1});
      sink.Counter({{"path", "2"}}, std::uint64_t{2});
    }
  } source;
  const Attachment token = metrics.AddProducer(source);
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(FindFamily(snapshot, "gone"), nullptr);
  EXPECT_EQ(ValueOf(snapshot, "produced_total"), 3);
}

TEST(Views, ActOnTheRecorder) {
  const Metrics metrics(
      With(View("dropped_*").Drop()).AddView(View("kept_*").DropLabels({"user"})));
  const auto installed = InstallDefault(metrics);
  for (int i = 0; i < 3; ++i) {
    RecordCount("dropped", {{"user", i}});
    RecordCount("kept", {{"user", i}});
    POLYMETER_COUNTER("dropped_here_total", "D.", {{"user", "x"}}).Increment();
  }
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "kept_total"), 3);
  EXPECT_EQ(FindFamily(snapshot, "dropped_total"), nullptr);
  EXPECT_EQ(FindFamily(snapshot, "dropped_here_total"), nullptr);
}

// --- of single backends ------------------------------------------------------------------------

// Keeps its source, to take snapshots when the test wants them.
class OwnBackend final : public Backend {
 public:
  explicit OwnBackend(std::string name) : name_(std::move(name)) {}
  Status Start(SnapshotSource& given) override {
    source = &given;
    return {};
  }
  Status Stop(Deadline) noexcept override { return {}; }
  BackendReport Report() const override {
    BackendReport report;
    report.name = name_;
    return report;
  }
  Snapshot Take() { return source->TakeSnapshot(); }

  SnapshotSource* source = nullptr;

 private:
  const std::string name_;
};

TEST(Views, OfOneBackendKeepTheQuantilesOfASummaryThatIsMadeAgain) {
  const auto backend = std::make_shared<OwnBackend>("b");
  const Metrics metrics(
      Options().AddBackend(backend).AddView(View("s").Backend("b").RenameLabel("a", "c")));
  const auto family = metrics.Summary("s", "S.", {"a"});
  family.With("x").Observe(1);
  const testing::LabelSet shown = {{"c", "x"}};
  const Snapshot once = backend->Take();
  ASSERT_NE(FindPoint<SummaryPoint>(once, "s", shown), nullptr);
  EXPECT_EQ(FindPoint<SummaryPoint>(once, "s", shown)->quantile_count, 3u);
  family.Remove("x");
  family.With("x").Observe(2);
  const Snapshot again = backend->Take();
  EXPECT_EQ(FindPoint<SummaryPoint>(again, "s", shown)->count, 2u);
  EXPECT_EQ(FindPoint<SummaryPoint>(again, "s", shown)->quantile_count, 3u);
}

TEST(Views, OfOneBackendAreForItAlone) {
  const auto viewed = std::make_shared<OwnBackend>("Viewed");
  const auto plain = std::make_shared<OwnBackend>("plain");
  const Metrics metrics(Options()
                            .AddBackend(viewed)
                            .AddBackend(plain)
                            .AddView(View("c_*").Backend("viewed").DropLabels({"user"}))
                            .AddView(View("secret").Backend("viewed").Drop())
                            .AddView(View("*").RenameLabel("code", "status")));
  EXPECT_EQ(plain->source, detail::CoreAccess::Source(metrics));  // costs nothing
  const auto family = metrics.Counter("c_total", "C.", {"code", "user"});
  family.With("200", "1").Increment(2);
  family.With("200", "2").Increment(3);
  metrics.Gauge("secret", "S.").Set(1);
  const Snapshot merged = viewed->Take();
  EXPECT_EQ(FindFamily(merged, "c_total")->size(), 1u);
  EXPECT_EQ(ValueOf(merged, "c_total", {{"status", "200"}}), 5);
  EXPECT_EQ(FindFamily(merged, "secret"), nullptr);
  for (const Snapshot& whole : {plain->Take(), metrics.TakeSnapshot()}) {
    EXPECT_EQ(ValueOf(whole, "c_total", {{"status", "200"}, {"user", "2"}}), 3);
    EXPECT_EQ(ValueOf(whole, "secret"), 1);
  }
}

TEST(Views, MayKeepForOneBackendWhatTheyDropForAll) {
  const auto keeper = std::make_shared<OwnBackend>("keeper");
  const auto other = std::make_shared<OwnBackend>("other");
  const Metrics metrics(Options()
                            .AddBackend(keeper)
                            .AddBackend(other)
                            .AddView(View("job_*").Backend("keeper").Keep())
                            .AddView(View("*").Drop()));
  metrics.Gauge("job_level", "J.").Set(1);
  metrics.Gauge("level", "L.").Set(1);
  EXPECT_EQ(ValueOf(keeper->Take(), "job_level"), 1);
  EXPECT_EQ(keeper->Take().families().size(), 1u);
  EXPECT_TRUE(other->Take().families().empty());
  EXPECT_TRUE(metrics.TakeSnapshot().families().empty());
}

TEST(Views, CarryTheSingleObservationsOfTheirMembers) {
  const auto backend = std::make_shared<OwnBackend>("b");
  const Metrics metrics(
      Options().AddBackend(backend).AddView(View("*").Backend("b").DropLabels({"path"})));
  ASSERT_TRUE(backend->source->TapObservations(64));
  const auto family = metrics.Histogram("h", "H.", {"path"}, FamilyOptions().Buckets({1}));
  family.With("1").Observe(0.5);
  family.With("2").Observe(2);
  const Snapshot snapshot = backend->source->TakeSnapshotWithSamples(Deadline::max());
  const auto* const point = FindPoint<HistogramPoint>(snapshot, "h");
  ASSERT_NE(point, nullptr);
  EXPECT_THAT(std::vector<double>(point->samples, point->samples + point->sample_count),
              ::testing::UnorderedElementsAre(0.5, 2));
}

TEST(Views, BeginAnewInAForkedChild) {
  const auto backend = std::make_shared<OwnBackend>("b");
  const Metrics metrics(Options()
                            .AddBackend(backend)
                            .AddView(View("c_*").Backend("b").DropLabels({"path"}))
                            .AddView(View("polymeter_*").Drop()));
  const auto family = metrics.Counter("c_total", "C.", {"path"});
  family.With("1").Increment(5);
  family.With("2").Increment(5);
  EXPECT_EQ(ValueOf(backend->Take(), "c_total"), 10);
  SnapshotSource* const before = backend->source;
  const pid_t child = fork();
  if (child == 0) {
    family.With("2").Increment(1);
    const bool right = metrics.TakeSnapshot().families().size() == 1 &&
                       metrics.RestartAfterFork().ok() && backend->source != before &&
                       ValueOf(backend->Take(), "c_total") == 1;
    _exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(ValueOf(backend->Take(), "c_total"), 10);
}

TEST(Views, OfOneBackendGiveTheSameToSeveralReadersAtOnce) {
  const auto backend = std::make_shared<OwnBackend>("b");
  const Metrics metrics(
      Options().AddBackend(backend).AddView(View("*").Backend("b").DropLabels({"path"})));
  const auto family = metrics.Counter("c_total", "C.", {"path"});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      double before = 0;
      for (int i = 0; i < 200; ++i) {
        const double now = ValueOf(backend->Take(), "c_total").value_or(0);
        EXPECT_GE(now, before);
        before = now;
      }
    });
  }
  for (int i = 0; i < 20'000; ++i) family.With(std::to_string(i % 50)).Increment();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ValueOf(backend->Take(), "c_total"), 20'000);
}

}  // namespace
}  // namespace polymeter
