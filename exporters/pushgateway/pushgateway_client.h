// The requests that a Pushgateway understands: the pages of a group replaced, merged, or deleted.
// https://github.com/prometheus/pushgateway#api
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/common/transport/http_client.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct PushgatewayClientOptions {
  std::string url;  // http[s]://host[:port][/prefix]; may have a user name and password
  std::string username;
  std::string password;
  std::vector<std::pair<std::string, std::string>> headers;  // of every request
  bool gzip = false;
  std::string ca_file;
  std::string client_certificate;
  std::string client_key;
  std::string proxy;
  bool environment_proxy = false;  // see HttpClientOptions
};

// Used by one thread at a time, but for Interrupt. Throws only std::bad_alloc.
class POLYMETER_EXPORT PushgatewayClient {
 public:
  explicit PushgatewayClient(const PushgatewayClientOptions& options);
  ~PushgatewayClient();

  // A page in text 0.0.4. kPut replaces the whole group, kPost only the families of the same names.
  // `path` is the group's (GroupingPath).
  HttpResult Push(HttpMethod method, const std::string& path, std::string_view page,
                  Deadline deadline, const Clock& clock = SystemClock());
  // The group ends; that there was none is a success, too.
  HttpResult Delete(const std::string& path, Deadline deadline, const Clock& clock = SystemClock());
  // From any thread: a request under way comes back soon.
  void Interrupt() noexcept;

  // The URL of a group, without the user name and password.
  std::string Endpoint(const std::string& path) const;

 private:
  const std::string url_;
  const bool gzip_;
  HttpClient client_;
  std::string compressed_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
