#include "integrations/runtime/allocator.h"

#include <malloc.h>

#include <algorithm>

// Null unless the program uses jemalloc.
extern "C" [[gnu::weak]] int mallctl(const char* name, void* old, std::size_t* old_size,
                                     void* value, std::size_t value_size);

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::optional<std::uint64_t> Statistic(MallctlFunction* function, const char* name) {
  std::size_t value = 0;
  std::size_t size = sizeof(value);
  if (function(name, &value, &size, nullptr, 0) != 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<AllocatorSample> ReadGlibc() {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 33))
  const struct mallinfo2 info = mallinfo2();
  return AllocatorSample{"glibc", info.uordblks + info.hblkhd, info.fordblks};
#else
  return std::nullopt;  // mallinfo's ints overflow at 2 GiB
#endif
}

std::optional<AllocatorSample> ReadJemalloc(MallctlFunction* function) {
  // Statistics are those of the last epoch.
  std::uint64_t epoch = 1;
  std::size_t size = sizeof(epoch);
  if (function("epoch", &epoch, &size, &epoch, size) != 0) return std::nullopt;
  const auto allocated = Statistic(function, "stats.allocated");
  const auto resident = Statistic(function, "stats.resident");
  if (!allocated || !resident) return std::nullopt;
  // Memory that was handed out and never touched is not resident.
  return AllocatorSample{"jemalloc", *allocated, *resident - std::min(*allocated, *resident)};
}

std::optional<AllocatorSample> AllocatorReader::Read(Time now) {
  if (!read_at_ || now - *read_at_ >= kAllocatorMaxAge) {
    last_ = mallctl != nullptr ? ReadJemalloc(mallctl) : ReadGlibc();
    read_at_ = now;
  }
  return last_;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
