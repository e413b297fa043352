// Finds out once whether restartable sequences can be used, before the first cell exists.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "sdk/src/chunk_pool.h"

// glibc's <sys/rseq.h>. Weak: absent before glibc 2.35.
extern "C" {
extern const std::ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));
}

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Stands in for the thread's rseq area where libc registers none: cpu_id says "not registered",
// so every add takes the fallback.
struct alignas(32) UnregisteredArea {
  std::uint32_t cpu_id_start = 0;
  std::uint32_t cpu_id = static_cast<std::uint32_t>(-1);
  std::uint64_t rseq_cs = 0;
};
[[maybe_unused]] __attribute__((
    tls_model("initial-exec"))) thread_local UnregisteredArea t_unregistered;

// CPU numbers are below this: the end of the last range of "0-3,8-11". 0 when it cannot be read.
std::uint32_t PossibleCpus() noexcept {
  std::FILE* const file = std::fopen("/sys/devices/system/cpu/possible", "re");
  if (file == nullptr) return 0;
  char text[256] = {};
  const std::size_t size = std::fread(text, 1, sizeof(text) - 1, file);
  std::fclose(file);
  std::size_t begin = size;
  while (begin > 0 &&
         (text[begin - 1] == '\n' || (text[begin - 1] >= '0' && text[begin - 1] <= '9'))) {
    --begin;
  }
  const long last = std::strtol(text + begin, nullptr, 10);
  return begin == size || last < 0 ? 0 : static_cast<std::uint32_t>(last) + 1;
}

bool HasRseq() noexcept {
#if POLYMETER_RSEQ
  constexpr std::uint32_t kMostCpus = 4096;  // 256 MiB of addresses a chunk
  if (&__rseq_offset == nullptr || &__rseq_size == nullptr || __rseq_size == 0) return false;
  const std::uint32_t cpus = PossibleCpus();
  return cpus != 0 && cpus <= kMostCpus;
#else
  return false;
#endif
}

std::ptrdiff_t FindArea() noexcept {
#if POLYMETER_RSEQ
  if (HasRseq()) return __rseq_offset;
  char* thread_pointer = nullptr;
  __asm__("movq %%fs:0, %0" : "=r"(thread_pointer));
  return reinterpret_cast<char*>(&t_unregistered) - thread_pointer;
#else
  return 0;
#endif
}

}  // namespace

// When this copy of the library is loaded: a plug-in with a copy of its own is handed cells that
// another copy made.
__attribute__((init_priority(101))) const RseqArea g_rseq_area{FindArea()};

bool LanesBelongToCpus() noexcept {
  static const bool has_rseq = HasRseq();
  return has_rseq;
}

std::uint32_t LaneCount() noexcept {
  // Without rseq adds are spread over a few lanes by thread.
  static const std::uint32_t lanes =
      LanesBelongToCpus() ? PossibleCpus() + 1 : std::clamp<std::uint32_t>(PossibleCpus(), 1, 16);
  return lanes;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
