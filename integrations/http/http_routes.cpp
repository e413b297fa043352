#include "integrations/http/http_routes.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <new>
#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostRoutes = 100'000;

HttpSeries* FindIn(HttpSeries* first, int status) noexcept {
  HttpSeries* series = first;
  while (series != nullptr && series->status != status) series = series->next;
  return series;
}

}  // namespace

HttpRouteEntry::~HttpRouteEntry() {
  for (auto& list : by_method_) {
    for (HttpSeries* series = list.load(std::memory_order_acquire); series != nullptr;) {
      delete std::exchange(series, series->next);
    }
  }
}

const HttpSeries* HttpRouteEntry::Find(std::size_t method, int status) const noexcept {
  if (method >= by_method_.size()) return nullptr;  // a route of another server
  std::atomic<HttpSeries*>& list = by_method_[method];
  HttpSeries* first = list.load(std::memory_order_acquire);
  if (HttpSeries* const series = FindIn(first, status)) return series;
  std::unique_ptr<HttpSeries> fresh(new (std::nothrow) HttpSeries{status, {}, {}, {}, {}, nullptr});
  if (fresh == nullptr) return nullptr;
  for (;;) {
    fresh->next = first;
    if (list.compare_exchange_weak(first, fresh.get(), std::memory_order_acq_rel,
                                   std::memory_order_acquire)) {
      return fresh.release();
    }
    // Another thread was faster, perhaps with the same status.
    if (HttpSeries* const series = FindIn(first, status)) return series;
  }
}

HttpRoutes::HttpRoutes(std::size_t limit, std::size_t methods)
    : limit_(std::min(limit, kMostRoutes)),
      methods_(methods),
      unmatched_("_unmatched", methods),
      other_("other", methods),
      slots_(std::bit_ceil(2 * limit_ + 2)) {}

HttpRoutes::~HttpRoutes() {
  for (Slot& slot : slots_) delete slot.load(std::memory_order_acquire);
}

const HttpRouteEntry* HttpRoutes::Find(std::string_view name) noexcept {
  if (name.empty()) return &unmatched_;
  const HttpRouteEntry* const entry = SlotOf(name).load(std::memory_order_acquire);
  if (entry != nullptr) return entry;
  return Add(name);
}

HttpRoutes::Slot& HttpRoutes::SlotOf(std::string_view name) noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = std::hash<std::string_view>()(name) & mask;
  for (;; i = (i + 1) & mask) {
    const HttpRouteEntry* const entry = slots_[i].load(std::memory_order_acquire);
    if (entry == nullptr || entry->name() == name) return slots_[i];
  }
}

const HttpRouteEntry* HttpRoutes::Add(std::string_view name) noexcept {
  if (count_.load(std::memory_order_relaxed) >= limit_) return nullptr;
  std::unique_ptr<const HttpRouteEntry> fresh;
  try {
    fresh = std::make_unique<HttpRouteEntry>(name, methods_);
  } catch (...) {
    return nullptr;  // no memory
  }
  if (count_.fetch_add(1, std::memory_order_relaxed) < limit_) {
    for (;;) {
      Slot& slot = SlotOf(name);
      const HttpRouteEntry* entry = nullptr;
      if (slot.compare_exchange_strong(entry, fresh.get(), std::memory_order_acq_rel)) {
        return fresh.release();
      }
      // Another thread took the slot, for this name or for another one.
      if (entry->name() != name) continue;
      count_.fetch_sub(1, std::memory_order_relaxed);
      return entry;
    }
  }
  count_.fetch_sub(1, std::memory_order_relaxed);
  // Perhaps another thread has just added the very same.
  return SlotOf(name).load(std::memory_order_acquire);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
