// The routes, on cpp-httplib.
#pragma once

#include <httplib.h>
#include <polymeter/http.h>
#include <polymeter/polymeter.h>

#include <atomic>
#include <string>
#include <thread>

#include "jobs.h"

namespace transcriber {

class Service {
 public:
  // The store outlives it. `grammar`: whether jobs may ask for it.
  Service(const polymeter::Metrics& metrics, JobStore& jobs, bool grammar);
  // Ends the requests that are being answered.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // False when it cannot listen there. Port 0 takes a free one.
  bool Start(const std::string& host, int port);
  // "127.0.0.1:41234"
  const std::string& address() const { return address_; }

  // New jobs are refused with 503; everything else is answered.
  void Drain() { draining_ = true; }

 private:
  void AddRoutes();
  void Post(const httplib::Request& request, httplib::Response& response,
            const httplib::ContentReader& read);
  void Get(const httplib::Request& request, httplib::Response& response) const;
  void Delete(const httplib::Request& request, httplib::Response& response);

  JobStore& jobs_;
  const bool grammar_;
  std::atomic<bool> draining_{false};
  polymeter::HttpServerMetrics http_;
  httplib::Server server_;
  std::string address_;
  std::thread listener_;
};

}  // namespace transcriber
