// What malloc holds for this process.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct AllocatorSample {
  std::string_view allocator;         // "glibc", "jemalloc"
  std::uint64_t allocated_bytes = 0;  // handed out to the program
  std::uint64_t free_bytes = 0;       // taken from the system, not handed out
};

// mallinfo2 (glibc 2.33 and later), which counts chunks with a mapping of their own (hblkhd) apart
// from the arenas. Locks one arena after the other.
std::optional<AllocatorSample> ReadGlibc();

using MallctlFunction = int(const char* name, void* old, std::size_t* old_size, void* value,
                            std::size_t value_size);
// jemalloc's stats.allocated and stats.resident (jemalloc(3)); nothing when it was built without
// statistics.
std::optional<AllocatorSample> ReadJemalloc(MallctlFunction* mallctl);

// The allocator that is linked or preloaded; asks it once in kAllocatorMaxAge. Belongs to one
// thread.
constexpr std::chrono::seconds kAllocatorMaxAge{1};
class AllocatorReader {
 public:
  using Time = std::chrono::steady_clock::time_point;
  std::optional<AllocatorSample> Read(Time now);

 private:
  std::optional<Time> read_at_;
  std::optional<AllocatorSample> last_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
