// Callbacks and producers that misbehave: each costs itself only, and is counted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "polymeter/metrics.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"
#include "test/concurrency/crowd.h"

namespace {

using namespace std::chrono_literals;
using polymeter::Attachment;
using polymeter::FamilySink;
using polymeter::Metrics;
using polymeter::MetricType;
using polymeter::Options;
using polymeter::Producer;
using polymeter::testing::LogCapture;
using polymeter::testing::ValueOf;

// A call that does not end before it is let go.
class Gate {
 public:
  ~Gate() { Open(); }
  void Wait() {
    entered_ = true;
    opened_.wait(false);
    left_ = true;
  }
  void Open() {
    opened_ = true;
    opened_.notify_all();
  }
  bool entered() const { return entered_; }
  bool left() const { return left_; }

 private:
  std::atomic<bool> entered_{false};
  std::atomic<bool> opened_{false};
  std::atomic<bool> left_{false};
};

class HangingProducer : public Producer {
 public:
  explicit HangingProducer(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
  void Collect(FamilySink& sink) override {
    gate_->Wait();
    sink.BeginFamily(MetricType::kGauge, "late", "Late.");
    sink.Gauge({}, 1);
  }

 private:
  const std::shared_ptr<Gate> gate_;
};

// For what hangs.
Options Quick(const LogCapture& log) {
  return Options().Consumer().ProducerBudget(50ms).Log(log.callback());
}

// For what does not: nobody is late on a busy machine either.
Options Patient(const LogCapture& log) {
  return Options().Consumer().ProducerBudget(20s).Log(log.callback());
}

double Refused(const Metrics& metrics, std::string_view reason) {
  return ValueOf(metrics.TakeSnapshot(), "polymeter_refused_total", {{"reason", reason}})
      .value_or(0);
}

TEST(Callbacks, OneThatHangsLeavesTheOthersAlone) {
  const LogCapture log;
  const Metrics metrics{Quick(log)};
  Gate gate;
  int calls = 0;
  const Attachment before = metrics.GaugeCallback("before", "B.", [] { return 1.0; });
  Attachment hangs = metrics.GaugeCallback("hangs", "H.", [&] {
    gate.Wait();
    return 2.0;
  });
  const Attachment after = metrics.GaugeCallback("after", "A.", [&] { return ++calls; });
  // On a busy machine the thread that takes the place of the one that hangs may come after the
  // budget: its value is then the next snapshot's.
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(crowd::WaitUntil([&] {
      const auto snapshot = metrics.TakeSnapshot();
      EXPECT_EQ(ValueOf(snapshot, "hangs"), std::nullopt) << i;
      return ValueOf(snapshot, "before") == 1 && ValueOf(snapshot, "after") >= i;
    })) << i;
  }
  EXPECT_GE(Refused(metrics, "producer_late"), 1);
  EXPECT_GE(log.Count("producer"), 1);
  // It is called again once it has come back.
  gate.Open();
  EXPECT_TRUE(crowd::WaitUntil([&] { return ValueOf(metrics.TakeSnapshot(), "hangs") == 2; }));
}

TEST(Callbacks, OneThatThrowsLeavesTheOthersAloneAndKeepsItsLastValue) {
  const LogCapture log;
  const Metrics metrics{Patient(log)};
  bool throws = false;
  const Attachment bad = metrics.GaugeCallback("bad", "B.", [&]() -> double {
    if (throws) throw std::runtime_error("no such device");
    return 5;
  });
  const Attachment odd = metrics.GaugeCallback("odd", "O.", []() -> double { throw 42; });
  const Attachment good = metrics.CounterCallback("good_total", "G.", [] { return 3.0; });
  EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "bad"), 5);
  throws = true;
  const auto snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "bad"), 5);
  EXPECT_EQ(ValueOf(snapshot, "good_total"), 3);
  EXPECT_EQ(ValueOf(snapshot, "odd"), std::nullopt);
  EXPECT_GE(Refused(metrics, "producer_failed"), 3);
  EXPECT_GE(log.Count("no such device"), 1);
}

TEST(Callbacks, MayRegisterMetricsAndTakeSnapshots) {
  const LogCapture log;
  const Metrics metrics{Patient(log)};
  int calls = 0;
  const Attachment registers = metrics.GaugeCallback("registers", "R.", [&] {
    ++calls;
    metrics.Counter("made_in_callback_total", "M.").Increment();
    metrics.Counter("labelled_total", "L.", {"call"}).With(calls).Increment();
    return static_cast<double>(metrics.TakeSnapshot().size());
  });
  static_cast<void>(metrics.TakeSnapshot());
  const auto snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "made_in_callback_total"), calls);
  EXPECT_EQ(ValueOf(snapshot, "labelled_total", {{"call", "1"}}), 1);
  EXPECT_GT(ValueOf(snapshot, "registers").value_or(0), 0);
  EXPECT_EQ(Refused(metrics, "producer_late"), 0);
}

TEST(Callbacks, MayAttachAnother) {
  const LogCapture log;
  const Metrics metrics{Patient(log)};
  Attachment inner;
  const Attachment outer = metrics.GaugeCallback("outer", "O.", [&] {
    if (!inner) inner = metrics.GaugeCallback("inner", "I.", [] { return 7.0; });
    return 1.0;
  });
  EXPECT_TRUE(crowd::WaitUntil([&] { return ValueOf(metrics.TakeSnapshot(), "inner") == 7; }));
}

TEST(Callbacks, MayRemoveThemselves) {
  const LogCapture log;
  const Metrics metrics{Patient(log)};
  int calls = 0;
  Attachment self;
  self = metrics.GaugeCallback("once", "O.", [&] {
    ++calls;
    self.Detach();
    return 1.0;
  });
  const Attachment other = metrics.GaugeCallback("other", "O.", [] { return 2.0; });
  EXPECT_TRUE(crowd::WaitUntil([&] {
    static_cast<void>(metrics.TakeSnapshot());
    return calls > 0;
  }));
  for (int i = 0; i < 3; ++i) {
    const auto snapshot = metrics.TakeSnapshot();
    EXPECT_EQ(ValueOf(snapshot, "other"), 2);
    EXPECT_EQ(ValueOf(snapshot, "once"), std::nullopt);
  }
  EXPECT_EQ(calls, 1);
}

TEST(Callbacks, RunOnceASnapshotAndNeverTwiceAtATime) {
  const Metrics metrics{Options().Consumer()};
  std::atomic<int> inside{0};
  std::atomic<int> overlaps{0};
  std::atomic<int> calls{0};
  const Attachment slow = metrics.GaugeCallback("slow", "S.", [&] {
    if (inside.fetch_add(1) != 0) ++overlaps;
    std::this_thread::yield();
    ++calls;
    inside.fetch_sub(1);
    return 1.0;
  });
  crowd::Together(4, [&](int) {
    for (int i = 0; i < 200; ++i) EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "slow"), 1);
  });
  EXPECT_EQ(overlaps, 0);
  EXPECT_LE(calls, 4 * 200);
  EXPECT_GE(calls, 200);
}

TEST(Tokens, DestructorWaitsForARunningCall) {
  const LogCapture log;
  const Metrics metrics{Quick(log)};
  Gate gate;
  std::optional<Attachment> token = metrics.GaugeCallback("gated", "G.", [&] {
    gate.Wait();
    return 1.0;
  });
  std::jthread reader([&] { static_cast<void>(metrics.TakeSnapshot()); });
  ASSERT_TRUE(crowd::WaitUntil([&] { return gate.entered(); }));
  std::atomic<bool> begun{false};
  std::atomic<bool> left_before_end{false};
  std::jthread destroyer([&] {
    begun = true;
    token.reset();
    left_before_end = gate.left();
  });
  ASSERT_TRUE(crowd::WaitUntil([&] { return begun.load(); }));
  std::this_thread::sleep_for(20ms);  // a destructor that does not wait is through by now
  gate.Open();
  destroyer.join();
  EXPECT_TRUE(left_before_end);
}

TEST(Tokens, OfASharedProducerAbandonsACallThatHangs) {
  const LogCapture log;
  const Metrics metrics{Quick(log)};
  const auto gate = std::make_shared<Gate>();
  auto producer = std::make_shared<HangingProducer>(gate);
  const std::weak_ptr<HangingProducer> watch = producer;
  Attachment token = metrics.AddProducer(std::move(producer));
  static_cast<void>(metrics.TakeSnapshot());
  ASSERT_TRUE(crowd::WaitUntil([&] { return gate->entered(); }));
  token.Detach();  // the gate is still shut: hangs here if it waits for the call
  EXPECT_FALSE(gate->left());
  EXPECT_FALSE(watch.expired()) << "a call runs in it";
  gate->Open();
  EXPECT_TRUE(crowd::WaitUntil([&] { return watch.expired(); }));
}

TEST(Tokens, LeftForeverKeepTheCallbackAsLongAsTheMetrics) {
  const auto state = std::make_shared<int>(11);
  const std::weak_ptr<int> watch = state;
  {
    const Metrics metrics{Options().Consumer()};
    metrics.GaugeCallback("kept", "K.", [held = state] { return *held; }).Forever();
    EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "kept"), 11);
    EXPECT_EQ(ValueOf(metrics.TakeSnapshot(), "kept"), 11);
  }
  EXPECT_TRUE(crowd::WaitUntil([&] { return watch.use_count() == 1; }));
}

TEST(Tokens, OutliveTheMetrics) {
  Attachment token;
  {
    const Metrics metrics{Options().Consumer()};
    token = metrics.GaugeCallback("g", "G.", [] { return 1.0; });
  }
  token.Detach();
  EXPECT_FALSE(token);
}

TEST(Shutdown, NeverWaitsForAProducerThatHangs) {
  const LogCapture log;
  const auto gate = std::make_shared<Gate>();
  std::optional<Metrics> metrics{Quick(log)};
  metrics->AddProducer(std::make_shared<HangingProducer>(gate)).Forever();
  static_cast<void>(metrics->TakeSnapshot());
  ASSERT_TRUE(crowd::WaitUntil([&] { return gate->entered(); }));
  auto ended = std::async(std::launch::async, [&] {
    const auto status = metrics->Shutdown(std::chrono::steady_clock::now() + 100ms);
    metrics.reset();
    return status.ok();
  });
  const bool in_time = ended.wait_for(30s) == std::future_status::ready;
  EXPECT_TRUE(in_time);
  EXPECT_FALSE(gate->left());
  gate->Open();
  ended.wait();
}

TEST(Shutdown, EndsTheProducersThreadAndCallsNoMore) {
  std::atomic<int> calls{0};
  const Metrics metrics{Options().Consumer()};
  const Attachment token = metrics.GaugeCallback("g", "G.", [&] { return ++calls; });
  static_cast<void>(metrics.TakeSnapshot());
  EXPECT_TRUE(metrics.Shutdown());
  const int before = calls;
  for (int i = 0; i < 5; ++i) static_cast<void>(metrics.TakeSnapshot());
  EXPECT_EQ(calls, before);
}

}  // namespace
