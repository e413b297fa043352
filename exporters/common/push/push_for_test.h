// A PushBackend over a transport that the test plays, with a clock that it moves.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "polymeter/metrics.h"
#include "polymeter/push_backend.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/manual_clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

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

inline Deadline Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(5); }

inline std::uint64_t DroppedBy(const BackendReport& report) {
  return std::accumulate(report.dropped.begin(), report.dropped.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& drop) { return sum + drop.second; });
}
inline void ExpectBalance(const BackendReport& report) {
  EXPECT_EQ(report.offered,
            report.accepted + report.sent + report.superseded + report.pending + DroppedBy(report));
}

class Push : public ::testing::Test {
 protected:
  // A Metrics whose only backend pushes to `receiver_`, by a clock that stands still.
  Metrics Make(PushOptions options =
                   PushOptions("played").Interval(std::chrono::seconds(10)).RandomOffset(false),
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
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return receiver_->attempts() >= wanted;
  }
  BackendReport Report() {
    BackendReport report = backend_->Report();
    ExpectBalance(report);
    return report;
  }

  SteppedClock clock_;
  LogCapture log_;
  std::shared_ptr<Receiver> receiver_ = std::make_shared<Receiver>();
  std::shared_ptr<PushBackend> backend_;
};

}  // namespace testing
POLYMETER_END_NAMESPACE
