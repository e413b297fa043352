// Watches a plain thread pool. C++17; link polymeter::runtime.
//
//   ThreadPool pool(8);
//   const auto watch = polymeter::WatchThreadPool(metrics, "workers", pool);
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "polymeter/executor_monitor.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The first of these that a pool has is taken: overloads of a higher rank are preferred.
template <int N>
struct Rank : Rank<N - 1> {};
template <>
struct Rank<0> {};

template <class Pool, class Task>
auto GiveTo(Pool& pool, Task task, Rank<5>) -> decltype(static_cast<void>(pool.Post(task))) {
  static_cast<void>(pool.Post(std::move(task)));
}
template <class Pool, class Task>
auto GiveTo(Pool& pool, Task task, Rank<4>) -> decltype(static_cast<void>(pool.post(task))) {
  static_cast<void>(pool.post(std::move(task)));
}
template <class Pool, class Task>
auto GiveTo(Pool& pool, Task task, Rank<3>) -> decltype(static_cast<void>(pool.Submit(task))) {
  static_cast<void>(pool.Submit(std::move(task)));
}
template <class Pool, class Task>
auto GiveTo(Pool& pool, Task task, Rank<2>) -> decltype(static_cast<void>(pool.submit(task))) {
  static_cast<void>(pool.submit(std::move(task)));
}
template <class Pool, class Task>
auto GiveTo(Pool& pool, Task task, Rank<1>) -> decltype(static_cast<void>(pool.Enqueue(task))) {
  static_cast<void>(pool.Enqueue(std::move(task)));
}
template <class Pool, class Task>
auto GiveTo(Pool& pool, Task task, Rank<0>) -> decltype(static_cast<void>(pool.enqueue(task))) {
  static_cast<void>(pool.enqueue(std::move(task)));
}

template <class Pool>
auto SetDepthOf(Pool& pool, ExecutorOptions& options, Rank<2>)
    -> decltype(static_cast<void>(pool.QueueSize())) {
  options.Depth([&pool] { return static_cast<double>(pool.QueueSize()); });
}
template <class Pool>
auto SetDepthOf(Pool& pool, ExecutorOptions& options, Rank<1>)
    -> decltype(static_cast<void>(pool.queue_size())) {
  options.Depth([&pool] { return static_cast<double>(pool.queue_size()); });
}
template <class Pool>
void SetDepthOf(Pool&, ExecutorOptions&, Rank<0>) {}

}  // namespace detail

// See ExecutorMonitor. The pool takes a callable by Post, post, Submit, submit, Enqueue or enqueue
// (what they return is dropped, and so must not wait when it is destroyed); its QueueSize or
// queue_size, where it has one and `options` has no Depth, gives executor_queue_depth. All of them
// must be thread-safe. Other pools: ExecutorMonitor with a call of your own. Destroy the monitor
// before the pool.
template <class Pool>
ExecutorMonitor WatchThreadPool(const Metrics& metrics, std::string name, Pool& pool,
                                ExecutorOptions options = {}) {
  if (!options.depth()) detail::SetDepthOf(pool, options, detail::Rank<2>());
  return ExecutorMonitor(
      metrics, std::move(name),
      [&pool](std::function<void()> task) {
        detail::GiveTo(pool, std::move(task), detail::Rank<5>());
      },
      options);
}

POLYMETER_END_NAMESPACE
