// civetweb around a Service, measured by the adapter for HTTP servers.
#pragma once

#include <polymeter/http.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "service.h"

struct mg_connection;
struct mg_context;

namespace compress_service {

class HttpServer {
 public:
  struct Settings {
    std::string listen;       // "127.0.0.1:8080"; port 0 takes a free one
    std::size_t threads = 0;  // requests at the same time
    std::size_t max_body = 8 << 20;
  };

  // Null when it cannot listen.
  static std::unique_ptr<HttpServer> Start(const Settings& settings,
                                           const polymeter::Metrics& metrics, Service& service);
  ~HttpServer();

  // "127.0.0.1:41234"
  std::string address() const;

  // Waits until the requests that have begun are answered, not for those that still come; false
  // when that takes longer than `time`.
  bool FinishRequests(std::chrono::milliseconds time);

 private:
  HttpServer(const Settings& settings, const polymeter::Metrics& metrics, Service& service);

  class Activity;

  static int OnRequest(mg_connection* connection) noexcept;
  static int OnRefusal(mg_connection* connection, int status, const char* reason) noexcept;
  void Answer(mg_connection* connection);
  Response Handle(mg_connection* connection, Route route, polymeter::HttpRequestScope& measured);

  const Settings settings_;
  polymeter::HttpServerMetrics metrics_;
  Service& service_;
  mg_context* context_ = nullptr;

  std::mutex mutex_;
  std::condition_variable finished_;
  std::size_t active_ = 0;  // requests that FinishRequests waits for
  bool finishing_ = false;
};

}  // namespace compress_service
