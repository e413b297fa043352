#include "exporters/pushgateway/pushgateway.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "exporters/common/exposition/page_portability.h"
#include "exporters/common/exposition/text_encoder.h"
#include "exporters/common/transport/http_values.h"
#include "exporters/pushgateway/grouping.h"
#include "exporters/pushgateway/pushgateway_transport.h"
#include "exporters/pushgateway/unique_series.h"
#include "sdk/src/identity.h"
#include "sdk/src/text.h"
#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// The path is ours to write.
bool IsGatewayUrl(std::string_view text) {
  return IsHttpUrl(text) && text.find('?') == std::string_view::npos &&
         text.find("/metrics/job") == std::string_view::npos;
}
bool IsGrouping(std::string_view text) {
  const auto labels = ParsePairs(text);
  return labels && !GroupingProblem(*labels);
}
bool IsUserName(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == ':';
  });
}
bool IsPassword(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}
bool IsToken(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

constexpr OptionSpec kOptions[] = {
    {.name = "url",
     .default_value = "http://127.0.0.1:9091",
     .help = "Where the Pushgateway is; a path stands before its own /metrics.",
     .url = true,
     .valid = IsGatewayUrl,
     .accepts = "a URL: http://host:port or https://host/prefix, without /metrics/job"},
    {.name = "job",
     .help = "The label job of the group that is pushed. Default: the service's name.",
     .valid = IsUtf8,
     .accepts = "UTF-8"},
    {.name = "grouping",
     .kind = OptionKind::kPairs,
     .help = "Further labels of the group, such as instance=blue: processes that share all of "
             "them replace each other's metrics.",
     .valid = IsGrouping,
     .accepts = "label=value pairs, separated by commas, values percent-encoded; not job, and no "
                "label twice"},
    {.name = "method",
     .kind = OptionKind::kChoice,
     .default_value = "put",
     .help = "put replaces the whole group, post only the families of the same names.",
     .choices = "put,post"},
    {.name = "on_exit",
     .kind = OptionKind::kChoice,
     .default_value = "keep",
     .help = "What becomes of the group when the service stops.",
     .choices = "keep,delete"},
    {.name = "interval",
     .kind = OptionKind::kDuration,
     .default_value = "15s",
     .help = "From the start of one push to the start of the next; 0 pushes once, at the end.",
     .max = 86400000},
    {.name = "timeout",
     .kind = OptionKind::kDuration,
     .default_value = "10s",
     .help = "How long a request may take; 0 is no limit."},
    {.name = "compression",
     .kind = OptionKind::kChoice,
     .default_value = "none",
     .help = "Of pages; servers of version 1.5 and later take gzip.",
     .choices = "none,gzip"},
    {.name = "username",
     .help = "For basic authentication.",
     .valid = IsUserName,
     .accepts = "text without ':' and control characters"},
    {.name = "password",
     .help = "For basic authentication.",
     .secret = true,
     .valid = IsPassword,
     .accepts = "text without control characters"},
    {.name = "bearer_token",
     .help = "Sent as Authorization: Bearer, in place of username and password.",
     .secret = true,
     .valid = IsToken,
     .accepts = "visible ASCII characters"},
    {.name = "headers",
     .kind = OptionKind::kPairs,
     .help = "Further headers of every request, for what stands before the server.",
     .secret = true,
     .valid = AreHttpHeaders,
     .accepts = "name=value pairs, separated by commas, values percent-encoded"},
    {.name = "certificate",
     .help = "PEM file of the authorities that the server's certificate must come from."},
    {.name = "client_certificate", .help = "PEM file of the certificate to show to the server."},
    {.name = "client_key", .help = "PEM file of the key to client_certificate."},
    {.name = "proxy",
     .help = "An HTTP proxy; http_proxy and the like are not looked at.",
     .url = true,
     .valid = IsHttpServerUrl,
     .accepts = "a URL: http://host:port"},
};

// One way to say who pushes; empty: it is one.
std::string CredentialsProblem(const BackendOptions& options) {
  const bool user = !options.Text("username").empty();
  const bool token = !options.Text("bearer_token").empty();
  const auto& headers = options.Pairs("headers");
  const bool header = std::any_of(headers.begin(), headers.end(), [](const auto& given) {
    return LowerCase(given.first) == "authorization";
  });
  if (!user && !options.Text("password").empty()) return "a password needs a username";
  if (user + token + header > 1) {
    return "of username, bearer_token and a header Authorization only one can be sent";
  }
  return {};
}

std::string PathOf(const BackendOptions& options, const std::string& service) {
  std::string job = options.Text("job");
  if (job.empty()) job = service.empty() ? UnknownService() : service;
  GroupingLabels labels = options.Pairs("grouping");
  // The server gives instance="" to a group without one: as a group of its own it would be the
  // same series once more.
  std::erase_if(
      labels, [](const auto& label) { return label.first == "instance" && label.second.empty(); });
  return GroupingPath(job, labels);
}

PushgatewayTransportOptions TransportOf(const BackendOptions& options, const std::string& service) {
  PushgatewayTransportOptions transport;
  PushgatewayClientOptions& client = transport.client;
  client.url = options.Text("url");
  client.username = options.Text("username");
  client.password = options.Text("password");
  client.headers = options.Pairs("headers");
  if (const std::string& token = options.Text("bearer_token"); !token.empty()) {
    client.headers.emplace_back("Authorization", "Bearer " + token);
  }
  client.gzip = options.Choice("compression") == "gzip";
  client.ca_file = options.Text("certificate");
  client.client_certificate = options.Text("client_certificate");
  client.client_key = options.Text("client_key");
  client.proxy = options.Text("proxy");
  transport.path = PathOf(options, service);
  transport.method = options.Choice("method") == "post" ? HttpMethod::kPost : HttpMethod::kPut;
  transport.delete_at_end = options.Choice("on_exit") == "delete";
  return transport;
}

// The text page, each series once.
class PushgatewayEncoder final : public Encoder {
 public:
  std::unique_ptr<EncoderCache> MakeCache() const override { return text_->MakeCache(); }
  EncodeReport Encode(const Snapshot& snapshot, EncoderCache* cache,
                      MessageSink& sink) const override {
    std::uint64_t left_out = 0;
    const Snapshot unique = WithoutRepeatedSeries(snapshot, left_out);
    EncodeReport report = text_->Encode(unique, cache, sink);
    report.LeaveOut("repeated_series", left_out);
    return report;
  }
  std::string_view content_type() const override { return text_->content_type(); }

 private:
  const std::unique_ptr<Encoder> text_ = MakeTextEncoder();
};

Result<std::unique_ptr<Backend>> MakePushgateway(const BackendOptions& options, Outside& outside) {
  if (const std::string problem = CredentialsProblem(options); !problem.empty()) {
    return Status::Error(problem);
  }
  const Clock& clock = *outside.clock;
  PushBackend::Connect connect;
  if (outside.make_push_transport) {
    connect = [make = outside.make_push_transport] { return make("pushgateway"); };
  } else {
    connect = [transport = TransportOf(options, outside.service),
               &clock]() -> std::unique_ptr<PushTransport> {
      return std::make_unique<PushgatewayTransport>(transport, clock);
    };
  }
  PushOptions push("pushgateway");
  push.Interval(options.Duration("interval")).Timeout(options.Duration("timeout"));
  return std::unique_ptr<Backend>(std::make_unique<PushBackend>(
      std::move(push), std::make_unique<PushgatewayEncoder>(), std::move(connect), clock));
}

}  // namespace

const BackendInfo& PushgatewayBackendInfo() {
  static constexpr BackendInfo kInfo{
      .name = "pushgateway",
      .options = kOptions,
      .make_encoder = [](const BackendOptions&) -> Result<std::unique_ptr<Encoder>> {
        return std::unique_ptr<Encoder>(std::make_unique<PushgatewayEncoder>());
      },
      .make = MakePushgateway,
      .portability =
          [](const FamilyDescription& family, const BackendOptions&) {
            return PagePortability(family, "pushgateway", PageKind::kText);
          },
  };
  return kInfo;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
