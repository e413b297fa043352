// Watches an Asio io_context. C++17; link polymeter::runtime_asio and Asio (standalone, 1.18 or
// later; with Boost.Asio give ExecutorMonitor a post of your own, as below).
//
//   asio::io_context context;
//   auto watch = polymeter::WatchIoContext(metrics, "io", context);
#pragma once

#include <functional>
#include <string>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include "polymeter/executor_monitor.h"

POLYMETER_BEGIN_NAMESPACE

// See ExecutorMonitor. While the context is stopped (run() has returned) nothing is posted, and
// that is no stall; a context that nobody has run yet stalls. A heartbeat keeps run() from
// returning no longer than it takes to run it. Destroy the monitor before the context.
inline ExecutorMonitor WatchIoContext(const Metrics& metrics, std::string name,
                                      ::asio::io_context& context,
                                      const ExecutorOptions& options = {}) {
  return ExecutorMonitor(
      metrics, std::move(name),
      [&context](std::function<void()> heartbeat) {
        if (!context.stopped()) ::asio::post(context, std::move(heartbeat));
      },
      options);
}

POLYMETER_END_NAMESPACE
