#include "sdk/src/series_table.h"

#include <cstdlib>
#include <cstring>
#include <new>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr int kTagShift = 48;
constexpr std::uint64_t kPointerMask = (std::uint64_t{1} << kTagShift) - 1;

__extension__ using Wide = unsigned __int128;

std::uint64_t Mix(std::uint64_t a, std::uint64_t b) noexcept {
  const auto product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class Word>
std::uint64_t Load(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// memcmp() == 0 without the call: label values are short.
bool SameBytes(const char* a, const char* b, std::size_t size) noexcept {
  if (size >= 8) {
    std::size_t i = 0;
    for (; i + 8 <= size; i += 8) {
      if (Load<std::uint64_t>(a + i) != Load<std::uint64_t>(b + i)) return false;
    }
    return Load<std::uint64_t>(a + size - 8) == Load<std::uint64_t>(b + size - 8);
  }
  if (size >= 4) {
    return Load<std::uint32_t>(a) == Load<std::uint32_t>(b) &&
           Load<std::uint32_t>(a + size - 4) == Load<std::uint32_t>(b + size - 4);
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

bool HasValues(const SeriesRecord& record, const std::string_view* values,
               std::size_t count) noexcept {
  if (record.label_count != count) return false;
  const std::uint32_t* const ends = record.ends();
  const char* bytes = record.bytes();
  std::uint32_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = ends[i] - begin;
    if (values[i].size() != size || !SameBytes(values[i].data(), bytes + begin, size)) {
      return false;
    }
    begin = ends[i];
  }
  return true;
}

SeriesRecord* RecordOf(std::uint64_t entry) noexcept {
  return reinterpret_cast<SeriesRecord*>(entry & kPointerMask);
}

}  // namespace

std::uint64_t HashOfValues(std::uint64_t seed, const std::string_view* values,
                           std::size_t count) noexcept {
  constexpr std::uint64_t kA = 0x9E3779B97F4A7C15u;
  constexpr std::uint64_t kB = 0xC2B2AE3D27D4EB4Fu;
  // Each value is mixed by itself, so that the processor works at several at once.
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const char* text = values[i].data();
    std::size_t size = values[i].size();
    std::uint64_t state = seed + (i + 1) * kA + size * kB;
    while (size > 16) {
      state = Mix(state ^ Load<std::uint64_t>(text), Load<std::uint64_t>(text + 8) ^ kA);
      text += 16;
      size -= 16;
    }
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    if (size >= 8) {
      head = Load<std::uint64_t>(text);
      tail = Load<std::uint64_t>(text + size - 8);
    } else if (size >= 4) {
      head = Load<std::uint32_t>(text);
      tail = Load<std::uint32_t>(text + size - 4);
    } else if (size > 0) {
      head = static_cast<std::uint64_t>(static_cast<unsigned char>(text[0])) << 16 |
             static_cast<std::uint64_t>(static_cast<unsigned char>(text[size / 2])) << 8 |
             static_cast<unsigned char>(text[size - 1]);
    }
    hash += Mix(state ^ head, tail ^ kB ^ seed);
  }
  return Mix(hash ^ kB, kA ^ seed);
}

SeriesTable::~SeriesTable() {
  for (auto& shard : shards_) std::free(shard.load(std::memory_order_relaxed));
}

SeriesRecord* SeriesTable::Find(std::uint64_t hash, const std::string_view* values,
                                std::size_t count) const noexcept {
  const auto low = static_cast<std::uint32_t>(hash);
  Table* const table = shards_[low % kShards].load(std::memory_order_acquire);
  if (table == nullptr) return nullptr;
  const std::uint64_t tag = hash >> kTagShift;
  for (std::uint32_t i = Position(low);; ++i) {
    const std::uint64_t entry = table->entries()[i & table->mask].load(std::memory_order_acquire);
    if (entry == 0) return nullptr;
    if (entry >> kTagShift != tag || entry == kErased) continue;
    SeriesRecord* const record = RecordOf(entry);
    if (record->hash == low && HasValues(*record, values, count)) return record;
  }
}

SeriesTable::Table* SeriesTable::MakeTable(std::uint32_t size) {
  void* const memory = std::calloc(1, sizeof(Table) + sizeof(std::uint64_t) * size);
  if (memory == nullptr) throw std::bad_alloc();
  auto* const table = static_cast<Table*>(memory);
  table->mask = size - 1;
  return table;
}

void SeriesTable::Place(Table& table, std::uint64_t entry, std::uint32_t hash) noexcept {
  std::uint32_t i = Position(hash);
  while (table.entries()[i & table.mask].load(std::memory_order_relaxed) != 0) ++i;
  table.entries()[i & table.mask].store(entry, std::memory_order_release);
  ++table.used;
  ++table.live;
}

void* SeriesTable::Insert(std::uint64_t hash, SeriesRecord* record) {
  auto& shard = shards_[record->hash % kShards];
  Table* table = shard.load(std::memory_order_relaxed);
  void* old = nullptr;
  if (table == nullptr || (table->used + 1) * 4 > (table->mask + 1) * 3) {
    std::uint32_t size = 8;
    while (table != nullptr && (table->live + 1) * 2 > size) size *= 2;
    Table* const grown = MakeTable(size);
    for (std::uint32_t i = 0; table != nullptr && i <= table->mask; ++i) {
      const std::uint64_t entry = table->entries()[i].load(std::memory_order_relaxed);
      if (entry != 0 && entry != kErased) Place(*grown, entry, RecordOf(entry)->hash);
    }
    shard.store(grown, std::memory_order_release);
    const std::size_t before = table == nullptr ? 0 : std::size_t{table->mask} + 1;
    bytes_.fetch_add(sizeof(std::uint64_t) * (size - before), std::memory_order_relaxed);
    old = table;
    table = grown;
  }
  Place(*table, hash >> kTagShift << kTagShift | reinterpret_cast<std::uintptr_t>(record),
        record->hash);
  return old;
}

void SeriesTable::Erase(const SeriesRecord* record) noexcept {
  Table* const table = shards_[record->hash % kShards].load(std::memory_order_relaxed);
  if (table == nullptr) return;
  for (std::uint32_t i = Position(record->hash);; ++i) {
    auto& entry = table->entries()[i & table->mask];
    const std::uint64_t value = entry.load(std::memory_order_relaxed);
    if (value == 0) return;
    if (value != kErased && RecordOf(value) == record) {
      entry.store(kErased, std::memory_order_release);
      --table->live;
      return;
    }
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
