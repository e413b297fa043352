// Route templates and, for each, the series of its methods and statuses. Internal.
//
// Only ever grows, up to a limit, and without a lock: nothing waits, and a child forked meanwhile
// finds no lock held.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/common/lazy_handle.h"
#include "polymeter/instruments.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The series of one method, route and status.
struct HttpSeries {
  int status;  // 0 is `other`
  LazyHandle<Counter> requests;
  LazyHandle<Histogram> duration;
  LazyHandle<Histogram> request_size;
  LazyHandle<Histogram> response_size;
  HttpSeries* next;
};

class HttpRouteEntry {
 public:
  HttpRouteEntry(std::string_view name, std::size_t methods) : name_(name), by_method_(methods) {}
  ~HttpRouteEntry();
  HttpRouteEntry(const HttpRouteEntry&) = delete;
  HttpRouteEntry& operator=(const HttpRouteEntry&) = delete;

  const std::string& name() const noexcept { return name_; }
  // Null when there is no memory for a new one, or no such method.
  const HttpSeries* Find(std::size_t method, int status) const noexcept;

 private:
  const std::string name_;
  // A list for each method: a route has few statuses, and never more than there are.
  mutable std::vector<std::atomic<HttpSeries*>> by_method_;
};

class HttpRoutes {
 public:
  HttpRoutes(std::size_t limit, std::size_t methods);
  ~HttpRoutes();
  HttpRoutes(const HttpRoutes&) = delete;
  HttpRoutes& operator=(const HttpRoutes&) = delete;

  // The empty one is `_unmatched`. Null when the limit is reached and the template is a new one.
  const HttpRouteEntry* Find(std::string_view name) noexcept;
  const HttpRouteEntry& unmatched() const noexcept { return unmatched_; }
  const HttpRouteEntry& other() const noexcept { return other_; }

 private:
  using Slot = std::atomic<const HttpRouteEntry*>;

  // The slot with this name, or the empty one where it would be.
  Slot& SlotOf(std::string_view name) noexcept;
  const HttpRouteEntry* Add(std::string_view name) noexcept;

  const std::size_t limit_;
  const std::size_t methods_;
  const HttpRouteEntry unmatched_;
  const HttpRouteEntry other_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::atomic<std::size_t> count_{0};
};

}  // namespace detail
POLYMETER_END_NAMESPACE
