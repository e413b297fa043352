#include "integrations/host/stat_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <thread>

#include "integrations/host/host_for_test.h"
#include "sdk/testing/sanitizer.h"

namespace {
thread_local int t_failing_allocations = 0;  // the next ones of this thread
}  // namespace

#if !defined(POLYMETER_SANITIZED)  // which bring their own
void* operator new(std::size_t size) {
  if (t_failing_allocations > 0) {
    --t_failing_allocations;
    throw std::bad_alloc();
  }
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace polymeter::detail::host {
namespace {

using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

constexpr auto kPlenty = 60s;  // returns as soon as all have answered
constexpr auto kShort = 300ms;

TEST(StatPool, AsksEachPathOnce) {
  const FakeMounts mounts;
  StatPool pool(mounts.ask(), 2);
  const auto answers = pool.Ask({"/a", "/b", "/a"}, steady_clock::now() + kPlenty);
  EXPECT_THAT(answers.numbers, UnorderedElementsAre(Key("/a"), Key("/b")));
  EXPECT_EQ(mounts.calls(), 2);
  EXPECT_EQ(answers.numbers.at("/a").avail, 500);
  EXPECT_THAT(pool.Ask({}, steady_clock::now() + kPlenty).numbers, IsEmpty());
}

TEST(StatPool, LosesTheHangingMountsOnly) {
  const FakeMounts mounts;
  mounts.Kill("/dead1");
  mounts.Kill("/dead2");
  StatPool pool(mounts.ask(), 4);
  const std::vector<std::string> paths{"/a", "/dead1", "/b", "/dead2", "/c"};
  auto answers = pool.Ask(paths, steady_clock::now() + 2s);
  EXPECT_THAT(answers.numbers, UnorderedElementsAre(Key("/a"), Key("/b"), Key("/c")));
  EXPECT_THAT(answers.hanging, ElementsAre("/dead1", "/dead2"));
  EXPECT_EQ(pool.hanging(), 2u);

  // They are not asked again, and not waited for.
  const int calls = mounts.calls();
  answers = pool.Ask(paths, steady_clock::now() + kPlenty);
  EXPECT_THAT(answers.numbers, UnorderedElementsAre(Key("/a"), Key("/b"), Key("/c")));
  EXPECT_THAT(answers.hanging, IsEmpty());
  EXPECT_EQ(mounts.calls(), calls + 3);

  mounts.Recover();
  const auto end = steady_clock::now() + kPlenty;
  while (pool.hanging() != 0 && steady_clock::now() < end) std::this_thread::sleep_for(1ms);
  answers = pool.Ask(paths, steady_clock::now() + kPlenty);
  EXPECT_EQ(answers.numbers.size(), 5u);
}

TEST(StatPool, NeverHasMoreThreadsThanAllowed) {
  const FakeMounts mounts;
  std::vector<std::string> paths;
  for (int i = 0; i < 20; ++i) {
    paths.push_back("/dead" + std::to_string(i));
    mounts.Kill(paths.back());
  }
  {
    StatPool pool(mounts.ask(), 3);
    for (int round = 0; round < 3; ++round) {
      EXPECT_THAT(pool.Ask(paths, steady_clock::now() + kShort).numbers, IsEmpty());
    }
    EXPECT_LE(mounts.calls(), 3);
    EXPECT_GE(pool.hanging(), 1u);
  }  // waits for none of them
  mounts.Recover();
}

TEST(StatPool, WaitsForNothingWhereEveryThreadHangs) {
  const FakeMounts mounts;
  mounts.Kill("/dead");
  StatPool pool(mounts.ask(), 1);
  EXPECT_THAT(pool.Ask({"/dead"}, steady_clock::now() + kShort).hanging, ElementsAre("/dead"));
  EXPECT_THAT(pool.Ask({"/dead", "/a"}, steady_clock::now() + 1h).numbers, IsEmpty());
  EXPECT_EQ(mounts.calls(), 1);
  mounts.Recover();
}

TEST(StatPool, TakesACallThatThrowsOrFailsForNoAnswer) {
  StatPool pool(
      [](const std::string& path, MountNumbers&) -> bool {
        if (path == "/throws") throw std::runtime_error("no");
        return path == "/good";
      },
      2);
  const auto answers = pool.Ask({"/throws", "/fails", "/good"}, steady_clock::now() + kPlenty);
  EXPECT_THAT(answers.numbers, ElementsAre(Key("/good")));
  EXPECT_THAT(answers.hanging, IsEmpty());
}

POLYMETER_MALLOC_TEST(StatPool, LosesOnlyTheAnswersForWhichThereIsNoMemory) {
  StatPool pool(
      [](const std::string& path, MountNumbers&) {
        if (path == "/unlucky") t_failing_allocations = 2;  // its answer, and the next call
        return true;
      },
      1);
  auto answers = pool.Ask({"/unlucky", "/next", "/good"}, steady_clock::now() + kPlenty);
  EXPECT_THAT(answers.numbers, ElementsAre(Key("/good")));
  EXPECT_THAT(answers.hanging, IsEmpty());
  answers = pool.Ask({"/next"}, steady_clock::now() + kPlenty);
  EXPECT_THAT(answers.numbers, ElementsAre(Key("/next")));
}

TEST(StatPool, AsksTheSystem) {
  MountNumbers numbers;
  EXPECT_TRUE(StatVfs("/", numbers));
  EXPECT_GT(numbers.size, 0);
  EXPECT_GE(numbers.size, numbers.free);
  EXPECT_GE(numbers.free, numbers.avail);
  EXPECT_FALSE(StatVfs("/no such mount", numbers));
}

}  // namespace
}  // namespace polymeter::detail::host
