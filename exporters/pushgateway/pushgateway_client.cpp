#include "exporters/pushgateway/pushgateway_client.h"

#include "exporters/common/transport/gzip_stream.h"
#include "exporters/common/transport/http_values.h"
#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::string BaseOf(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  // libcurl would guess the scheme by the host's name.
  return (TakeUrlApart(url).scheme.empty() ? "http://" : "") + std::string(url);
}

HttpClientOptions HttpOptions(const PushgatewayClientOptions& options) {
  HttpClientOptions client;
  client.url = BaseOf(options.url);
  client.username = options.username;
  client.password = options.password;
  client.ca_file = options.ca_file;
  client.client_certificate = options.client_certificate;
  client.client_key = options.client_key;
  client.proxy = options.proxy;
  client.environment_proxy = options.environment_proxy;
  client.headers = options.headers;
  bool has_agent = false;
  for (const auto& header : options.headers) {
    has_agent = has_agent || LowerCase(header.first) == "user-agent";
  }
  if (!has_agent) client.headers.emplace_back("User-Agent", "polymeter/" POLYMETER_VERSION);
  // The parser is chosen by the type: everything but its protobuf is read as text 0.0.4.
  client.body_headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
  // Never of a DELETE: the server would read a body that is not there, and answer 400.
  if (options.gzip) client.body_headers.emplace_back("Content-Encoding", "gzip");
  return client;
}

}  // namespace

PushgatewayClient::PushgatewayClient(const PushgatewayClientOptions& options)
    : url_(BaseOf(options.url)), gzip_(options.gzip), client_(HttpOptions(options)) {}

PushgatewayClient::~PushgatewayClient() = default;

void PushgatewayClient::Interrupt() noexcept { client_.Interrupt(); }

HttpResult PushgatewayClient::Push(HttpMethod method, const std::string& path,
                                   std::string_view page, Deadline deadline, const Clock& clock) {
  if (gzip_) {
    compressed_.clear();
    AppendGzipped(compressed_, page);
    page = compressed_;
  }
  return client_.Request(method, url_ + path, page, deadline, clock);
}

HttpResult PushgatewayClient::Delete(const std::string& path, Deadline deadline,
                                     const Clock& clock) {
  return client_.Request(HttpMethod::kDelete, url_ + path, {}, deadline, clock);
}

std::string PushgatewayClient::Endpoint(const std::string& path) const {
  return ShownUrl(url_) + path;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
