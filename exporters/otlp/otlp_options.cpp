#include "exporters/otlp/otlp_options.h"

#include <algorithm>

#include "exporters/common/transport/http_values.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kBaseVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";
constexpr std::string_view kSignalVariable = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
constexpr std::string_view kHttpPath = "v1/metrics";
constexpr std::string_view kGrpcPath =
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

constexpr OptionSpec kOptions[] = {
    {.name = "endpoint",
     .help = "Where the receiver is. Default: http://localhost:4318, for grpc "
             "http://localhost:4317. Without a scheme: https, unless insecure.",
     .standard = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,OTEL_EXPORTER_OTLP_ENDPOINT",
     .url = true,
     .valid = IsHttpUrl,
     .accepts = "a URL: http://host:port or https://host/path"},
    {.name = "protocol",
     .kind = OptionKind::kChoice,
     .default_value = "http/protobuf",
     .help = "How requests are encoded and sent.",
     .choices = "http/protobuf,http/json,grpc",
     .standard = "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL,OTEL_EXPORTER_OTLP_PROTOCOL"},
    {.name = "headers",
     .kind = OptionKind::kPairs,
     .help = "Headers of every request, such as api-key=....",
     .standard = "OTEL_EXPORTER_OTLP_METRICS_HEADERS,OTEL_EXPORTER_OTLP_HEADERS",
     .secret = true,
     .valid = AreHttpHeaders,
     .accepts = "name=value pairs, separated by commas, values percent-encoded"},
    {.name = "compression",
     .kind = OptionKind::kChoice,
     .default_value = "none",
     .help = "Of requests.",
     .choices = "none,gzip",
     .standard = "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION,OTEL_EXPORTER_OTLP_COMPRESSION"},
    {.name = "timeout",
     .kind = OptionKind::kDuration,
     .default_value = "10s",
     .help = "How long a request may take; 0 is no limit.",
     .standard = "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT,OTEL_EXPORTER_OTLP_TIMEOUT"},
    {.name = "export_timeout",
     .kind = OptionKind::kDuration,
     .default_value = "30s",
     .help = "The same: the shorter of the two counts; 0 is no limit.",
     .standard = "OTEL_METRIC_EXPORT_TIMEOUT"},
    {.name = "interval",
     .kind = OptionKind::kDuration,
     .default_value = "60s",
     .help = "From the start of one push to the start of the next.",
     .standard = "OTEL_METRIC_EXPORT_INTERVAL",
     .min = 10},
    {.name = "temporality",
     .kind = OptionKind::kChoice,
     .default_value = "cumulative",
     .help = "Totals, or differences of counters and histograms; lowmemory: not of produced ones.",
     .choices = "cumulative,delta,lowmemory",
     .standard = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"},
    {.name = "default_histogram_aggregation",
     .kind = OptionKind::kChoice,
     .default_value = "base2_exponential_bucket_histogram",
     .help = "What a histogram with both explicit and exponential buckets is sent as; one that has "
             "explicit buckets alone is sent with them.",
     .choices = "explicit_bucket_histogram,base2_exponential_bucket_histogram",
     .standard = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"},
    {.name = "certificate",
     .help = "PEM file of the authorities that the receiver's certificate must come from.",
     .standard = "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE,OTEL_EXPORTER_OTLP_CERTIFICATE"},
    {.name = "client_certificate",
     .help = "PEM file of the certificate to show to the receiver.",
     .standard =
         "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE,OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
    {.name = "client_key",
     .help = "PEM file of the key to client_certificate.",
     .standard = "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY,OTEL_EXPORTER_OTLP_CLIENT_KEY"},
    {.name = "insecure",
     .kind = OptionKind::kBool,
     .default_value = "false",
     .help = "No TLS where the endpoint does not begin with http:// or https://.",
     .standard = "OTEL_EXPORTER_OTLP_METRICS_INSECURE,OTEL_EXPORTER_OTLP_INSECURE"},
    {.name = "proxy",
     .help = "An HTTP proxy; http_proxy and the like are not looked at.",
     .url = true,
     .valid = IsHttpServerUrl,
     .accepts = "a URL: http://host:port"},
    {.name = "max_request_bytes",
     .kind = OptionKind::kInteger,
     .default_value = "3145728",
     .help = "The largest request, before compression; a larger snapshot goes in several.",
     .min = 4096,
     .max = 64 << 20},
};

}  // namespace

std::span<const OptionSpec> OtlpOptionSpecs() { return kOptions; }

OtlpProtocol ProtocolOf(const BackendOptions& options) {
  const std::string& protocol = options.Choice("protocol");
  if (protocol == "grpc") return OtlpProtocol::kGrpc;
  return protocol == "http/json" ? OtlpProtocol::kHttpJson : OtlpProtocol::kHttpProtobuf;
}

OtlpEncoderOptions EncoderOptionsOf(const BackendOptions& options) {
  return {.json = ProtocolOf(options) == OtlpProtocol::kHttpJson,
          .max_request_bytes = static_cast<std::size_t>(options.Integer("max_request_bytes")),
          .explicit_histograms =
              options.Choice("default_histogram_aggregation") == "explicit_bucket_histogram"};
}

std::string RequestUrl(std::string_view endpoint, std::string_view source, OtlpProtocol protocol,
                       bool insecure) {
  const bool grpc = protocol == OtlpProtocol::kGrpc;
  if (endpoint.empty()) endpoint = grpc ? "http://localhost:4317" : "http://localhost:4318";
  const UrlParts url = TakeUrlApart(endpoint);
  std::string out = url.scheme;
  if (out.empty()) out = insecure ? "http" : "https";
  out += "://";
  out += url.authority;
  if (grpc) return out.append(kGrpcPath);
  const auto question = std::min(url.path.find('?'), url.path.size());
  std::string path(url.path.substr(0, question));
  const std::string_view query = url.path.substr(question);
  if (source == kBaseVariable) {
    if (!path.ends_with('/')) path += '/';
    path += kHttpPath;
  } else if (path.empty()) {
    path = "/";
  }
  if (path == "/" && source != kSignalVariable) path += kHttpPath;
  return out.append(path).append(query);
}

OtlpTransportOptions TransportOptionsOf(const BackendOptions& options) {
  OtlpTransportOptions transport;
  transport.protocol = ProtocolOf(options);
  transport.url = RequestUrl(options.Text("endpoint"), options.Source("endpoint"),
                             transport.protocol, options.Bool("insecure"));
  transport.headers = options.Pairs("headers");
  transport.gzip = options.Choice("compression") == "gzip";
  transport.ca_file = options.Text("certificate");
  transport.client_certificate = options.Text("client_certificate");
  transport.client_key = options.Text("client_key");
  transport.proxy = options.Text("proxy");
  return transport;
}

PushOptions PushOptionsOf(const BackendOptions& options) {
  const milliseconds request = options.Duration("timeout");
  const milliseconds whole = options.Duration("export_timeout");
  const milliseconds timeout = request.count() == 0 || whole.count() == 0
                                   ? std::max(request, whole)
                                   : std::min(request, whole);
  const std::string& temporality = options.Choice("temporality");
  DeltaOptions delta;
  delta.counters = delta.histograms = temporality != "cumulative";
  delta.produced = temporality == "delta";
  return PushOptions("otlp").Interval(options.Duration("interval")).Timeout(timeout).Delta(delta);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
