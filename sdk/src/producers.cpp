#include "sdk/src/producers.h"

#include <algorithm>
#include <exception>
#include <map>
#include <new>
#include <utility>

#include "sdk/src/clock.h"
#include "sdk/src/threads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {
// The thread of a runner that the calling thread is; a producer that detaches itself must not wait
// for itself.
thread_local std::uint64_t t_thread = 0;
thread_local const ProducerRunner* t_runner = nullptr;
}  // namespace

ProducerRunner::ProducerRunner(std::string prefix, NameValidation names,
                               std::chrono::milliseconds budget, Refuse refuse)
    : prefix_(std::move(prefix)), names_(names), budget_(budget), refuse_(std::move(refuse)) {}

ProducerRunner::~ProducerRunner() {
  if (worker_.joinable()) worker_.detach();  // perhaps it is the one that ends here
}

std::shared_ptr<ProducerEntry> ProducerRunner::Attach(Producer* producer,
                                                      std::shared_ptr<Producer> shared,
                                                      bool may_hang) {
  auto entry = std::make_shared<ProducerEntry>();
  entry->runner = weak_from_this();
  entry->producer = producer;
  entry->shared = std::move(shared);
  entry->may_hang = may_hang;
  const std::lock_guard lock(mutex_);
  entries_.push_back(entry);
  return entry;
}

void ProducerRunner::Detach(ProducerEntry& entry) noexcept {
  using State = ProducerEntry::State;
  std::shared_ptr<Producer> shared;  // destroyed after the lock
  std::unique_lock lock(mutex_);
  if (!entry.attached) return;
  entry.attached = false;
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [&](const auto& e) { return e.get() == &entry; }),
                 entries_.end());
  const bool inside =
      t_runner == this && entry.state == State::kRunning && entry.thread == t_thread;
  const auto over = [&] { return entry.state != State::kRunning; };
  if (!inside && !entry.may_hang) {
    done_.wait(lock, over);
  } else if (!inside) {
    done_.wait_until(lock, Later(std::chrono::steady_clock::now(), budget_), over);
  }
  // Whoever comes last releases the producer: here, so that it is gone when this returns, or the
  // thread that is still in its call.
  entry.abandoned = !over();
  if (!entry.abandoned) shared = std::move(entry.shared);
}

std::shared_ptr<const ProducedFamilies> ProducerRunner::Run(Producer& producer) noexcept {
  std::string what;
  try {
    auto families = std::make_shared<ProducedFamilies>();
    families->prefix = prefix_;
    families->names = names_;
    FamilySink sink(*families);
    producer.Collect(sink);
    families->current = nullptr;
    if (families->refused_points != 0) {
      for (const auto& [reason, refusal] : families->refused) {
        refuse_(reason, refusal.message, refusal.points);
      }
    }
    return families;
  } catch (const std::exception& e) {
    try {
      what = e.what();
    } catch (...) {
    }
  } catch (...) {
  }
  try {
    refuse_("producer_failed",
            "a producer threw" + (what.empty() ? what : ": " + what) + "; its last values stay", 1);
  } catch (...) {
  }
  return nullptr;
}

void ProducerRunner::StartThread() {
  const std::uint64_t thread = next_thread_++;
  std::thread worker =
      StartNamedThread("pm-producers", [self = shared_from_this(), thread] { Work(self, thread); });
  if (worker_.joinable()) worker_.detach();  // it hangs in a call
  worker_ = std::move(worker);
  free_thread_ = thread;
  free_thread_runs_ = false;
}

void ProducerRunner::Work(std::shared_ptr<ProducerRunner> self, std::uint64_t thread) {
  using State = ProducerEntry::State;
  t_thread = thread;
  t_runner = self.get();
  std::unique_lock lock(self->mutex_);
  // A thread that came back late finds another in its place and ends.
  while (!self->ended_ && self->free_thread_ == thread) {
    if (self->queue_.empty()) {
      self->work_.wait(lock);
      continue;
    }
    const std::shared_ptr<ProducerEntry> entry = std::move(self->queue_.front());
    self->queue_.pop_front();
    if (!entry->attached) {
      entry->state = State::kIdle;
      continue;
    }
    entry->state = State::kRunning;
    entry->thread = thread;
    self->free_thread_runs_ = true;
    Producer& producer = *entry->producer;
    lock.unlock();
    std::shared_ptr<const ProducedFamilies> families = self->Run(producer);
    lock.lock();
    entry->state = State::kIdle;
    entry->counted_late = false;
    ++entry->runs;
    if (self->free_thread_ == thread) self->free_thread_runs_ = false;
    std::shared_ptr<Producer> last_owner;
    if (entry->abandoned) last_owner = std::move(entry->shared);
    if (families != nullptr) std::swap(entry->last, families);
    self->done_.notify_all();
    lock.unlock();
    families.reset();  // foreign destructors run under no lock
    last_owner.reset();
    lock.lock();
  }
}

std::vector<std::shared_ptr<const ProducedFamilies>> ProducerRunner::Collect(Deadline deadline,
                                                                             std::uint64_t* order) {
  using State = ProducerEntry::State;
  const Deadline end = std::min(deadline, Later(std::chrono::steady_clock::now(), budget_));
  std::vector<std::shared_ptr<const ProducedFamilies>> collected;
  std::vector<std::pair<std::shared_ptr<ProducerEntry>, std::uint64_t>> awaited;
  std::uint64_t late = 0;
  {
    std::unique_lock lock(mutex_);
    if (order != nullptr) *order = ++collections_;
    if (entries_.empty()) return collected;
    if (t_runner == this) {
      // A producer that takes a snapshot gets the last values of its like: to wait for them would
      // be to wait for itself.
      for (const auto& entry : entries_) {
        if (entry->last != nullptr) collected.push_back(entry->last);
      }
      return collected;
    }
    if (!ended_) {
      for (const auto& entry : entries_) {
        if (entry->state == State::kIdle) {
          entry->state = State::kQueued;
          queue_.push_back(entry);
        }
        // One that is late already costs its last values' age, and not everybody's time.
        if (!entry->counted_late) awaited.emplace_back(entry, entry->runs);
      }
      const auto over = [&] {
        return std::all_of(awaited.begin(), awaited.end(), [](const auto& a) {
          return a.first->runs != a.second || !a.first->attached;
        });
      };
      bool can_run = true;
      if (free_thread_ == 0) {
        try {
          StartThread();
        } catch (...) {
          can_run = false;
        }
      }
      work_.notify_one();
      // What waits behind one that hangs gets a thread of its own when half of the time is over.
      const auto now = std::chrono::steady_clock::now();
      const Deadline half = now + (std::max(end, now) - now) / 2;
      while (can_run && !over()) {
        if (done_.wait_until(lock, half, over)) break;
        if (!queue_.empty()) {
          try {
            StartThread();
          } catch (...) {
            break;
          }
        }
        done_.wait_until(lock, end, over);
        break;
      }
      for (const auto& [entry, runs] : awaited) {
        if (entry->runs != runs || !entry->attached) continue;
        ++late;
        if (entry->state == State::kRunning) {
          entry->counted_late = true;
          if (entry->thread == free_thread_) free_thread_ = 0;  // it hangs: next time another one
        }
      }
    }
    if (order != nullptr) *order = ++collections_;  // the lock was given up meanwhile
    for (const auto& entry : entries_) {
      if (entry->last != nullptr) collected.push_back(entry->last);
    }
  }
  if (late != 0) {
    refuse_("producer_late",
            "a producer took longer than " + std::to_string(budget_.count()) +
                " ms; its last values stay",
            late);
  }
  return collected;
}

void ProducerRunner::Shutdown() noexcept {
  std::deque<std::shared_ptr<ProducerEntry>> queue;
  std::thread idle;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    queue.swap(queue_);
    for (const auto& entry : queue) entry->state = ProducerEntry::State::kIdle;
    work_.notify_all();
    if (!free_thread_runs_ && t_runner != this) idle = std::move(worker_);
  }
  if (idle.joinable()) idle.join();
}

void ProducerRunner::Resume() noexcept {
  const std::lock_guard lock(mutex_);
  ended_ = false;
}

void ProducerRunner::RestartInChild() noexcept {
  using State = ProducerEntry::State;
  for (const auto& entry : entries_) {
    entry->state = State::kIdle;
    entry->counted_late = false;
  }
  queue_.clear();
  free_thread_ = 0;
  free_thread_runs_ = false;
  new (&worker_) std::thread;
  // Waiters of the parent's threads are counted in these; they do not exist here.
  new (&work_) std::condition_variable;
  new (&done_) std::condition_variable;
}

}  // namespace detail

// --- Attachment ------------------------------------------------------------------------------

Attachment::Attachment(std::shared_ptr<detail::ProducerEntry> entry) noexcept
    : entry_(std::move(entry)) {}
Attachment::Attachment(Attachment&& other) noexcept : entry_(std::move(other.entry_)) {}
Attachment& Attachment::operator=(Attachment&& other) noexcept {
  if (this != &other) {
    Detach();
    entry_ = std::move(other.entry_);
  }
  return *this;
}
Attachment::~Attachment() { Detach(); }

void Attachment::Detach() noexcept {
  const auto entry = std::exchange(entry_, nullptr);
  if (entry == nullptr) return;
  if (const auto runner = entry->runner.lock()) runner->Detach(*entry);
}
void Attachment::Forever() noexcept { entry_.reset(); }

POLYMETER_END_NAMESPACE
