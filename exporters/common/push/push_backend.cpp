#include "polymeter/push_backend.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "exporters/common/push/backoff.h"
#include "exporters/common/push/outbox.h"
#include "sdk/src/clock.h"
#include "sdk/src/delta.h"
#include "sdk/src/threads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// Two clocks: `PushOptions` are measured with the backend's, which tests move; deadlines that come
// from outside, and those that go to the transport, are points of the real steady clock.

// How long a message that is interrupted may take to come back.
constexpr milliseconds kGrace(250);

// All that the thread uses; it lives as long as the thread or the backend does.
struct PushState {
  // `before`: of the backend's earlier run in this process, or null.
  PushState(const PushOptions& given, std::shared_ptr<const Encoder> format, const Clock& time,
            std::unique_ptr<PushTransport> out, const PushState* before)
      : options(given),
        encoder(std::move(format)),
        clock(time),
        transport(std::move(out)),
        endpoint(transport->endpoint()),
        cache(encoder->MakeCache()),
        delta(before != nullptr ? before->delta : DeltaStage(options.delta())),
        backoff(options.first_backoff(), options.most_backoff()),
        outbox(options.delta().any() ? std::optional(options.most_pending_bytes()) : std::nullopt) {
  }

  const PushOptions options;
  const milliseconds interval = std::max(options.interval(), milliseconds(0));  // 0: when asked
  const std::shared_ptr<const Encoder> encoder;
  const Clock& clock;
  const std::unique_ptr<PushTransport> transport;
  const std::string endpoint;
  const pid_t process = getpid();

  // The thread's own.
  Deadline next =
      interval.count() == 0
          ? Deadline::max()
          : Later(clock.SteadyNow(), options.random_offset() ? RandomBelow(interval) : interval);
  const std::unique_ptr<EncoderCache> cache;
  DeltaStage delta;
  Backoff backoff;
  bool samples = false;

  // What it costs; read by Report.
  std::atomic<std::uint64_t> encodes{0};
  std::atomic<std::uint64_t> encode_nanos{0};
  std::atomic<std::uint64_t> sent_bytes{0};

  std::mutex mutex;
  std::condition_variable changed;
  SnapshotSource* source = nullptr;  // null once Stop has returned
  bool source_in_use = false;
  bool running = false;  // the thread
  bool stopping = false;
  Deadline stop_deadline = Deadline::max();
  std::uint64_t flushes_wanted = 0;
  std::uint64_t flushes_begun = 0;
  std::uint64_t flushes_done = 0;
  Deadline not_before{};  // the receiver asked for patience
  Deadline retry_at{};    // our own; a flush does not wait for it
  Outbox outbox;
  std::string last_error;
  bool lost_some = false;  // of what was sent last
  bool end_told = false;

  void Run();
  void Round(std::unique_lock<std::mutex>& lock, bool last);
  void Take(std::unique_lock<std::mutex>& lock);
  void SendAll(std::unique_lock<std::mutex>& lock);
  SendResult SendBatch(const Batch& batch, std::vector<SendResult>& results);
  void TellEnd(std::unique_lock<std::mutex>& lock);
  SendResult Guarded(const std::function<SendResult()>& send);
  void Note(std::unique_lock<std::mutex>& lock, const SendResult& result);
  void Say(std::unique_lock<std::mutex>& lock, LogLevel level, const std::string& message);
  Deadline EndOfAttempt() const;
  Deadline NextAttempt() const { return std::max(not_before, retry_at); }
};

namespace {
// Whose thread this is. The application's log callback may end the Metrics from there.
thread_local const PushState* t_state = nullptr;
}  // namespace

// --- the thread ------------------------------------------------------------------------------

void PushState::Run() {
  t_state = this;
  std::unique_lock lock(mutex);
  for (bool last = false; !last;) {
    const auto due = [&] {
      const Deadline now = clock.SteadyNow();
      return stopping || flushes_wanted != flushes_begun || now >= next ||
             (!outbox.empty() && now >= NextAttempt());
    };
    while (!due()) {
      clock.WaitUntil(lock, changed, outbox.empty() ? next : std::min(next, NextAttempt()));
    }
    last = stopping;
    const std::uint64_t flush = flushes_wanted;
    try {
      Round(lock, last);
    } catch (...) {  // no memory: the next round may have some
      if (!lock.owns_lock()) lock.lock();
      source_in_use = false;
    }
    flushes_done = flush;
    changed.notify_all();
  }
  try {
    TellEnd(lock);
  } catch (...) {  // no memory
    if (!lock.owns_lock()) lock.lock();
    source_in_use = false;
  }
  outbox.DropAll("shutdown");
  running = false;
  changed.notify_all();
}

// Takes a snapshot if one is due and sends what is due; the last time all that it can.
void PushState::Round(std::unique_lock<std::mutex>& lock, bool last) {
  const bool asked = last || flushes_wanted != flushes_begun;
  const Deadline now = clock.SteadyNow();
  if (asked || now >= next) {
    if (asked) retry_at = {};
    flushes_begun = flushes_wanted;
    // From start to start; what was missed is not made up for.
    while (next <= now) next += interval * ((now - next) / interval + 1);
    if (SteadyClock::now() < stop_deadline) Take(lock);
  }
  SendAll(lock);
  while (last && !outbox.empty() && NextAttempt() < stop_deadline &&
         SteadyClock::now() < stop_deadline) {
    clock.WaitUntil(lock, changed, std::min(NextAttempt(), stop_deadline));
    SendAll(lock);
  }
}

void PushState::Say(std::unique_lock<std::mutex>& lock, LogLevel level,
                    const std::string& message) {
  if (source == nullptr) return;
  SnapshotSource& log = *source;
  source_in_use = true;
  lock.unlock();
  log.Log(level, options.name() + ": " + message);
  lock.lock();
  source_in_use = false;
  changed.notify_all();
}

void PushState::Take(std::unique_lock<std::mutex>& lock) {
  if (source == nullptr) return;
  SnapshotSource& from = *source;
  const Deadline until = stop_deadline;
  source_in_use = true;
  lock.unlock();
  Batch batch;
  std::optional<std::string> error;
  std::uint64_t lost = 0;
  try {
    Snapshot snapshot = samples ? from.TakeSnapshotWithSamples(until) : from.TakeSnapshot(until);
    lost = snapshot.size();
    if (options.delta().any()) snapshot = delta.Apply(snapshot);
    lost = snapshot.size();
    const auto begin = SteadyClock::now();
    const EncodeReport report = encoder->Encode(snapshot, cache.get(), batch);
    encode_nanos += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - begin).count());
    ++encodes;
    batch.FinishEncoding(report);
    lost = 0;
  } catch (const std::exception& e) {  // an application's own encoder, or no memory
    error = e.what();
  } catch (...) {
    error = "the encoder threw";
  }
  lock.lock();
  source_in_use = false;
  changed.notify_all();
  if (error) {
    outbox.CountLost("encode_failed", lost);
    last_error = "a snapshot could not be encoded: " + *error;
    Say(lock, LogLevel::kError, last_error);
    return;
  }
  outbox.Add(std::move(batch));
}

Deadline PushState::EndOfAttempt() const {
  Deadline end = stop_deadline;
  if (options.timeout().count() > 0) {
    end = std::min(end, Later(SteadyClock::now(), options.timeout()));
  }
  return end;
}

SendResult PushState::Guarded(const std::function<SendResult()>& send) {
  try {
    return send();
  } catch (const std::exception& e) {  // an application's own transport, or no memory
    return SendResult::Retry(e.what());
  } catch (...) {
    return SendResult::Retry("the transport threw");
  }
}

// Sends until the first message that is to be tried again. Under no lock.
SendResult PushState::SendBatch(const Batch& batch, std::vector<SendResult>& results) {
  SendResult begun = Guarded([this] {
    transport->BeginBatch();
    return SendResult::Accepted();
  });
  if (begun.outcome != SendResult::Outcome::kAccepted) return begun;
  for (const Batch::Message& message : batch.messages()) {
    std::unique_lock lock(mutex);  // Stop may bring the deadline forward
    const Deadline end = EndOfAttempt();
    lock.unlock();
    if (SteadyClock::now() >= end) {
      results.push_back(SendResult::Retry("no time left"));
    } else {
      results.push_back(Guarded([&] { return transport->Send(message.bytes, end); }));
      const SendResult::Outcome outcome = results.back().outcome;
      if (outcome == SendResult::Outcome::kAccepted || outcome == SendResult::Outcome::kSent) {
        sent_bytes += message.bytes.size();
      }
    }
    if (results.back().outcome == SendResult::Outcome::kRetry) break;
  }
  const bool complete = results.size() == batch.messages().size() &&
                        (results.empty() || results.back().outcome != SendResult::Outcome::kRetry);
  return Guarded([&] { return transport->EndBatch(complete); });
}

void PushState::SendAll(std::unique_lock<std::mutex>& lock) {
  while (!outbox.empty() && clock.SteadyNow() >= NextAttempt()) {
    Batch batch = outbox.TakeFirst();
    std::vector<SendResult> results;
    lock.unlock();
    SendResult end = Guarded([&] { return SendBatch(batch, results); });
    lock.lock();
    const std::uint64_t dropped = outbox.dropped();
    const SendResult outcome = outbox.Settle(std::move(batch), std::move(results), std::move(end));
    if (outcome.outcome == SendResult::Outcome::kRetry) {
      const milliseconds most =
          stopping
              ? std::chrono::duration_cast<milliseconds>(stop_deadline - SteadyClock::now()) / 4
              : milliseconds::max();
      // The receiver's wish lengthens our own pause and never shortens it: it may ask for none.
      const Deadline now = clock.SteadyNow();
      retry_at = not_before = Later(now, outcome.retry_after);
      retry_at = std::max(retry_at, Later(now, backoff.Next(most)));
    } else {
      lost_some = outbox.dropped() != dropped;
      not_before = retry_at = {};
      backoff.Reset();
    }
    Note(lock, outcome);
  }
}

// Once at least, then again until it is told or refused or no time is left. A reason that is known
// stays where there was no time for an attempt.
void PushState::TellEnd(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    const Deadline until = EndOfAttempt();
    lock.unlock();
    const SendResult result = Guarded([&] { return transport->End(until); });
    lock.lock();
    const bool retry = result.outcome == SendResult::Outcome::kRetry;
    end_told = !retry && result.outcome != SendResult::Outcome::kRejected;
    const bool broken_off = retry && SteadyClock::now() >= stop_deadline;
    if (!result.message.empty() && (!broken_off || last_error.empty())) {
      last_error = result.message;
    }
    if (!retry) break;
    const auto left = std::chrono::duration_cast<milliseconds>(stop_deadline - SteadyClock::now());
    const Deadline again = std::max(Later(clock.SteadyNow(), result.retry_after),
                                    Later(clock.SteadyNow(), backoff.Next(left / 4)));
    if (left.count() <= 0 || again >= stop_deadline) break;
    while (clock.SteadyNow() < again && SteadyClock::now() < stop_deadline) {
      clock.WaitUntil(lock, changed, std::min(again, stop_deadline));
    }
  }
  if (!end_told) Say(lock, LogLevel::kWarning, "its end could not be told: " + last_error);
}

// What loses points is said each time (the log leaves out what repeats itself), other trouble once.
void PushState::Note(std::unique_lock<std::mutex>& lock, const SendResult& result) {
  const bool was_well = last_error.empty();
  const bool retry = result.outcome == SendResult::Outcome::kRetry;
  // An attempt that the deadline broke off says less than the one before it.
  if (!was_well && retry && SteadyClock::now() >= stop_deadline) return;
  last_error = result.message;
  const bool loses = !retry && result.outcome != SendResult::Outcome::kSent;
  if (result.message.empty()) {
    if (!was_well) Say(lock, LogLevel::kInfo, "delivers again");
  } else if (was_well || loses) {
    Say(lock, LogLevel::kWarning, result.message + (retry ? "; it is tried again" : ""));
  }
}

}  // namespace detail

// --- the backend -----------------------------------------------------------------------------

using detail::PushState;
using detail::SteadyClock;

PushBackend::PushBackend(PushOptions options, std::shared_ptr<const Encoder> encoder,
                         Connect connect)
    : PushBackend(std::move(options), std::move(encoder), std::move(connect),
                  detail::SystemClock()) {}

PushBackend::PushBackend(PushOptions options, std::shared_ptr<const Encoder> encoder,
                         Connect connect, const detail::Clock& clock)
    : options_(std::move(options)),
      encoder_(std::move(encoder)),
      connect_(std::move(connect)),
      clock_(clock) {}

PushBackend::~PushBackend() {
  static_cast<void>(Stop(SteadyClock::now() + std::chrono::seconds(1)));
}

Status PushBackend::Start(SnapshotSource& source) {
  if (state_ != nullptr && state_->process == getpid()) {
    const std::lock_guard lock(state_->mutex);
    if (state_->running) return Status::Error(options_.name() + ": started twice");
  } else if (state_ != nullptr) {
    // In a forked child: its thread and what it locked are the parent's. Left alone for ever.
    static_cast<void>(thread_.release());
    static auto* const kAbandoned = new std::vector<std::shared_ptr<PushState>>;
    kAbandoned->push_back(std::exchange(state_, nullptr));
  }
  try {
    std::unique_ptr<PushTransport> transport = connect_ ? connect_() : nullptr;
    if (transport == nullptr || encoder_ == nullptr) {
      return Status::Error(options_.name() + ": no transport or no encoder");
    }
    // After a Stop the receiver still has what it got: differences go on from there.
    auto state =
        std::make_shared<PushState>(options_, encoder_, clock_, std::move(transport), state_.get());
    state->source = &source;
    state->samples = options_.samples() > 0 && source.TapObservations(options_.samples());
    state->running = true;
    const std::string name = ("pm-push-" + options_.name()).substr(0, 15);
    auto thread = std::make_unique<std::thread>();
    *thread = detail::StartNamedThread(name.c_str(), [state] { state->Run(); });
    thread_ = std::move(thread);
    state_ = std::move(state);
  } catch (const std::exception& e) {
    return Status::Error(options_.name() + ": " + e.what());
  }
  return {};
}

Status PushBackend::Flush(Deadline deadline) {
  const std::shared_ptr<PushState> state = state_;
  if (state == nullptr || state->process != getpid()) return {};
  if (detail::t_state == state.get()) {  // cannot wait for itself
    return Status::Error(options_.name() + ": flushed from its own thread");
  }
  std::unique_lock lock(state->mutex);
  if (!state->running || state->stopping) return {};
  const std::uint64_t wanted = ++state->flushes_wanted;
  state->changed.notify_all();
  while (state->running && (state->flushes_done < wanted || !state->outbox.empty()) &&
         SteadyClock::now() < deadline) {
    state->changed.wait_until(lock, deadline);
  }
  const std::uint64_t pending = state->outbox.pending();
  const bool done = state->flushes_done >= wanted && pending == 0;
  if (done && !state->lost_some) return {};
  return Status::Error(options_.name() + ": " +
                       (done           ? "points were lost"
                        : pending == 0 ? "not done"
                                       : std::to_string(pending) + " points pending") +
                       (state->last_error.empty() ? "" : ": " + state->last_error));
}

Status PushBackend::Stop(Deadline deadline) noexcept {
  if (thread_ == nullptr || state_->process != getpid()) return {};
  PushState& state = *state_;
  try {
    std::unique_lock lock(state.mutex);
    state.stopping = true;
    state.stop_deadline = std::min(state.stop_deadline, deadline);
    state.changed.notify_all();
    if (detail::t_state == &state) {  // cannot wait for itself
      state.source = nullptr;
      thread_->detach();
      thread_.reset();
      return {};
    }
    while (state.running && SteadyClock::now() < deadline) {
      state.changed.wait_until(lock, deadline);
    }
    if (state.running) {
      lock.unlock();
      state.transport->Interrupt();
      lock.lock();
      const auto grace = SteadyClock::now() + detail::kGrace;
      while (state.running && state.changed.wait_until(lock, grace) != std::cv_status::timeout) {
      }
    }
    // A snapshot that is being taken ends within the producers' budget; the source may be gone
    // after this returns.
    while (state.source_in_use) state.changed.wait(lock);
    state.source = nullptr;
    const std::uint64_t lost = state.outbox.dropped("shutdown") + state.outbox.pending();
    const bool ended = !state.running;
    const bool end_told = state.end_told;
    const bool lost_some = state.lost_some;
    lock.unlock();
    if (ended) {
      thread_->join();
    } else {
      thread_->detach();  // it holds its state
    }
    thread_.reset();
    lock.lock();
    if (!ended) return Status::Error(options_.name() + ": its transport does not come back");
    if (lost != 0) {
      return Status::Error(options_.name() + ": " + std::to_string(lost) +
                           " points were not sent before the deadline" +
                           (state.last_error.empty() ? "" : ": " + state.last_error));
    }
    if (lost_some) {
      return Status::Error(options_.name() + ": points were lost: " + state.last_error);
    }
    if (!end_told) {
      return Status::Error(options_.name() + ": its end could not be told" +
                           (state.last_error.empty() ? "" : ": " + state.last_error));
    }
    return {};
  } catch (const std::exception& e) {
    return Status::Error(e.what());
  }
}

BackendReport PushBackend::Report() const {
  BackendReport report;
  report.name = options_.name();
  const std::shared_ptr<PushState> state = state_;
  if (state == nullptr || state->process != getpid()) return report;
  report.endpoint = state->endpoint;
  const std::lock_guard lock(state->mutex);
  report.last_error = state->last_error;
  state->outbox.FillReport(report);
  report.encodes = state->encodes;
  report.encode_seconds = static_cast<double>(state->encode_nanos) * 1e-9;
  report.sent_bytes = state->sent_bytes;
  return report;
}

POLYMETER_END_NAMESPACE
