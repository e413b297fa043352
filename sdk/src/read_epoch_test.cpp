// ReadEpoch: nothing passes while a section that saw it is open.
#include "sdk/src/read_epoch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace polymeter::detail {
namespace {

TEST(ReadEpoch, PassesAtOnceWithoutReaders) {
  ReadEpoch epoch;
  const std::uint64_t mark = epoch.Mark();
  EXPECT_FALSE(epoch.Passed(mark));
  epoch.Poll();
  epoch.Poll();
  EXPECT_TRUE(epoch.Passed(mark));
}

TEST(ReadEpoch, DoesNotPassWhileASectionIsOpen) {
  ReadEpoch epoch;
  auto section = std::make_unique<ReadEpoch::Guard>(epoch);
  const std::uint64_t mark = epoch.Mark();
  for (int i = 0; i < 10; ++i) epoch.Poll();
  EXPECT_FALSE(epoch.Passed(mark));
  section.reset();
  for (int i = 0; i < 3; ++i) epoch.Poll();
  EXPECT_TRUE(epoch.Passed(mark));
}

TEST(ReadEpoch, LaterSectionsDoNotHoldItUp) {
  ReadEpoch epoch;
  const std::uint64_t mark = epoch.Mark();
  std::vector<std::unique_ptr<ReadEpoch::Guard>> sections;
  for (int i = 0; i < 4 && !epoch.Passed(mark); ++i) {
    sections.push_back(std::make_unique<ReadEpoch::Guard>(epoch));
    epoch.Poll();
    sections.erase(sections.begin());
  }
  EXPECT_TRUE(epoch.Passed(mark));
}

// What a reader finds through the pointer is never freed under it.
TEST(ReadEpoch, ProtectsReadersWhileTheWriterFrees) {
  constexpr std::uint64_t kAlive = 0xA11FE;
  ReadEpoch epoch;
  std::atomic<std::atomic<std::uint64_t>*> shared{new std::atomic<std::uint64_t>(kAlive)};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const ReadEpoch::Guard section(epoch);
        if (shared.load(std::memory_order_acquire)->load(std::memory_order_relaxed) != kAlive)
          ++torn;
      }
    });
  }
  std::vector<std::pair<std::atomic<std::uint64_t>*, std::uint64_t>> retired;
  std::uint64_t freed = 0;
  for (int i = 0; i < 3000 || freed < 100; ++i) {
    if (i >= 3000) std::this_thread::yield();
    auto* const old = shared.exchange(new std::atomic<std::uint64_t>(kAlive));
    retired.emplace_back(old, epoch.Mark());
    epoch.Poll();
    while (!retired.empty() && epoch.Passed(retired.front().second)) {
      retired.front().first->store(0);
      delete retired.front().first;
      retired.erase(retired.begin());
      ++freed;
    }
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(torn, 0u);
  EXPECT_GT(freed, 0u);
  for (const auto& [pointer, mark] : retired) delete pointer;
  delete shared.load();
}

}  // namespace
}  // namespace polymeter::detail
