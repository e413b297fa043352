#include "integrations/common/forks.h"

#include <pthread.h>

#include <atomic>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constinit std::atomic<std::uint32_t> g_forks{0};
constinit std::mutex g_adding;

// By the first who asks for either, so that no fork after that is missed.
void WatchForksOfAdapters() noexcept {
  static const int kRegistered = pthread_atfork(
      +[] { g_adding.lock(); }, +[] { g_adding.unlock(); },
      +[] {
        g_forks.fetch_add(1, std::memory_order_relaxed);
        g_adding.unlock();
      });
  static_cast<void>(kRegistered);
}

}  // namespace

std::uint32_t ForkCount() noexcept {
  WatchForksOfAdapters();
  return g_forks.load(std::memory_order_relaxed);
}

std::mutex& AddingMutex() noexcept {
  WatchForksOfAdapters();
  return g_adding;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
