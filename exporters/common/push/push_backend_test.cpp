// PushBackend over a transport that the test plays, with a clock that it moves.
#include "polymeter/push_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <thread>

#include "polymeter/metrics.h"
#include "sdk/src/core_access.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/manual_clock.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A message "name=value;name=value;" of all counters and gauges; `per_message` points in each.
class PlainEncoder : public Encoder {
 public:
  explicit PlainEncoder(std::size_t per_message = 1000000) : per_message_(per_message) {}
  EncodeReport Encode(const Snapshot& snapshot, EncoderCache*, MessageSink& sink) const override {
    EncodeReport report;
    std::size_t open = 0;
    const auto put = [&](const FamilyView& family, double value) {
      sink.Append(std::string(family.name) + "=" + std::to_string(static_cast<long>(value)) + ";");
      ++report.points;
      if (++open == per_message_) {
        sink.EndMessage(open);
        open = 0;
      }
    };
    std::uint64_t dropped = 0;
    for (const FamilyView& family : snapshot.families()) {
      if (family.name.substr(0, 10) == "polymeter_") continue;
      if (const auto* counters = std::get_if<CounterPoints>(&family.points)) {
        for (const CounterPoint& point : *counters) put(family, point.value());
      } else if (const auto* gauges = std::get_if<GaugePoints>(&family.points)) {
        for (const GaugePoint& point : *gauges) put(family, point.value);
      } else {
        dropped += family.size();
      }
    }
    if (open != 0) sink.EndMessage(open);
    if (dropped != 0) report.dropped.push_back({"no_number", dropped});
    return report;
  }
  std::string_view content_type() const override { return {}; }

 private:
  const std::size_t per_message_;
};

// What all transports of a test share: what came, and how the next sends end.
struct Receiver {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> messages;  // every attempt
  std::deque<SendResult> answers;     // of the next attempts; then `otherwise`
  SendResult otherwise = SendResult::Accepted();
  SendResult end_of_batch = SendResult::Accepted();
  std::deque<SendResult> end_answers;  // of End, the last one again and again; none: accepted
  std::vector<std::size_t> ends;       // each call of End: how many messages had come by then
  bool hang = false;                   // Send does not come back until Interrupt or its deadline
  bool interrupted = false;
  std::atomic<bool> throws{false};
  int transports = 0;
  std::atomic<int> gone{0};  // of them: the threads that used them have ended

  std::vector<std::string> Messages() {
    const std::lock_guard lock(mutex);
    return messages;
  }
  std::size_t attempts() { return Messages().size(); }
  void Answer(std::deque<SendResult> next) {
    const std::lock_guard lock(mutex);
    answers = std::move(next);
  }
  void Otherwise(SendResult result) {
    const std::lock_guard lock(mutex);
    otherwise = std::move(result);
  }
};

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

class PlayedTransport : public PushTransport {
 public:
  explicit PlayedTransport(std::shared_ptr<Receiver> receiver) : receiver_(std::move(receiver)) {
    ++receiver_->transports;
  }
  ~PlayedTransport() override { ++receiver_->gone; }
  SendResult Send(std::string_view message, Deadline deadline) override {
    std::unique_lock lock(receiver_->mutex);
    receiver_->messages.emplace_back(message);
    receiver_->changed.notify_all();
    if (receiver_->throws) throw std::runtime_error("thrown");
    if (receiver_->hang) {
      receiver_->changed.wait_until(lock, deadline, [&] { return receiver_->interrupted; });
      return SendResult::Retry("interrupted");
    }
    if (receiver_->answers.empty()) return receiver_->otherwise;
    SendResult answer = receiver_->answers.front();
    receiver_->answers.pop_front();
    return answer;
  }
  SendResult EndBatch(bool) override { return receiver_->end_of_batch; }
  SendResult End(Deadline) override {
    const std::lock_guard lock(receiver_->mutex);
    receiver_->ends.push_back(receiver_->messages.size());
    if (receiver_->throws) throw std::runtime_error("thrown");
    if (receiver_->end_answers.empty()) return SendResult::Accepted();
    if (receiver_->end_answers.size() == 1) return receiver_->end_answers.front();
    SendResult answer = receiver_->end_answers.front();
    receiver_->end_answers.pop_front();
    return answer;
  }
  void Interrupt() noexcept override {
    const std::lock_guard lock(receiver_->mutex);
    receiver_->interrupted = true;
    receiver_->changed.notify_all();
  }
  std::string endpoint() const override { return "played"; }

 private:
  const std::shared_ptr<Receiver> receiver_;
};

Deadline Soon() { return std::chrono::steady_clock::now() + 5s; }

std::uint64_t DroppedBy(const BackendReport& report) {
  return std::accumulate(report.dropped.begin(), report.dropped.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& drop) { return sum + drop.second; });
}
void ExpectBalance(const BackendReport& report) {
  EXPECT_EQ(report.offered,
            report.accepted + report.sent + report.superseded + report.pending + DroppedBy(report));
}

class Push : public ::testing::Test {
 protected:
  // A Metrics whose only backend pushes to `receiver_`, by a clock that stands still.
  Metrics Make(PushOptions options = PushOptions("played").Interval(10s).RandomOffset(false),
               std::size_t per_message = 1000000) {
    backend_ =
        MakeBackend(std::move(options), std::make_shared<PlainEncoder>(per_message), receiver_);
    return Metrics(Options().AddBackend(backend_).Log(log_.callback()));
  }
  std::shared_ptr<PushBackend> MakeBackend(PushOptions options,
                                           std::shared_ptr<const Encoder> encoder,
                                           std::shared_ptr<Receiver> receiver) {
    return std::make_shared<PushBackend>(
        std::move(options), std::move(encoder),
        [receiver] { return std::make_unique<PlayedTransport>(receiver); }, clock_);
  }
  bool Attempts(std::size_t wanted) {
    const Deadline give_up = Soon();
    while (receiver_->attempts() < wanted && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::sleep_for(1ms);
    }
    return receiver_->attempts() >= wanted;
  }
  BackendReport Report() {
    BackendReport report = backend_->Report();
    ExpectBalance(report);
    return report;
  }

  testing::SteppedClock clock_;
  testing::LogCapture log_;
  std::shared_ptr<Receiver> receiver_ = std::make_shared<Receiver>();
  std::shared_ptr<PushBackend> backend_;
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

TEST_F(Push, TheEndSaysWhatWasLostToWhoAsksAndElseToTheLog) {
  for (const bool asked : {true, false}) {
    {
      const Metrics metrics = Make(PushOptions("played").RandomOffset(false));
      metrics.Gauge("a", "G.").Set(1);
      receiver_->Otherwise(SendResult::Rejected("http_400", "bad tenant"));
      if (asked) {
        EXPECT_EQ(metrics.Shutdown(Soon()).message(), "played: points were lost: bad tenant");
      }
    }
    EXPECT_EQ(log_.Count("points were lost: bad tenant"), asked ? 0 : 1);
  }
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

TEST_F(Push, ShutdownKeepsItsDeadlineWhenTheReceiverNeverAnswers) {
  const Metrics metrics = Make();
  metrics.Gauge("g", "G.").Set(1);
  receiver_->hang = true;
  const Deadline begin = std::chrono::steady_clock::now();
  const Status stopped = metrics.Shutdown(begin + 200ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_THAT(stopped.message(), HasSubstr("1 points were not sent"));
  EXPECT_THAT(Report().dropped, ElementsAre(std::pair("shutdown", 1u)));
}

TEST_F(Push, ShutdownTriesAgainAsLongAsItMay) {
  const Metrics metrics = Make();
  metrics.Gauge("g", "G.").Set(1);
  receiver_->Otherwise(SendResult::Retry("nobody there"));
  std::thread stopper([&] { EXPECT_TRUE(metrics.Shutdown(Soon())); });
  ASSERT_TRUE(Attempts(1));
  receiver_->Otherwise(SendResult::Accepted());
  while (receiver_->attempts() < 2) {
    clock_.Advance(100ms);
    std::this_thread::sleep_for(1ms);
  }
  stopper.join();
  EXPECT_EQ(Report().accepted, 1u);
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

TEST_F(Push, KeepsTheReasonWhereNoTimeIsLeftToSendAgain) {
  backend_ = std::make_shared<PushBackend>(
      PushOptions("played"), std::make_shared<PlainEncoder>(),
      [receiver = receiver_] { return std::make_unique<PlayedTransport>(receiver); });
  const Metrics metrics(Options().AddBackend(backend_).Log(log_.callback()));
  metrics.Gauge("g", "G.").Set(1);
  receiver_->Otherwise(SendResult::Retry("nobody there"));
  const Status stopped = metrics.Shutdown(std::chrono::steady_clock::now() + 100ms);
  EXPECT_THAT(stopped.message(), HasSubstr("nobody there"));
  EXPECT_EQ(Report().last_error, "nobody there");
}

// --- the end -----------------------------------------------------------------------------------

TEST_F(Push, TellsTheEndOnceAfterTheLastMessage) {
  const Metrics metrics = Make();
  metrics.Gauge("g", "G.").Set(1);
  EXPECT_TRUE(metrics.Flush(Soon()));
  EXPECT_THAT(receiver_->ends, ElementsAre());
  EXPECT_TRUE(metrics.Shutdown(Soon()));
  EXPECT_TRUE(metrics.Shutdown(Soon()));
  EXPECT_THAT(receiver_->ends, ElementsAre(2u));
}

TEST_F(Push, TellsTheEndAgainUntilItIsTaken) {
  const Metrics metrics = Make();
  receiver_->end_answers = {SendResult::Retry("busy"), SendResult::Retry("busy"),
                            SendResult::Accepted()};
  std::atomic<bool> stopped{false};
  std::thread stopper([&] {
    EXPECT_TRUE(metrics.Shutdown(Soon()));
    stopped = true;
  });
  while (!stopped) {
    clock_.Advance(100ms);
    std::this_thread::sleep_for(1ms);
  }
  stopper.join();
  EXPECT_EQ(receiver_->ends.size(), 3u);
}

TEST_F(Push, SaysThatItsEndWasRefusedAndDoesNotAskAgain) {
  const Metrics metrics = Make();
  receiver_->end_answers = {SendResult::Rejected("no", "not allowed")};
  const Status stopped = metrics.Shutdown(Soon());
  EXPECT_THAT(stopped.message(), HasSubstr("its end could not be told: not allowed"));
  EXPECT_EQ(receiver_->ends.size(), 1u);
  EXPECT_EQ(Report().last_error, "not allowed");
}

TEST_F(Push, TakesAThrowingEndForAFailingOne) {
  const Metrics metrics = Make();
  EXPECT_TRUE(metrics.Flush(Soon()));
  receiver_->throws = true;
  const Deadline begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(metrics.Shutdown(begin + 100ms));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_GE(receiver_->ends.size(), 1u);
}

// A receiver that asks for more patience than there is time is not waited for.
TEST_F(Push, KeepsTheReasonWhereNoTimeIsLeftToTellTheEndAgain) {
  const Metrics metrics = Make();
  EXPECT_TRUE(metrics.Flush(Soon()));
  receiver_->end_answers = {SendResult::Retry("come back in an hour", 1h)};
  const Deadline begin = std::chrono::steady_clock::now();
  const Status stopped = metrics.Shutdown(begin + 4s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_THAT(stopped.message(), HasSubstr("its end could not be told: come back in an hour"));
  EXPECT_EQ(receiver_->ends.size(), 1u);
}

// The last messages took all the time: what went wrong with them is the reason, and the end is
// tried all the same, for a transport that can do it at once.
TEST_F(Push, TriesTheEndWhereNoTimeIsLeftAndKeepsTheReasonThatIsKnown) {
  const Metrics metrics = Make();
  metrics.Gauge("g", "G.").Set(1);
  receiver_->hang = true;
  receiver_->end_answers = {SendResult::Retry("no answer in time")};
  const Status stopped = metrics.Shutdown(std::chrono::steady_clock::now() + 100ms);
  EXPECT_THAT(stopped.message(),
              HasSubstr("1 points were not sent before the deadline: interrupted"));
  EXPECT_EQ(receiver_->ends.size(), 1u);
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

// A Metrics that its log callback ends; only its core has the backends.
class PushEndedByItsLog : public Push {
 protected:
  void Start(Options options) {
    *metrics_ = Metrics(options.Log([this](LogLevel, std::string_view) { end_(); }));
  }
  std::shared_ptr<PushBackend> To(const std::shared_ptr<Receiver>& receiver) {
    return MakeBackend(PushOptions("played").Interval(10s).RandomOffset(false),
                       std::make_shared<PlainEncoder>(), receiver);
  }
  static void WaitForTheEnd(const Receiver& receiver) {
    while (receiver.gone == 0) std::this_thread::sleep_for(1ms);
  }

  std::unique_ptr<Metrics> metrics_ = std::make_unique<Metrics>();
  std::function<void()> end_ = [this] { metrics_.reset(); };
};

TEST_F(PushEndedByItsLog, Survives) {
  Start(Options().AddBackend(To(receiver_)));
  metrics_->Gauge("g", "G.").Set(1);
  receiver_->Otherwise(SendResult::Retry("nobody there"));
  clock_.Advance(10s);
  WaitForTheEnd(*receiver_);
}

TEST_F(PushEndedByItsLog, SurvivesWhileASnapshotIsTaken) {
  Start(Options().AddBackend(To(receiver_)));
  metrics_->Gauge("g", "G.").Set(1);
  metrics_->Counter("c_total", "C.").Increment(-1);  // refused, which the next snapshot says
  clock_.Advance(10s);
  WaitForTheEnd(*receiver_);
  EXPECT_GE(receiver_->attempts(), 1u);
}

TEST_F(PushEndedByItsLog, StopsTheOtherBackendsToo) {
  const auto others = std::make_shared<Receiver>();
  std::atomic<bool> stopped{false};
  end_ = [&] {
    static_cast<void>(metrics_->Shutdown(Soon()));
    stopped = true;
  };
  Start(Options().AddBackend(To(others)).AddBackend(To(receiver_)));
  metrics_->Gauge("g", "G.").Set(1);
  receiver_->Otherwise(SendResult::Retry("nobody there"));
  clock_.Advance(10s);
  while (!stopped) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(others->Messages().empty());
  metrics_.reset();
  WaitForTheEnd(*receiver_);
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
