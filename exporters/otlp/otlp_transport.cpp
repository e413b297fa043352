#include "exporters/otlp/otlp_transport.h"

#include <algorithm>

#include "exporters/common/transport/gzip_stream.h"
#include "exporters/common/transport/http_values.h"
#include "exporters/otlp/classify.h"
#include "exporters/otlp/scope.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kGrpcPrefix = 5;  // compressed or not, and the length

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// The protocol's own, which an application cannot change without breaking the request.
bool IsOurs(const std::string& name) {
  static constexpr std::string_view kOurs[] = {"content-type", "content-encoding", "te",
                                               "content-length", "transfer-encoding"};
  const std::string lower = Lower(name);
  return lower.starts_with("grpc-") ||
         std::find(std::begin(kOurs), std::end(kOurs), lower) != std::end(kOurs);
}

HttpClientOptions ClientOptions(const OtlpTransportOptions& options) {
  HttpClientOptions client;
  client.url = options.url;
  client.ca_file = options.ca_file;
  client.client_certificate = options.client_certificate;
  client.client_key = options.client_key;
  client.proxy = options.proxy;
  auto& headers = client.headers;
  if (options.protocol == OtlpProtocol::kGrpc) {
    client.http2 = true;
    headers = {{"content-type", "application/grpc"}, {"te", "trailers"}};
    if (options.gzip) headers.emplace_back("grpc-encoding", "gzip");
  } else {
    const bool json = options.protocol == OtlpProtocol::kHttpJson;
    headers = {{"Content-Type", json ? "application/json" : "application/x-protobuf"}};
    if (options.gzip) headers.emplace_back("Content-Encoding", "gzip");
  }
  bool has_agent = false;
  for (const auto& header : options.headers) {
    if (IsOurs(header.first)) continue;
    has_agent = has_agent || Lower(header.first) == "user-agent";
    headers.push_back(header);
  }
  if (!has_agent) {
    headers.emplace_back("User-Agent",
                         "OTel-OTLP-Exporter-polymeter/" + std::string(kScopeVersion));
  }
  return client;
}

}  // namespace

OtlpTransport::OtlpTransport(const OtlpTransportOptions& options, const Clock& clock)
    : protocol_(options.protocol),
      gzip_(options.gzip),
      endpoint_(ShownUrl(options.url)),
      clock_(clock),
      client_(ClientOptions(options)) {}

std::string_view OtlpTransport::Wrapped(std::string_view message) {
  const bool grpc = protocol_ == OtlpProtocol::kGrpc;
  if (!grpc && !gzip_) return message;
  wrapped_.assign(grpc ? kGrpcPrefix : 0, '\0');
  if (gzip_) {
    AppendGzipped(wrapped_, message);
  } else {
    wrapped_.append(message);
  }
  if (grpc) {
    const std::size_t size = wrapped_.size() - kGrpcPrefix;
    wrapped_[0] = gzip_ ? 1 : 0;
    for (std::size_t i = 1; i < kGrpcPrefix; ++i) {
      wrapped_[i] = static_cast<char>(size >> (8 * (kGrpcPrefix - 1 - i)));
    }
  }
  return wrapped_;
}

SendResult OtlpTransport::Send(std::string_view message, Deadline deadline) {
  const HttpResult result = client_.Post(Wrapped(message), deadline, clock_);
  return protocol_ == OtlpProtocol::kGrpc ? ClassifyGrpc(result, clock_.Now())
                                          : ClassifyHttp(result, clock_.Now());
}

}  // namespace detail
POLYMETER_END_NAMESPACE
