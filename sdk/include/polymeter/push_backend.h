// PushBackend: everything that pushing backends have in common. A push backend is an encoder, a
// transport and options; the interval, single flight, retry, bounded memory, the final flush and
// the accounting are here. C++17.
//
//   auto backend = std::make_shared<polymeter::PushBackend>(
//       polymeter::PushOptions("audit").Interval(std::chrono::seconds(10)),
//       std::make_shared<AuditEncoder>(), [] { return std::make_unique<AuditTransport>(); });
//   polymeter::Metrics metrics(polymeter::Options().AddBackend(backend));
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "polymeter/backend.h"
#include "polymeter/encoder.h"
#include "polymeter/fwd.h"

POLYMETER_BEGIN_NAMESPACE

namespace detail {
class Clock;
struct PushState;
}  // namespace detail

// What became of one message.
struct SendResult {
  // What became of it.
  enum class Outcome : std::uint8_t {
    kAccepted,  // the receiver has acknowledged it
    kSent,      // it is on its way, and no acknowledgement exists (UDP)
    kRetry,     // not now: the same bytes may go later
    kRejected,  // never: its points are dropped
  };
  Outcome outcome = Outcome::kAccepted;  // what became of it
  // Of an accepted message: the points that the receiver refused all the same (partial success).
  std::uint64_t rejected_points = 0;
  // Of a rejected message or of rejected points: the label `reason` of the count, a short word
  // of a small set ("http_400", "too_large"). "rejected" when empty.
  std::string reason;
  // For a person: what went wrong. Becomes BackendReport::last_error; logged, and where no points
  // are lost only once until a message goes well again.
  std::string message;
  // Of kRetry: what the receiver asked for; negative when it did not say.
  std::chrono::milliseconds retry_after{-1};

  // The receiver has acknowledged the message.
  static SendResult Accepted() { return {}; }
  // It is on its way, without acknowledgement; with a message where there is reason to believe that
  // nobody gets it.
  static SendResult Sent(std::string message = {}) {
    return Of(Outcome::kSent, {}, std::move(message));
  }
  // Not now; `after` is what the receiver asked for.
  static SendResult Retry(std::string message,
                          std::chrono::milliseconds after = std::chrono::milliseconds(-1)) {
    SendResult result = Of(Outcome::kRetry, {}, std::move(message));
    result.retry_after = after;
    return result;
  }
  // Never.
  static SendResult Rejected(std::string reason, std::string message) {
    return Of(Outcome::kRejected, std::move(reason), std::move(message));
  }

 private:
  static SendResult Of(Outcome outcome, std::string reason, std::string message) {
    SendResult result;
    result.outcome = outcome;
    result.reason = std::move(reason);
    result.message = std::move(message);
    return result;
  }
};

// Bytes out. Knows nothing of metrics. Made anew in a forked child that restarts.
class PushTransport {
 public:
  virtual ~PushTransport() = default;
  // One message, from the backend's one thread. Must come back by `deadline` (a little later
  // does no harm; never is what costs the service its shutdown). What it throws counts as kRetry.
  virtual SendResult Send(std::string_view message, Deadline deadline) = 0;
  // All messages of one snapshot are between these two calls: a file is replaced as a whole, a
  // connection may be kept. `complete` is false where some of them did not go out. When either
  // throws, or EndBatch answers kRetry, the whole batch is sent again later, with the messages
  // that were acknowledged: what they carry twice, a receiver of differences counts twice.
  virtual void BeginBatch() {}
  // See BeginBatch.
  virtual SendResult EndBatch(bool complete) {
    static_cast<void>(complete);
    return SendResult::Accepted();
  }
  // Once, after the last message, when the backend stops for good (not in a forked child): to take
  // leave of a receiver that keeps what it got. kRetry: it is asked again while Stop's deadline
  // allows. Must come back by `deadline`. What it throws counts as kRetry.
  virtual SendResult End(Deadline deadline) {
    static_cast<void>(deadline);
    return SendResult::Accepted();
  }
  // From another thread: a Send or End that is under way comes back soon, with kRetry.
  virtual void Interrupt() noexcept {}
  // For people: "http://127.0.0.1:4318/v1/metrics". Thread-safe.
  virtual std::string endpoint() const { return {}; }
};

// Which kinds of families leave as differences since the last flush instead of totals.
struct DeltaOptions {
  bool counters = false;    // counters
  bool histograms = false;  // buckets, count and sum
  bool summaries = false;   // count and sum; quantiles stay
  // Also of families that a producer or a callback gives (OpenTelemetry: asynchronous ones).
  bool produced = true;
  // Whether anything does.
  bool any() const noexcept { return counters || histograms || summaries; }
};

// Of a PushBackend.
class PushOptions {
 public:
  // `name` is the backend's in reports and messages.
  explicit PushOptions(std::string name) : name_(std::move(name)) {}

  // From the start of one push to the start of the next. 0: none but those that Flush and Stop ask
  // for.
  PushOptions& Interval(std::chrono::milliseconds interval) {
    interval_ = interval;
    return *this;
  }
  // How long one message may take. 0: no limit; only Stop's deadline ends it.
  PushOptions& Timeout(std::chrono::milliseconds timeout) {
    timeout_ = timeout;
    return *this;
  }
  // What leaves as differences; nothing unless given.
  PushOptions& Delta(DeltaOptions delta) {
    delta_ = delta;
    return *this;
  }
  // Differences that could not be sent wait for their receiver in so many bytes of messages; beyond
  // them the oldest are dropped and counted ("queue_full"). Totals never wait: a newer
  // snapshot supersedes an older one.
  PushOptions& MostPendingBytes(std::size_t bytes) {
    most_pending_bytes_ = bytes;
    return *this;
  }
  // The pause before the first retry, and the longest one. Up to a fifth is random.
  PushOptions& Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most) {
    first_backoff_ = first;
    most_backoff_ = most;
    return *this;
  }
  // So many observations a thread between two flushes are kept one by one
  // (HistogramPoint::samples). 0: none, and recording costs nothing more.
  PushOptions& Samples(std::size_t per_thread) {
    samples_ = per_thread;
    return *this;
  }
  // Whether the first push waits for a random part of the interval, so that replicas do not
  // fall into step.
  PushOptions& RandomOffset(bool random) {
    random_offset_ = random;
    return *this;
  }

  // The backend's name.
  const std::string& name() const noexcept { return name_; }
  std::chrono::milliseconds interval() const noexcept { return interval_; }
  std::chrono::milliseconds timeout() const noexcept { return timeout_; }
  const DeltaOptions& delta() const noexcept { return delta_; }
  std::size_t most_pending_bytes() const noexcept { return most_pending_bytes_; }
  // The first of Backoff().
  std::chrono::milliseconds first_backoff() const noexcept { return first_backoff_; }
  // The second of Backoff().
  std::chrono::milliseconds most_backoff() const noexcept { return most_backoff_; }
  std::size_t samples() const noexcept { return samples_; }
  bool random_offset() const noexcept { return random_offset_; }

 private:
  std::string name_;
  std::chrono::milliseconds interval_{15000};
  std::chrono::milliseconds timeout_{10000};
  DeltaOptions delta_;
  std::size_t most_pending_bytes_ = std::size_t{16} << 20;
  std::chrono::milliseconds first_backoff_{1000};
  std::chrono::milliseconds most_backoff_{30000};
  std::size_t samples_ = 0;
  bool random_offset_ = true;
};

// One thread of its own, started by Start. Thread-safe.
class POLYMETER_EXPORT PushBackend : public Backend {
 public:
  // Makes a transport; called under no lock.
  using Connect = std::function<std::unique_ptr<PushTransport>()>;

  // `connect` makes the transport: once, and once more in a forked child that restarts.
  PushBackend(PushOptions options, std::shared_ptr<const Encoder> encoder, Connect connect);
  // For the built-in rows and for tests: time is `clock`'s, which must outlive the backend.
  PushBackend(PushOptions options, std::shared_ptr<const Encoder> encoder, Connect connect,
              const detail::Clock& clock);
  ~PushBackend() override;
  PushBackend(const PushBackend&) = delete;
  PushBackend& operator=(const PushBackend&) = delete;

  Status Start(SnapshotSource& source) override;
  // Pushes what is there now, and all that was pending, and waits for the outcome. An error says
  // what is still pending at the deadline.
  Status Flush(Deadline deadline) override;
  // A last flush, PushTransport::End, then the end of the thread. An error says what was not sent,
  // or that the end could not be told.
  Status Stop(Deadline deadline) noexcept override;
  // Counts of points, and the last error.
  BackendReport Report() const override;

 private:
  const PushOptions options_;
  const std::shared_ptr<const Encoder> encoder_;
  const Connect connect_;
  const detail::Clock& clock_;
  std::shared_ptr<detail::PushState> state_;  // shared with the thread, which may outlive us
  std::unique_ptr<std::thread> thread_;
};

POLYMETER_END_NAMESPACE
