#include "integrations/common/forks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "integrations/common/fork_for_test.h"

namespace polymeter::detail {
namespace {

using testing::PassesInAForkedChild;

TEST(ForkCount, IsAnotherInAChild) {
  const std::uint32_t here = ForkCount();
  const bool passed = PassesInAForkedChild([&] {
    EXPECT_EQ(ForkCount(), here + 1);
    EXPECT_TRUE(PassesInAForkedChild([&] { EXPECT_EQ(ForkCount(), here + 2); }));
  });
  EXPECT_TRUE(passed);
  EXPECT_EQ(ForkCount(), here);
}

TEST(AddingMutex, IsNeverLockedByAThreadThatAChildDoesNotHave) {
  std::atomic<bool> locked{false};
  std::atomic<bool> forked{false};
  std::thread other([&] {
    {
      const std::lock_guard lock(AddingMutex());
      locked = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // so that the fork meets it
    }
    while (!forked) std::this_thread::yield();  // to a child, one that has ended is a leak
  });
  while (!locked) std::this_thread::yield();
  EXPECT_TRUE(PassesInAForkedChild([] { const std::lock_guard lock(AddingMutex()); }));
  { const std::lock_guard lock(AddingMutex()); }
  forked = true;
  other.join();
}

}  // namespace
}  // namespace polymeter::detail
