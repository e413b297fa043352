// What a forked child finds: cells at zero, new start times and a new instance id, no lock held
// by a thread that does not exist there, and no backend.
#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "sdk/src/chunk_pool.h"
#include "sdk/src/core.h"
#include "sdk/src/native_pool.h"
#include "sdk/src/recorder.h"
#include "sdk/src/summary_cell.h"
#include "sdk/src/tap.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

struct Cores {
  std::mutex mutex;
  std::vector<Core*> all;
};
Cores& AllCores() noexcept {
  static auto* const kCores = new Cores;  // used at exit and in children
  return *kCores;
}

void BeforeFork() noexcept {
  Cores& cores = AllCores();
  cores.mutex.lock();
  for (Core* const core : cores.all) core->LockForFork();
  LockBoundsForFork();
  LockSummariesForFork();
  Tap::Instance().LockForFork();
  LockRecorderForFork();
  NativePool::Instance().LockForFork();
  ChunkPool::Instance().Lock();
}
void AfterForkInParent() noexcept {
  Cores& cores = AllCores();
  ChunkPool::Instance().Unlock();
  NativePool::Instance().UnlockAfterFork();
  UnlockRecorderAfterFork();
  Tap::Instance().UnlockAfterFork();
  UnlockSummariesAfterFork();
  UnlockBoundsAfterFork();
  for (Core* const core : cores.all) core->UnlockAfterFork();
  cores.mutex.unlock();
}
void AfterForkInChild() noexcept {
  Cores& cores = AllCores();
  ChunkPool::Instance().Unlock();
  NativePool::Instance().UnlockAfterFork();
  RestartRecorderInChild();
  UnlockRecorderAfterFork();
  Tap::Instance().RestartInChild();
  Tap::Instance().UnlockAfterFork();
  UnlockSummariesAfterFork();
  UnlockBoundsAfterFork();
  for (Core* const core : cores.all) core->RestartInChild();
  cores.mutex.unlock();
}

}  // namespace

void RegisterForkHandlers() noexcept {
  static const int registered = pthread_atfork(BeforeFork, AfterForkInParent, AfterForkInChild);
  static_cast<void>(registered);
}

void WatchForks(Core* core) {
  RegisterForkHandlers();
  Cores& cores = AllCores();
  const std::lock_guard lock(cores.mutex);
  cores.all.push_back(core);
}

void UnwatchForks(Core* core) noexcept {
  Cores& cores = AllCores();
  const std::lock_guard lock(cores.mutex);
  cores.all.erase(std::remove(cores.all.begin(), cores.all.end(), core), cores.all.end());
}

}  // namespace detail
POLYMETER_END_NAMESPACE
