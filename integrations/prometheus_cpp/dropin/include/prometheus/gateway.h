// Pushes what Collectables hold to a Prometheus Pushgateway, for programs that end before anybody
// could scrape them. The interface of prometheus-cpp's Gateway; the requests are polymeter's.
// C++14.
//
// What is registered here leaves through the backends of METRICS_BACKEND, too.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "polymeter/export.h"
#include "prometheus/collectable.h"
#include "prometheus/labels.h"

namespace prometheus {

namespace detail {
struct GatewayParts;
}  // namespace detail

// Thread-safe; a request waits for the one before it. Everything may also be called from within a
// Collect().
//
// Requests give a number and never throw: an HTTP status, or a negative CURLcode where there was no
// answer (-7: nobody listens, -6: unknown host, -28: no answer in time); what went wrong is said in
// the log, too. A group's labels are written so that the server can read every value
// (percent-encoded, or in base64 as it knows it). libcurl's variables http_proxy and no_proxy
// count. Redirects are not followed.
class POLYMETER_EXPORT Gateway {
 public:
  // The server is at http://host:port, where `host` says no https://. `labels`, with the job's
  // name, are the group of what is pushed. No `username`: no authentication (RFC 7617). `timeout`
  // is that of one request, 0 is no limit. Throws std::invalid_argument for problems in the
  // environment where METRICS_STRICT=true.
  Gateway(const std::string& host, const std::string& port, const std::string& jobname,
          const Labels& labels = {}, const std::string& username = {},
          const std::string& password = {},
          std::chrono::seconds timeout = std::chrono::seconds::zero());
  // Does not wait for requests that futures stand for.
  ~Gateway();

  Gateway(const Gateway&) = delete;
  Gateway(Gateway&&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  Gateway& operator=(Gateway&&) = delete;

  // Each Collectable is a request of its own, in the order in which they came; of one group a later
  // one replaces families of the same names (Push) or all that came before it (PushAdd). `labels`
  // are further ones of its group, and win over the Gateway's. One that is gone is forgotten.
  void RegisterCollectable(const std::weak_ptr<Collectable>& collectable,
                           const Labels* labels = nullptr);

  // {instance=hostname}, or nothing for an empty name.
  static Labels GetInstanceLabel(std::string hostname);

  // By POST: families of other names stay in the group. 200 when each request was answered with
  // 100 to 399, and where there was none to send; else the answer that was not, after which none
  // is sent.
  int Push();
  // Values are those of the call. All are sent; of several failures the last one is given.
  std::future<int> AsyncPush();

  // By PUT: what is pushed is the whole group.
  int PushAdd();
  std::future<int> AsyncPushAdd();

  // Deletes the group of the job without any label. The status: 202 also where there is no such
  // group.
  int Delete();
  std::future<int> AsyncDelete();

  // Deletes the group of the job and the Gateway's labels.
  int DeleteForInstance();
  std::future<int> AsyncDeleteForInstance();

  // A further header of every request from now on: "Name: value". False: it is none.
  bool AddHttpHeader(const std::string& header);

 private:
  const std::unique_ptr<detail::GatewayParts> parts_;
};

}  // namespace prometheus
