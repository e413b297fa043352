#include "sdk/src/chunk_pool.h"

#include <sys/mman.h>

#include <cstring>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::size_t BytesOf(ChunkKind kind) noexcept {
  // One lane more than is used: whatever a stale handle computes stays inside.
  const std::size_t lanes = kLaneBytes * (LaneCount() + 1);
  switch (kind) {
    case ChunkKind::kLaned:
      return lanes;
    case ChunkKind::kExemplarCounters:
      return lanes + kExemplarBlocksOfCounters * kExemplarBlockBytes;
    case ChunkKind::kExemplarBlock:
      return kExemplarBlockBytes;
    default:
      return kLaneBytes;
  }
}

// Also memory that the application has locked (mlockall), which the kernel does not take back.
void Wipe(ChunkKind kind, char* chunk) noexcept {
  const std::size_t bytes = BytesOf(kind);
  if (madvise(chunk, bytes, MADV_DONTNEED) != 0) std::memset(chunk, 0, bytes);
}

}  // namespace

char* MapChunk(ChunkKind kind) noexcept {
  const std::size_t bytes = BytesOf(kind);
  const std::size_t asked = bytes + kLaneBytes;
  void* const mapped = mmap(nullptr, asked, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<char*>(mapped);
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  char* const chunk = begin + ((kLaneBytes - address % kLaneBytes) % kLaneBytes);
  if (chunk != begin) munmap(begin, static_cast<std::size_t>(chunk - begin));
  char* const end = chunk + bytes;
  if (end != begin + asked) munmap(end, static_cast<std::size_t>(begin + asked - end));
  madvise(chunk, bytes, MADV_NOHUGEPAGE);  // a huge page for every CPU would be dear
  if (IsWiped(kind)) madvise(chunk, bytes, MADV_WIPEONFORK);
  return chunk;
}

ChunkPool& ChunkPool::Instance() noexcept {
  static auto* const kPool = new ChunkPool;  // never destroyed: handles may outlive main
  return *kPool;
}

char* ChunkPool::Acquire(ChunkKind kind) noexcept {
  char* chunk = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& free = free_[static_cast<std::size_t>(kind)];
    if (free.size() > kQuarantine) {
      chunk = free.front();
      free.pop_front();
    }
  }
  if (chunk == nullptr) return MapChunk(kind);
  // What stale handles wrote meanwhile.
  if (IsWiped(kind)) Wipe(kind, chunk);
  return chunk;
}

void ChunkPool::Release(ChunkKind kind, char* chunk) noexcept {
  if (IsWiped(kind)) Wipe(kind, chunk);
  const std::lock_guard lock(mutex_);
  free_[static_cast<std::size_t>(kind)].push_back(chunk);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
