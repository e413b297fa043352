// A bounded queue between threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace compress_service {

// Thread-safe. What goes with an item's coming and going (its metrics) is done under the queue's
// own lock, so that nobody ever sees more waiting items than the capacity.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  // False, and `make` not called, when the queue is full or closed; else make() is the item.
  template <class Make>
  bool TryPush(Make&& make) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::forward<Make>(make)());
    }
    not_empty_.notify_one();
    return true;
  }

  // Waits for an item and calls take(item); nothing once the queue is closed and empty.
  template <class Take>
  std::optional<T> Pop(Take&& take) {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [this] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    std::forward<Take>(take)(*item);
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
  std::mutex mutex_;
  std::condition_variable not_empty_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace compress_service
