// What the sessions of one LspMetrics or LspServerMetrics share: families, labels, and what is live
// when somebody collects. Internal.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/common/forks.h"
#include "integrations/lsp/jsonrpc_frames.h"
#include "integrations/lsp/lsp_session.h"
#include "integrations/lsp/lsp_vocabulary.h"
#include "polymeter/lsp.h"
#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// When calls began that have not ended, for their number and the age of the oldest one. Lock-free;
// calls beyond kSlots are counted, but have no age.
class CallSlots {
 public:
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::size_t kNone = kSlots;

  std::size_t Take(std::int64_t begin) noexcept;
  void GiveBack(std::size_t slot) noexcept;
  void Clear() noexcept;
  std::int64_t Oldest() const noexcept;  // LspLive::kNothing without any

 private:
  static constexpr std::int64_t kFree = std::numeric_limits<std::int64_t>::min();

  struct Slot {
    std::atomic<std::int64_t> begin{kFree};
  };
  std::array<Slot, kSlots> slots_;
  std::atomic<std::size_t> hint_{0};
};

// One session's part of a gauge that is the sum over all sessions, of other servers too. Lock-free.
class LspShare {
 public:
  explicit LspShare(const Gauge& gauge) : gauge_(gauge) {}
  LspShare(const LspShare&) = delete;
  LspShare& operator=(const LspShare&) = delete;

  void Set(std::int64_t value) noexcept {
    const std::int64_t before = value_.exchange(value, std::memory_order_relaxed);
    if (value != before) gauge_.Increment(value - before);
  }
  // The gauge has lost it.
  void Forget() noexcept { value_.store(0, std::memory_order_relaxed); }

 private:
  const Gauge gauge_;
  std::atomic<std::int64_t> value_{0};
};

struct LspGauges {
  Gauge in_flight;
  Gauge open_documents;
  std::array<Gauge, kLspSeverities> diagnostics;
};

// What a session shows of its state. Written by the session, read by any thread.
struct LspLive {
  static constexpr std::int64_t kNothing = std::numeric_limits<std::int64_t>::max();

  LspShare in_flight;  // of a session that is watched
  LspShare open_documents;
  std::array<LspShare, kLspSeverities> diagnostics;
  std::atomic<std::int64_t> oldest{kNothing};  // nanoseconds of the steady clock
  const std::unique_ptr<CallSlots> calls;      // of a server that counts itself
  std::atomic<std::uint32_t> forks;            // ForkCount() of what it shows

  LspLive(const LspGauges& gauges, bool with_calls)
      : in_flight(gauges.in_flight),
        open_documents(gauges.open_documents),
        diagnostics{LspShare(gauges.diagnostics[0]), LspShare(gauges.diagnostics[1]),
                    LspShare(gauges.diagnostics[2]), LspShare(gauges.diagnostics[3]),
                    LspShare(gauges.diagnostics[4])},
        calls(with_calls ? std::make_unique<CallSlots>() : nullptr),
        forks(ForkCount()) {}
  ~LspLive() { Clear(); }
  LspLive(const LspLive&) = delete;
  LspLive& operator=(const LspLive&) = delete;

  // In a forked child: what is open or pending is the parent's, and the gauges start from zero.
  // Before anything else; takes no lock but the first time there.
  void LeaveToParent() noexcept;
  // As if it had nothing open or pending.
  void Clear() noexcept;
};

class LspState final : public Producer, public LspObserver {
 public:
  LspState(const Metrics& metrics, const LspOptions& options);

  const LspOptions& options() const { return options_; }
  const LspMethods& methods() const { return methods_; }
  LspMethods::Id initialize() const { return initialize_method_; }
  // Counts a method that is on no list.
  LspMethods::Id MethodOf(std::string_view method);
  LspTime Now() const;

  const LspGauges& gauges() const { return gauges_; }
  // Among those whose oldest request counts from now on; and no longer, with nothing in the gauges.
  void Attach(std::shared_ptr<LspLive> live);
  void Detach(LspLive& live);
  // Seconds of CPU that the server has used; never less than before. Nothing where that cannot be
  // read now.
  std::optional<double> ReadCpu();
  // The server has ended: its process is not read any more.
  void OnServerGone(std::optional<double> last_cpu_seconds) noexcept;

  // Counting: thread-safe, no lock.
  void OnRequestEnd(const LspRequestEnd& end) override;
  void OnNotification(LspDirection direction, LspMethods::Id method) override;
  void OnCancellations(LspCancelEffect effect, std::uint64_t count) override;
  void OnInitialized(std::chrono::duration<double> time) override;
  void OnChange(LspSync sync) override;
  void OnEditCovered(std::chrono::duration<double> time) override;
  void OnSessionEnd(std::string_view client, LspEnd end) override;
  void OnBadMessage(BadMessage kind) override;
  void OnUntracked(Untracked what) override;
  void OnFolded(std::string_view label) override;
  void OnFrameError(FrameError error);
  void OnMessageBytes(LspDirection direction, std::uint64_t bytes);
  void OnForwarded(LspDirection direction, std::chrono::duration<double> time);

  void Collect(FamilySink& sink) override;

 private:
  void CountError(std::string_view kind);
  // The first thing that is wrong is said; the counters have the rest.
  void SayOnce(std::string_view kind) noexcept;
  void KeepCpu(double seconds) noexcept;

  const LspOptions options_;
  const LspMethods methods_;
  const LspMethods::Id initialize_method_;
  const std::weak_ptr<Core> core_;  // does not keep it alive
  const CounterFamily<4> requests_;
  const HistogramFamily<3> duration_;
  const CounterFamily<2> notifications_;
  const CounterFamily<1> cancellations_;
  const Histogram diagnostic_latency_;
  const CounterFamily<1> changes_;
  const HistogramFamily<1> message_bytes_;
  const CounterFamily<3> sessions_;
  const HistogramFamily<1> initialize_;
  const HistogramFamily<2> request_cpu_;
  const CounterFamily<1> errors_;
  const HistogramFamily<1> overhead_;
  const LspGauges gauges_;
  const CounterFamily<1> folded_;
  const CounterFamily<1> untracked_;
  std::atomic<bool> said_{false};

  // What the server has used at least.
  std::atomic<double> cpu_seconds_{-1};
  std::atomic<bool> server_gone_{false};
  std::vector<std::shared_ptr<LspLive>> live_;  // under AddingMutex()
};

}  // namespace detail
POLYMETER_END_NAMESPACE
