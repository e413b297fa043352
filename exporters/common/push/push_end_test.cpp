// How a PushBackend ends: what Shutdown still delivers, tells and says.
#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "exporters/common/push/push_for_test.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::PlainEncoder;
using testing::PlayedTransport;
using testing::Receiver;
using testing::Soon;

class PushEnd : public testing::Push {};

TEST_F(PushEnd, TheEndSaysWhatWasLostToWhoAsksAndElseToTheLog) {
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

TEST_F(PushEnd, ShutdownKeepsItsDeadlineWhenTheReceiverNeverAnswers) {
  const Metrics metrics = Make();
  metrics.Gauge("g", "G.").Set(1);
  receiver_->hang = true;
  const Deadline begin = std::chrono::steady_clock::now();
  const Status stopped = metrics.Shutdown(begin + 200ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_THAT(stopped.message(), HasSubstr("1 points were not sent"));
  EXPECT_THAT(Report().dropped, ElementsAre(std::pair("shutdown", 1u)));
}

TEST_F(PushEnd, ShutdownTriesAgainAsLongAsItMay) {
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

TEST_F(PushEnd, KeepsTheReasonWhereNoTimeIsLeftToSendAgain) {
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

// --- what the receiver is told ------------------------------------------------------------------

TEST_F(PushEnd, TellsTheEndOnceAfterTheLastMessage) {
  const Metrics metrics = Make();
  metrics.Gauge("g", "G.").Set(1);
  EXPECT_TRUE(metrics.Flush(Soon()));
  EXPECT_THAT(receiver_->ends, ElementsAre());
  EXPECT_TRUE(metrics.Shutdown(Soon()));
  EXPECT_TRUE(metrics.Shutdown(Soon()));
  EXPECT_THAT(receiver_->ends, ElementsAre(2u));
}

TEST_F(PushEnd, TellsTheEndAgainUntilItIsTaken) {
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

TEST_F(PushEnd, SaysThatItsEndWasRefusedAndDoesNotAskAgain) {
  const Metrics metrics = Make();
  receiver_->end_answers = {SendResult::Rejected("no", "not allowed")};
  const Status stopped = metrics.Shutdown(Soon());
  EXPECT_THAT(stopped.message(), HasSubstr("its end could not be told: not allowed"));
  EXPECT_EQ(receiver_->ends.size(), 1u);
  EXPECT_EQ(Report().last_error, "not allowed");
}

TEST_F(PushEnd, TakesAThrowingEndForAFailingOne) {
  const Metrics metrics = Make();
  EXPECT_TRUE(metrics.Flush(Soon()));
  receiver_->throws = true;
  const Deadline begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(metrics.Shutdown(begin + 100ms));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_GE(receiver_->ends.size(), 1u);
}

// A receiver that asks for more patience than there is time is not waited for.
TEST_F(PushEnd, KeepsTheReasonWhereNoTimeIsLeftToTellTheEndAgain) {
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
TEST_F(PushEnd, TriesTheEndWhereNoTimeIsLeftAndKeepsTheReasonThatIsKnown) {
  const Metrics metrics = Make();
  metrics.Gauge("g", "G.").Set(1);
  receiver_->hang = true;
  receiver_->end_answers = {SendResult::Retry("no answer in time")};
  const Status stopped = metrics.Shutdown(std::chrono::steady_clock::now() + 100ms);
  EXPECT_THAT(stopped.message(),
              HasSubstr("1 points were not sent before the deadline: interrupted"));
  EXPECT_EQ(receiver_->ends.size(), 1u);
}

// --- a Metrics that its log ends -----------------------------------------------------------------

// A Metrics that its log callback ends; only its core has the backends.
class PushEndedByItsLog : public PushEnd {
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

}  // namespace
}  // namespace polymeter
