// Backend: where snapshots go. The trait that built-in backends and an application's own
// implement. C++17.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/portability.h"
#include "polymeter/snapshot.h"
#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE

// A moment by which a call must be back.
using Deadline = std::chrono::steady_clock::time_point;

// How grave a message is.
enum class LogLevel : std::uint8_t { kInfo, kWarning, kError };

// What a backend sees of the Metrics it serves. Valid from Start to the return of Stop (an
// application's backend must not use it afterwards). Thread-safe.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;
  // Collects producers within min(their budget, deadline) and reads every cell. Throws only
  // std::bad_alloc.
  virtual Snapshot TakeSnapshot(Deadline deadline) = 0;
  Snapshot TakeSnapshot() { return TakeSnapshot(Deadline::max()); }
  // One that carries the observations since the last such call, too: for one backend at a time,
  // after TapObservations.
  virtual Snapshot TakeSnapshotWithSamples(Deadline deadline) { return TakeSnapshot(deadline); }
  // Asks, from a backend's Start, that histograms made from now on keep single observations, up
  // to so many a thread between two snapshots; the rest is counted in the buckets alone. One
  // backend of a Metrics can have them: false for a second one.
  virtual bool TapObservations(std::size_t per_thread) {
    static_cast<void>(per_thread);
    return false;
  }
  // To the application's log callback; the same message at most once a minute.
  virtual void Log(LogLevel level, std::string_view message) = 0;
};

// Counts since the start. For a push backend
//   offered = accepted + sent + superseded + every dropped + pending
// in points; a pull backend counts scrapes.
struct BackendReport {
  std::string name;              // "prometheus"
  std::string endpoint;          // "127.0.0.1:9464": the bound or the remote address; may be empty
  std::string last_error;        // empty when the last attempt went well
  std::uint64_t offered = 0;     // read from snapshots
  std::uint64_t accepted = 0;    // acknowledged by the receiver
  std::uint64_t sent = 0;        // no acknowledgement exists
  std::uint64_t superseded = 0;  // an older cumulative snapshot that a newer one replaced
  std::uint64_t pending = 0;     // neither yet
  // Reason, points: what was not delivered, and what the format could not carry.
  std::vector<std::pair<std::string, std::uint64_t>> dropped;
  std::uint64_t scrapes = 0;         // answered in full
  std::uint64_t failed_scrapes = 0;  // without a whole page, refused credentials included
  std::uint64_t encodes = 0;         // snapshots that were encoded; 0: the backend does not say
  double encode_seconds = 0;         // spent on them, compression of pages included
  std::uint64_t sent_bytes = 0;  // of bodies and messages that went out, as the encoder gave them
};

// Takes snapshots and brings them somewhere. The Metrics calls Start, Flush and Stop, one at a
// time.
class Backend {
 public:
  virtual ~Backend() = default;
  // Starts threads and sockets. A condition that may heal (a busy port, a missing receiver) is no
  // error: it is reported and retried.
  virtual Status Start(SnapshotSource& source) = 0;
  // What is recorded now is on its way to the receiver when this returns, or was dropped and
  // counted; an error says that some of it was lost, or what was not done by the deadline. A pull
  // backend has nothing to do.
  virtual Status Flush(Deadline deadline) {
    static_cast<void>(deadline);
    return {};
  }
  // Flushes what it can and ends every thread before the deadline; an error as of Flush. Called
  // once or more.
  virtual Status Stop(Deadline deadline) noexcept = 0;
  // What has become of the points so far. Thread-safe. Where a view is for one backend (views.h),
  // asked before Start as well, for the name.
  virtual BackendReport Report() const = 0;
  // What the backend's format does to such a family; empty: it carries all of it. Called when a
  // family is made and for Metrics::PortabilityReport, by any thread, also before Start. Pure.
  virtual std::vector<PortabilityNote> CheckPortability(const FamilyDescription& family) const {
    static_cast<void>(family);
    return {};
  }
};

POLYMETER_END_NAMESPACE
