#include "integrations/runtime/thread_sums.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void ThreadSums::Set(Id thread, Kind kind, std::uint64_t value) {
  std::uint64_t& last = threads_[thread].values[kind];
  if (value < last) ended_[kind] += last;
  last = value;
}

void ThreadSums::End() {
  for (auto thread = threads_.begin(); thread != threads_.end();) {
    if (thread->second.reading == reading_) {
      ++thread;
      continue;
    }
    for (std::size_t kind = 0; kind < kKinds; ++kind) ended_[kind] += thread->second.values[kind];
    thread = threads_.erase(thread);
  }
}

std::uint64_t ThreadSums::total(Kind kind) const {
  std::uint64_t sum = ended_[kind];
  for (const auto& [id, thread] : threads_) sum += thread.values[kind];
  return sum;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
