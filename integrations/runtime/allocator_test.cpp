#include "integrations/runtime/allocator.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "sdk/testing/sanitizer.h"

namespace polymeter::detail {
namespace {

POLYMETER_MALLOC_TEST(ReadGlibc, CountsAMappingOfItsOwn) {
  const auto before = ReadGlibc();
  ASSERT_TRUE(before);
  constexpr std::size_t kBytes = std::size_t{50} << 20;
  // Through a volatile pointer, so that the compiler keeps the allocation.
  void* volatile memory = std::malloc(kBytes);
  const auto with = ReadGlibc();
  std::free(memory);
  const auto after = ReadGlibc();
  EXPECT_GE(with->allocated_bytes, before->allocated_bytes + kBytes);
  EXPECT_LT(with->allocated_bytes, before->allocated_bytes + kBytes + (1 << 20));
  EXPECT_LT(after->allocated_bytes, before->allocated_bytes + (1 << 20));
}

POLYMETER_MALLOC_TEST(ReadGlibc, CountsSmallPiecesAndWhatIsFreeInTheArena) {
  constexpr std::size_t kPieces = 2000;
  const auto before = ReadGlibc();
  auto pieces = std::make_unique<std::unique_ptr<char[]>[]>(kPieces);
  for (std::size_t i = 0; i < kPieces; ++i) pieces[i] = std::make_unique<char[]>(1000);
  const auto with = ReadGlibc();
  EXPECT_GE(with->allocated_bytes, before->allocated_bytes + kPieces * 1000);
  for (std::size_t i = 0; i < kPieces; i += 2) pieces[i].reset();  // holes
  EXPECT_GE(ReadGlibc()->free_bytes, with->free_bytes + kPieces / 2 * 1000 / 2);
}

// --- jemalloc ---------------------------------------------------------------------------------

int g_epochs = 0;
bool g_statistics = true;
std::size_t g_resident = 7000;

int FakeMallctl(const char* name, void* old, std::size_t* old_size, void* value, std::size_t size) {
  const std::string_view wanted = name;
  if (wanted == "epoch" && value != nullptr && size == sizeof(std::uint64_t)) return ++g_epochs, 0;
  if (!g_statistics || *old_size != sizeof(std::size_t)) return ENOENT;
  const std::size_t result = wanted == "stats.allocated" ? 5000 : g_resident;
  if (wanted != "stats.allocated" && wanted != "stats.resident") return ENOENT;
  std::memcpy(old, &result, sizeof(result));
  return 0;
}

TEST(ReadJemalloc, RefreshesAndReads) {
  g_epochs = 0;
  const auto sample = ReadJemalloc(FakeMallctl);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->allocator, "jemalloc");
  EXPECT_EQ(sample->allocated_bytes, 5000u);
  EXPECT_EQ(sample->free_bytes, 2000u);
  EXPECT_EQ(g_epochs, 1);
}

TEST(ReadJemalloc, MemoryThatWasNeverTouchedIsNotNegativelyFree) {
  g_resident = 100;
  EXPECT_EQ(ReadJemalloc(FakeMallctl)->free_bytes, 0u);
  g_resident = 7000;
}

TEST(ReadJemalloc, SaysNothingWithoutStatistics) {
  g_statistics = false;
  EXPECT_FALSE(ReadJemalloc(FakeMallctl));
  g_statistics = true;
}

POLYMETER_MALLOC_TEST(AllocatorReader, AsksAtMostOnceASecond) {
  AllocatorReader reader;
  const AllocatorReader::Time start{};
  const auto first = reader.Read(start);
  ASSERT_TRUE(first);
  void* volatile memory = std::malloc(std::size_t{50} << 20);
  const auto cached = reader.Read(start + std::chrono::milliseconds(999));
  const auto fresh = reader.Read(start + std::chrono::milliseconds(1000));
  std::free(memory);
  EXPECT_EQ(cached->allocated_bytes, first->allocated_bytes);
  EXPECT_GT(fresh->allocated_bytes, first->allocated_bytes + (40 << 20));
}

}  // namespace
}  // namespace polymeter::detail
