// Totals over the threads of a process that never step back, from files that show living threads
// only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// A thread that ends leaves its last seen values in the total; what it counted after that, and
// threads that begin and end between two readings, are not seen. Holds no more than the living
// threads. Belongs to one thread.
class ThreadSums {
 public:
  enum Kind : std::size_t { kVoluntary, kInvoluntary, kRunDelay, kKinds };
  using Id = std::uint64_t;

  // One reading: Begin, Seen for each listed thread, Set for what its files gave, End. A thread
  // that is listed but cannot be read keeps its last values.
  void Begin() { ++reading_; }
  void Seen(Id thread) { threads_[thread].reading = reading_; }
  // A value below the thread's last one is that of another thread with the id of one that ended.
  void Set(Id thread, Kind kind, std::uint64_t value);
  void End();

  std::uint64_t total(Kind kind) const;
  std::size_t threads() const { return threads_.size(); }

 private:
  using Values = std::array<std::uint64_t, kKinds>;
  struct Thread {
    std::uint64_t reading = 0;
    Values values{};
  };

  std::unordered_map<Id, Thread> threads_;
  Values ended_{};
  std::uint64_t reading_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
