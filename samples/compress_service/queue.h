// A bounded queue between threads, with its own gauge.
#pragma once

#include <polymeter/polymeter.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace compress_service {

// Thread-safe. `depth` follows the length exactly, because it moves under the queue's own lock:
// no scrape sees it negative or above the capacity.
template <class T>
class BoundedQueue {
 public:
  BoundedQueue(std::size_t capacity, polymeter::Gauge depth) : capacity_(capacity), depth_(depth) {}

  // False, and `item` untouched, when the queue is full or closed.
  bool TryPush(T&& item) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
      depth_.Increment();
    }
    not_empty_.notify_one();
    return true;
  }

  // Waits for an item; nothing once the queue is closed and empty.
  std::optional<T> Pop() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [this] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    depth_.Decrement();
    return item;
  }

  // Takes nothing more; those who wait in Pop get what is left, then nothing.
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    not_empty_.notify_all();
  }

 private:
  const std::size_t capacity_;
  const polymeter::Gauge depth_;
  std::mutex mutex_;
  std::condition_variable not_empty_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace compress_service
