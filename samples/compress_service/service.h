// What the service answers. Knows no socket, so that it can be tested without one.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

#include "worker_pool.h"

namespace compress_service {

// RFC 9110's names.
namespace status {
constexpr int kOk = 200;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kMethodNotAllowed = 405;
constexpr int kContentTooLarge = 413;
constexpr int kTooManyRequests = 429;
constexpr int kInternalServerError = 500;
constexpr int kServiceUnavailable = 503;
}  // namespace status

enum class Route { kCompress, kHealth, kUnmatched };
Route RouteOf(std::string_view path);
// The template, as metrics show it; empty for kUnmatched.
std::string_view TemplateOf(Route route);

struct Request {
  Route route;
  std::string_view method;
  std::string_view query;  // level=6
  std::string body;
};

struct Response {
  int status = status::kOk;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string extra_header = {};  // one whole line without its end, or empty
};

class Service {
 public:
  Service(const polymeter::Metrics& metrics, std::size_t workers, std::size_t queue_capacity)
      : pool_(metrics, workers, queue_capacity) {}

  // Thread-safe; a /compress blocks until a worker is done with it.
  Response Handle(Request request);

  // New work is refused with 503; what was taken is finished.
  void Drain() { draining_ = true; }
  // What still waits for a worker is refused too.
  void Abandon() { pool_.Abandon(); }

 private:
  Response Compress(Request request);

  std::atomic<bool> draining_{false};
  WorkerPool pool_;
};

}  // namespace compress_service
