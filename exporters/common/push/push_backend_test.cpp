// What a PushBackend delivers, and when.
#include "exporters/common/push/push_for_test.h"

#include <gmock/gmock.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>

#include "polymeter/metrics.h"
#include "sdk/src/core_access.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::DroppedBy;
using testing::PlainEncoder;
using testing::Push;
using testing::Soon;

// Throws what is no std::exception, then one that says nothing, then encodes.
class ThrowingEncoder : public PlainEncoder {
 public:
  EncodeReport Encode(const Snapshot& snapshot, EncoderCache* cache,
                      MessageSink& sink) const override {
    const int call = ++calls_;
    if (call == 1) throw 1;
    if (call == 2) throw std::runtime_error("");
    return PlainEncoder::Encode(snapshot, cache, sink);
  }

 private:
  mutable std::atomic<int> calls_{0};
};

TEST_F(Push, HappensOnceAnInterval) {
  const Metrics metrics = Make();
  auto counter = metrics.Counter("c_total", "C.");
  counter.Increment(3);
  clock_.Advance(9s);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(receiver_->attempts(), 0u);
  clock_.Advance(1s);
  ASSERT_TRUE(Attempts(1));
  counter.Increment();
  clock_.Advance(10s);
  ASSERT_TRUE(Attempts(2));
  clock_.Advance(25s);  // what was missed is not made up for
  ASSERT_TRUE(Attempts(3));
  std::this_thread::sleep_for(20ms);
  EXPECT_THAT(receiver_->Messages(), ElementsAre("c_total=3;", "c_total=4;", "c_total=4;"));
  EXPECT_EQ(Report().accepted, 3u);
}

TEST_F(Push, BeginsAtARandomPartOfTheInterval) {
  const Metrics metrics = Make(PushOptions("played").Interval(10s));
  metrics.Counter("c_total", "C.");
  clock_.Advance(10s);
  EXPECT_TRUE(Attempts(1));
}

TEST_F(Push, FlushDeliversNowAndShutdownWhatIsLeft) {
  const Metrics metrics = Make();
  auto counter = metrics.Counter("c_total", "C.");
  counter.Increment(1);
  EXPECT_TRUE(metrics.Flush(Soon()));
  counter.Increment(1);
  EXPECT_TRUE(metrics.Shutdown(Soon()));
  EXPECT_THAT(receiver_->Messages(), ElementsAre("c_total=1;", "c_total=2;"));
  EXPECT_EQ(Report().accepted, 2u);
}

TEST_F(Push, OfAShortLivedProgramLosesNothing) {
  {
    const Metrics metrics = Make();
    metrics.Counter("c_total", "C.").Increment(7);
  }
  EXPECT_THAT(receiver_->Messages(), ElementsAre("c_total=7;"));
}

TEST_F(Push, TriesAgainWithGrowingPausesUntilANewerSnapshotSupersedesTheOlder) {
  const Metrics metrics =
      Make(PushOptions("played").Interval(100s).RandomOffset(false).Backoff(1s, 30s));
  auto gauge = metrics.Gauge("g", "G.");
  gauge.Set(1);
  receiver_->Otherwise(SendResult::Retry("nobody there"));
  clock_.Advance(100s);
  ASSERT_TRUE(Attempts(1));
  std::this_thread::sleep_for(20ms);
  clock_.Advance(790ms);  // four fifths of the pause are certain
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(receiver_->attempts(), 1u);
  clock_.Advance(210ms);
  ASSERT_TRUE(Attempts(2));
  std::this_thread::sleep_for(20ms);
  clock_.Advance(1590ms);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(receiver_->attempts(), 2u);
  clock_.Advance(410ms);
  ASSERT_TRUE(Attempts(3));
  EXPECT_EQ(Report().last_error, "nobody there");
  EXPECT_EQ(Report().pending, 1u);
  gauge.Set(2);
  receiver_->Otherwise(SendResult::Accepted());
  clock_.Advance(100s);
  ASSERT_TRUE(Attempts(4));
  EXPECT_TRUE(metrics.Flush(Soon()));
  EXPECT_EQ(receiver_->Messages()[2], "g=1;");
  EXPECT_EQ(receiver_->Messages()[3], "g=2;");
  const BackendReport report = Report();
  EXPECT_EQ(report.superseded, 1u);
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.last_error, "");
  EXPECT_EQ(log_.Count("nobody there"), 1);
  EXPECT_EQ(log_.Count("delivers again"), 1);
}

TEST_F(Push, WaitsAsLongAsTheReceiverAsks) {
  const Metrics metrics = Make(PushOptions("played").Interval(10s).RandomOffset(false));
  metrics.Gauge("g", "G.").Set(1);
  receiver_->Answer({SendResult::Retry("throttled", 25s)});
  clock_.Advance(10s);
  ASSERT_TRUE(Attempts(1));
  std::this_thread::sleep_for(20ms);
  clock_.Advance(24s);  // two intervals pass meanwhile
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(receiver_->attempts(), 1u);
  clock_.Advance(1s);
  ASSERT_TRUE(Attempts(2));
}

TEST_F(Push, DropsWhatTheReceiverRefusesAndCountsWhy) {
  const Metrics metrics = Make(PushOptions("played").RandomOffset(false), /*per_message=*/2);
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) metrics.Gauge(name, "G.").Set(1);
  metrics.Histogram("h", "H.").Observe(1);
  SendResult partial = SendResult::Accepted();
  partial.rejected_points = 1;
  partial.message = "one was bad";
  receiver_->Answer({SendResult::Rejected("http_400", "bad request"), partial, SendResult::Sent()});
  EXPECT_EQ(metrics.Flush(Soon()).message(), "played: points were lost: bad request");
  const BackendReport report = Report();
  EXPECT_EQ(report.offered, 7u);
  EXPECT_EQ(report.accepted, 1u);
  EXPECT_EQ(report.sent, 2u);
  EXPECT_THAT(report.dropped, ::testing::UnorderedElementsAre(std::pair("http_400", 2u),
                                                              std::pair("partial_success", 1u),
                                                              std::pair("no_number", 1u)));
  EXPECT_EQ(log_.Count("bad request"), 1);
}

TEST_F(Push, SaysOnceThatNobodyMayGetWhatIsSentAndALossFirst) {
  const Metrics metrics = Make(PushOptions("played").RandomOffset(false), /*per_message=*/1);
  for (const char* name : {"a", "b"}) metrics.Gauge(name, "G.").Set(1);
  receiver_->Otherwise(SendResult::Sent("nobody listens, 1"));
  EXPECT_TRUE(metrics.Flush(Soon()));
  receiver_->Otherwise(SendResult::Sent("nobody listens, 2"));
  EXPECT_TRUE(metrics.Flush(Soon()));
  EXPECT_EQ(Report().last_error, "nobody listens, 2");
  EXPECT_EQ(Report().sent, 4u);
  EXPECT_EQ(log_.Count("nobody listens"), 1);
  receiver_->Answer({SendResult::Sent("nobody listens, 3"), SendResult::Rejected("x", "lost")});
  EXPECT_FALSE(metrics.Flush(Soon()));
  EXPECT_EQ(Report().last_error, "lost");
  EXPECT_EQ(log_.Count("lost"), 1);
  receiver_->Otherwise(SendResult::Sent());
  EXPECT_TRUE(metrics.Flush(Soon()));
  EXPECT_EQ(Report().last_error, "");
  EXPECT_EQ(log_.Count("delivers again"), 1);
}

TEST_F(Push, SendsOnlyWhatIsLeftOfABatch) {
  const Metrics metrics = Make(PushOptions("played").RandomOffset(false), /*per_message=*/1);
  for (const char* name : {"a", "b", "c"}) metrics.Gauge(name, "G.").Set(1);
  receiver_->Answer({SendResult::Accepted(), SendResult::Retry("later")});
  EXPECT_FALSE(metrics.Flush(std::chrono::steady_clock::now() + 20ms));
  EXPECT_EQ(Report().pending, 2u);
  clock_.Advance(1s);
  ASSERT_TRUE(Attempts(4));
  EXPECT_THAT(receiver_->Messages(), ElementsAre("a=1;", "b=1;", "b=1;", "c=1;"));
}

TEST_F(Push, OfABatchThatFailedAsAWholeIsRepeatedOrDropped) {
  const Metrics metrics = Make(PushOptions("played").RandomOffset(false), /*per_message=*/1);
  metrics.Gauge("a", "G.").Set(1);
  metrics.Gauge("b", "G.").Set(1);
  receiver_->end_of_batch = SendResult::Rejected("disk_full", "no space");
  EXPECT_FALSE(metrics.Flush(Soon()));
  BackendReport report = Report();
  EXPECT_EQ(report.accepted, 0u);
  EXPECT_THAT(report.dropped, ElementsAre(std::pair("disk_full", 2u)));
  receiver_->end_of_batch = SendResult::Retry("busy");
  EXPECT_FALSE(metrics.Flush(std::chrono::steady_clock::now() + 20ms));
  EXPECT_EQ(Report().pending, 2u);
  receiver_->end_of_batch = SendResult::Accepted();
  EXPECT_TRUE(metrics.Flush(Soon()));
  report = Report();
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.superseded, 2u);
}

TEST_F(Push, OfDifferencesWaitsForAReceiverWithinItsBound) {
  DeltaOptions delta;
  delta.counters = true;
  const Metrics metrics =
      Make(PushOptions("played").Interval(10s).RandomOffset(false).Delta(delta).MostPendingBytes(
          3 * std::string_view("c_total=1;").size()));
  auto counter = metrics.Counter("c_total", "C.");
  receiver_->Otherwise(SendResult::Retry("nobody there"));
  for (int i = 0; i < 5; ++i) {
    counter.Increment(1);
    EXPECT_FALSE(metrics.Flush(std::chrono::steady_clock::now() + 10ms));
  }
  EXPECT_EQ(Report().pending, 3u);
  EXPECT_THAT(Report().dropped, ElementsAre(std::pair("queue_full", 2u)));
  const std::size_t before = receiver_->attempts();
  receiver_->Otherwise(SendResult::Accepted());
  EXPECT_TRUE(metrics.Flush(Soon()));
  const auto messages = receiver_->Messages();
  EXPECT_EQ(std::vector<std::string>(messages.begin() + static_cast<std::ptrdiff_t>(before),
                                     messages.end()),
            std::vector<std::string>(3, "c_total=1;"));
  EXPECT_EQ(Report().accepted, 3u);
}

TEST_F(Push, WithoutAnIntervalHappensWhenAskedAndAtTheEnd) {
  const Metrics metrics = Make(PushOptions("played").Interval(0ms));
  auto counter = metrics.Counter("c_total", "C.");
  counter.Increment(1);
  clock_.Advance(24h);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(receiver_->attempts(), 0u);
  EXPECT_TRUE(metrics.Flush(Soon()));
  counter.Increment(1);
  EXPECT_TRUE(metrics.Shutdown(Soon()));
  EXPECT_THAT(receiver_->Messages(), ElementsAre("c_total=1;", "c_total=2;"));
}

TEST_F(Push, TakesAThrowingTransportForAFailingOne) {
  const Metrics metrics = Make();
  metrics.Gauge("g", "G.").Set(1);
  receiver_->throws = true;
  EXPECT_FALSE(metrics.Flush(std::chrono::steady_clock::now() + 20ms));
  const Deadline give_up = Soon();
  while (Report().last_error.empty() && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(Report().last_error, "thrown");
  receiver_->throws = false;
  EXPECT_TRUE(metrics.Flush(Soon()));
}

TEST_F(Push, LeavesItsAccountInTheSnapshots) {
  const Metrics metrics = Make();
  metrics.Gauge("g", "G.").Set(1);
  EXPECT_TRUE(metrics.Flush(Soon()));
  const Snapshot snapshot = metrics.TakeSnapshot();
  double accepted = 0;
  for (const FamilyView& family : snapshot.families()) {
    if (family.name == "polymeter_accepted_points_total") {
      accepted = std::get<CounterPoints>(family.points)[0].value();
    }
  }
  EXPECT_EQ(accepted, 1);
}

TEST_F(Push, ThatIsFlushedFromItsOwnThreadSaysSo) {
  std::optional<Metrics> metrics;
  std::atomic<bool> said{false};
  std::string answer;
  backend_ = MakeBackend(PushOptions("played").Interval(10s).RandomOffset(false),
                         std::make_shared<PlainEncoder>(), receiver_);
  metrics.emplace(Options().AddBackend(backend_).Log([&](LogLevel, std::string_view) {
    if (said) return;
    answer = metrics->Flush(Deadline::max()).message();
    said = true;
  }));
  metrics->Gauge("g", "G.").Set(1);
  receiver_->Answer({SendResult::Retry("nobody there")});
  clock_.Advance(10s);
  while (!said) std::this_thread::sleep_for(1ms);
  EXPECT_THAT(answer, HasSubstr("its own thread"));
  EXPECT_TRUE(metrics->Shutdown(Soon()));
}

#if defined(__GLIBC__)
TEST_F(Push, ThatGetsNoThreadIsLeftOut) {
  pthread_attr_t usual;
  pthread_attr_t impossible;
  ASSERT_EQ(pthread_getattr_default_np(&usual), 0);
  ASSERT_EQ(pthread_attr_init(&impossible), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&impossible, std::size_t{1} << 50), 0);
  ASSERT_EQ(pthread_setattr_default_np(&impossible), 0);
  const Metrics metrics = Make();
  EXPECT_EQ(pthread_setattr_default_np(&usual), 0);
  EXPECT_EQ(log_.Count("a backend did not start"), 1);
  EXPECT_TRUE(metrics.Reports().empty());
  EXPECT_TRUE(backend_->Stop(Soon()));
}
#endif

TEST_F(Push, AskedForNoPauseKeepsItsOwn) {
  const Metrics metrics =
      Make(PushOptions("played").Interval(100s).RandomOffset(false).Backoff(1s, 30s));
  metrics.Gauge("g", "G.").Set(1);
  receiver_->Otherwise(SendResult::Retry("throttled", 0s));
  clock_.Advance(100s);
  ASSERT_TRUE(Attempts(1));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(receiver_->attempts(), 1u);
  clock_.Advance(1s);
  EXPECT_TRUE(Attempts(2));
  receiver_->Otherwise(SendResult::Accepted());
  EXPECT_TRUE(metrics.Flush(Soon()));
}

TEST_F(Push, OfDifferencesBeyondTheBoundReachesAReceiverThatTakesThem) {
  DeltaOptions delta;
  delta.counters = true;
  const Metrics metrics =
      Make(PushOptions("played").RandomOffset(false).Delta(delta).MostPendingBytes(1),
           /*per_message=*/1);
  for (const char* name : {"a", "b", "c"}) metrics.Counter(name, "C.").Increment(1);
  EXPECT_TRUE(metrics.Flush(Soon()));
  EXPECT_THAT(receiver_->Messages(), ElementsAre("a=1;", "b=1;", "c=1;"));
  EXPECT_EQ(Report().accepted, 3u);
  EXPECT_EQ(DroppedBy(Report()), 0u);
}

TEST_F(Push, CountsSnapshotsThatAnEncoderThrowsAt) {
  backend_ = MakeBackend(PushOptions("played").Interval(10s).RandomOffset(false),
                         std::make_shared<ThrowingEncoder>(), receiver_);
  const Metrics metrics(Options().AddBackend(backend_).Log(log_.callback()));
  metrics.Gauge("g", "G.").Set(1);
  std::uint64_t dropped = 0;
  for (int i = 0; i < 2; ++i) {
    static_cast<void>(metrics.Flush(Soon()));
    EXPECT_GT(DroppedBy(Report()), dropped);
    dropped = DroppedBy(Report());
    EXPECT_THAT(Report().last_error, HasSubstr("could not be encoded"));
  }
  EXPECT_TRUE(metrics.Flush(Soon()));
  EXPECT_THAT(receiver_->Messages(), ElementsAre("g=1;"));
  EXPECT_EQ(Report().last_error, "");
}

TEST_F(Push, TakesTheLongestTimeoutThatThereIs) {
  const Metrics metrics = Make(PushOptions("played")
                                   .Interval(std::chrono::milliseconds::max())
                                   .Timeout(std::chrono::milliseconds::max()));
  metrics.Gauge("g", "G.").Set(1);
  EXPECT_TRUE(metrics.Flush(Soon()));
  EXPECT_THAT(receiver_->Messages(), ElementsAre("g=1;"));
}

TEST_F(Push, OfAChildBeginsAnewAndSendsNothingOfItsParents) {
  const Metrics metrics = Make();
  auto counter = metrics.Counter("c_total", "C.");
  counter.Increment(5);
  const pid_t child = fork();
  if (child == 0) {
    receiver_->messages.clear();
    if (!metrics.RestartAfterFork()) _exit(2);
    counter.Increment(2);
    if (!metrics.Flush(Soon())) _exit(3);
    if (receiver_->Messages() != std::vector<std::string>{"c_total=2;"}) _exit(4);
    if (receiver_->transports != 2) _exit(5);
    _exit(metrics.Shutdown(Soon()) ? 0 : 6);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(metrics.Flush(Soon()));
  EXPECT_THAT(receiver_->Messages(), ElementsAre("c_total=5;"));
}

// As the drop-in does it. The receiver still has what it got before.
TEST_F(Push, GoesOnWithDifferencesWhereItWasWhenItIsStartedAgain) {
  DeltaOptions delta;
  delta.counters = true;
  const auto backend =
      MakeBackend(PushOptions("played").Interval(1h).RandomOffset(false).Delta(delta),
                  std::make_shared<PlainEncoder>(), receiver_);
  const Metrics metrics(Options().Consumer());
  SnapshotSource& source = *detail::CoreAccess::Source(metrics);
  auto counter = metrics.Counter("c_total", "C.");
  for (const int more : {3, 4}) {
    counter.Increment(more);
    ASSERT_TRUE(backend->Start(source));
    EXPECT_FALSE(backend->Start(source));  // it runs
    ASSERT_TRUE(backend->Stop(Soon()));
  }
  EXPECT_THAT(receiver_->Messages(), ElementsAre("c_total=3;", "c_total=4;"));
  EXPECT_EQ(receiver_->transports, 2);
}

}  // namespace
}  // namespace polymeter
