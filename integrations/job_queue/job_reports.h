// What a queue tells the application's log: each thing once, the counters have the rest. Internal.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "sdk/src/core_access.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class JobReport : unsigned {
  kTransition,
  kClamped,
  kSkew,
  kNoMemory,
  kReason,
  kQueue,
  kLabel
};

class JobReports {
 public:
  // Does not keep the core alive.
  explicit JobReports(const Metrics& metrics) : core_(CoreAccess::Get(metrics)) {}

  // `text()` makes the message; called once. kLabel + i: of label i.
  template <class Text>
  void Once(JobReport report, Text text, unsigned offset = 0) noexcept {
    const unsigned bit = 1u << (static_cast<unsigned>(report) + offset);
    if ((said_.load(std::memory_order_relaxed) & bit) != 0) return;
    if ((said_.fetch_or(bit, std::memory_order_relaxed) & bit) != 0) return;
    try {
      const Metrics metrics = CoreAccess::Lock(core_);
      SnapshotSource* const source = CoreAccess::Source(metrics);
      if (source != nullptr) source->Log(LogLevel::kWarning, text());
    } catch (...) {
      // No memory for a message.
    }
  }

 private:
  const std::weak_ptr<Core> core_;
  std::atomic<unsigned> said_{0};
};

}  // namespace detail
POLYMETER_END_NAMESPACE
