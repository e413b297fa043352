// Runs producers: each once a snapshot, on a thread of the library, under no lock, within a
// budget that all of them share. One that does not come back keeps its thread and costs its
// last values' age; the others go on, on another thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "polymeter/backend.h"
#include "polymeter/producer.h"
#include "sdk/src/snapshot_data.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class ProducerRunner;

// One attached producer. Everything but the ids is guarded by the runner's mutex.
struct ProducerEntry {
  std::weak_ptr<ProducerRunner> runner;
  Producer* producer = nullptr;
  std::shared_ptr<Producer> shared;  // set: the producer's life is ours
  bool may_hang = false;             // a call can be abandoned; else Detach waits for it
  bool attached = true;
  bool abandoned = false;  // detached during a call that did not end in time
  enum class State : std::uint8_t { kIdle, kQueued, kRunning } state = State::kIdle;
  std::uint64_t runs = 0;     // ended
  std::uint64_t thread = 0;   // that runs it
  bool counted_late = false;  // the call that runs now has been counted as late
  std::shared_ptr<const ProducedFamilies> last;
};

class ProducerRunner : public std::enable_shared_from_this<ProducerRunner> {
 public:
  // Told of every failure: reason and message. Called under no lock.
  using Refuse =
      std::function<void(std::string_view reason, std::string_view message, std::uint64_t n)>;

  ProducerRunner(std::string prefix, NameValidation names, std::chrono::milliseconds budget,
                 Refuse refuse);
  ~ProducerRunner();
  ProducerRunner(const ProducerRunner&) = delete;
  ProducerRunner& operator=(const ProducerRunner&) = delete;

  std::shared_ptr<ProducerEntry> Attach(Producer* producer, std::shared_ptr<Producer> shared,
                                        bool may_hang);
  // See Attachment.
  void Detach(ProducerEntry& entry) noexcept;

  // What every producer gave, this time or, where it is late, the last time. In the order in which
  // they were attached.
  // `order` (null: not wanted) ascends with the age of the values, of which none gets older.
  std::vector<std::shared_ptr<const ProducedFamilies>> Collect(Deadline deadline,
                                                               std::uint64_t* order = nullptr);

  // Calls that are running are left to themselves; no further one begins. Ends the thread that is
  // idle.
  void Shutdown() noexcept;
  // Calls begin again: in a child whose parent had shut down.
  void Resume() noexcept;

  void LockForFork() noexcept { mutex_.lock(); }
  void UnlockAfterFork() noexcept { mutex_.unlock(); }
  // The threads are the parent's. Under the lock taken for the fork.
  void RestartInChild() noexcept;

 private:
  static void Work(std::shared_ptr<ProducerRunner> self, std::uint64_t thread);
  std::shared_ptr<const ProducedFamilies> Run(Producer& producer) noexcept;
  void StartThread();

  const std::string prefix_;
  const NameValidation names_;
  const std::chrono::milliseconds budget_;
  const Refuse refuse_;

  std::mutex mutex_;
  std::condition_variable work_;  // something was queued, or all ends
  std::condition_variable done_;  // a call ended
  bool ended_ = false;
  std::vector<std::shared_ptr<ProducerEntry>> entries_;
  std::deque<std::shared_ptr<ProducerEntry>> queue_;
  std::uint64_t collections_ = 0;
  std::uint64_t next_thread_ = 1;
  std::uint64_t free_thread_ = 0;  // the thread that takes from the queue; 0: none
  bool free_thread_runs_ = false;  // it is in a producer's call
  std::thread worker_;             // its handle
};

}  // namespace detail
POLYMETER_END_NAMESPACE
