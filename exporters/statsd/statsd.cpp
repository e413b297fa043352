#include "exporters/statsd/statsd.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/common/transport/datagram.h"
#include "exporters/statsd/names.h"
#include "exporters/statsd/statsd_encoder.h"
#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::uint16_t kDefaultPort = 8125;
constexpr std::int64_t kFewestPacketBytes = 128;

std::string UrlOf(std::string_view host) {
  const bool ipv6 = host.find(':') != std::string_view::npos;
  return "udp://" + (ipv6 ? "[" + std::string(host) + "]" : std::string(host));
}
bool ValidHost(std::string_view host) {
  // A name with a port in it would pass for an IPv6 address, and none it is.
  const auto target = ParseDatagramUrl(UrlOf(host), kDefaultPort);
  return target && target->host == host;
}
bool ValidAddress(std::string_view address) {
  return address.empty() || ParseDatagramUrl(address, kDefaultPort).has_value();
}
bool ValidPrefix(std::string_view prefix) {
  return std::all_of(prefix.begin(), prefix.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  });
}
bool ValidPacketBytes(std::string_view text) {
  const auto bytes = ParseInteger(text);
  return bytes && (*bytes == 0 || *bytes >= kFewestPacketBytes);
}

constexpr OptionSpec kOptions[] = {
    {.name = "host",
     .default_value = "127.0.0.1",
     .help = "The host that receives, by UDP.",
     .standard = "STATSD_HOST,DD_AGENT_HOST",
     .valid = ValidHost,
     .accepts = "an address or a host name, without a port"},
    {.name = "port",
     .kind = OptionKind::kInteger,
     .default_value = "8125",
     .help = "The port that it listens at.",
     .standard = "STATSD_PORT,DD_DOGSTATSD_PORT",
     .min = 1,
     .max = 65535},
    {.name = "address",
     .help = "The receiver as a URL, in place of host and port unless what names those counts "
             "more: a Unix datagram socket, or UDP.",
     .standard = "DD_DOGSTATSD_URL",
     .valid = ValidAddress,
     .accepts = "udp://host:port or unix:///path"},
    {.name = "dialect",
     .kind = OptionKind::kChoice,
     .default_value = "auto",
     .help = "What the receiver speaks: auto is dogstatsd where a DD_ variable names it, else "
             "statsd.",
     .choices = "auto,statsd,dogstatsd"},
    {.name = "tags",
     .kind = OptionKind::kChoice,
     .default_value = "auto",
     .help = "Where labels go: none into the name (requests.method.GET), graphite behind it "
             "(requests;method=GET), dogstatsd behind the value (|#method:GET); auto is none in "
             "plain StatsD.",
     .choices = "auto,none,graphite,dogstatsd"},
    {.name = "prefix",
     .help = "Stands before every name, with a dot.",
     .standard = "STATSD_PREFIX",
     .valid = ValidPrefix,
     .accepts = "letters, digits, _, - and ."},
    {.name = "interval",
     .kind = OptionKind::kDuration,
     .default_value = "10s",
     .help = "From one flush to the next.",
     .min = 100,
     .max = 86400000},
    {.name = "histograms",
     .kind = OptionKind::kChoice,
     .default_value = "samples",
     .help = "What a histogram becomes: timings of single observations, timings made of its "
             "buckets, or counters.",
     .choices = "samples,buckets,counters"},
    {.name = "histogram_type",
     .kind = OptionKind::kChoice,
     .default_value = "h",
     .help = "The type of a DogStatsD timing: h (histogram, of one agent) or d (distribution, of "
             "all of them).",
     .choices = "h,d"},
    {
        .name = "packing",
        .kind = OptionKind::kBool,
        .default_value = "true",
        .help = "Several values in one DogStatsD line: Agent 7.25 and later.",
    },
    {.name = "max_packet_bytes",
     .kind = OptionKind::kInteger,
     .default_value = "0",
     .help = "The longest datagram; 0 is 1432 by UDP and 8192 by a Unix socket.",
     .standard = "STATSD_MAXUDPSIZE",
     .max = 65507,
     .valid = ValidPacketBytes,
     .accepts = "0, or an integer from 128 to 65507"},
    {.name = "samples",
     .kind = OptionKind::kInteger,
     .default_value = "4096",
     .help = "So many observations a thread and flush are kept one by one.",
     .max = 1048576},
    {.name = "env", .help = "The DogStatsD tag env on every line.", .standard = "DD_ENV"},
    {.name = "service",
     .help = "The DogStatsD tag service on every line; else the service's own name.",
     .standard = "DD_SERVICE"},
    {.name = "version",
     .help = "The DogStatsD tag version on every line; else the service's own version.",
     .standard = "DD_VERSION"},
    {.name = "constant_tags",
     .help = "DogStatsD tags on every line: k:v,k:v, parted by commas or white space.",
     .standard = "DD_TAGS"},
    {.name = "entity_id",
     .help = "The DogStatsD tag dd.internal.entity_id on every line: which pod this is.",
     .standard = "DD_ENTITY_ID"},
};

// How much what a source says counts: METRICS_* over the standards' variables, over the code.
int RankOf(std::string_view source) {
  if (source == kFromDefault) return 0;
  if (source == kFromOptions) return 1;
  return source.rfind("METRICS_", 0) == 0 ? 3 : 2;
}

// The address and host with port are two ways to name one receiver: the one whose source counts
// more is taken, the address where they are equal.
bool HasAddress(const BackendOptions& options) {
  if (options.Text("address").empty()) return false;
  return RankOf(options.Source("address")) >=
         std::max(RankOf(options.Source("host")), RankOf(options.Source("port")));
}

DatagramTarget TargetOf(const BackendOptions& options) {
  const auto port = static_cast<std::uint16_t>(options.Integer("port"));
  if (HasAddress(options)) return *ParseDatagramUrl(options.Text("address"), port);
  return {options.Text("host"), port, {}};
}

StatsdDialect DialectOf(const BackendOptions& options) {
  const std::string& dialect = options.Choice("dialect");
  if (dialect == "statsd") return StatsdDialect::kStatsd;
  if (dialect == "dogstatsd") return StatsdDialect::kDogstatsd;
  const std::string& source = options.Source(HasAddress(options) ? "address" : "host");
  return source.rfind("DD_", 0) == 0 ? StatsdDialect::kDogstatsd : StatsdDialect::kStatsd;
}

StatsdTags TagsOf(const BackendOptions& options, StatsdDialect dialect) {
  const std::string& tags = options.Choice("tags");
  if (tags == "none") return StatsdTags::kNone;
  if (tags == "graphite") return StatsdTags::kGraphite;
  if (tags == "dogstatsd") return StatsdTags::kDogstatsd;
  return dialect == StatsdDialect::kDogstatsd ? StatsdTags::kDogstatsd : StatsdTags::kNone;
}

// https://docs.datadoghq.com/developers/dogstatsd: the variables that every client reads.
std::vector<std::pair<std::string, std::string>> ConstantTagsOf(const BackendOptions& options) {
  std::vector<std::pair<std::string, std::string>> tags;
  for (const auto& [option, tag] :
       {std::pair("env", "env"), std::pair("service", "service"), std::pair("version", "version"),
        std::pair("entity_id", "dd.internal.entity_id")}) {
    if (!options.Text(option).empty()) tags.emplace_back(tag, options.Text(option));
  }
  const std::size_t unified = tags.size();
  std::string_view rest = options.Text("constant_tags");
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(", \t\r\n\v\f"), rest.size());
    const std::string_view tag = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t colon = std::min(tag.find(':'), tag.size());
    const std::string_view name = tag.substr(0, colon);
    if (name.empty()) continue;
    const bool taken =
        std::any_of(tags.begin(), tags.begin() + static_cast<std::ptrdiff_t>(unified),
                    [name](const auto& known) { return known.first == name; });
    if (taken) continue;
    tags.emplace_back(name, colon < tag.size() ? tag.substr(colon + 1) : std::string_view());
  }
  return tags;
}

StatsdFormat FormatOf(const BackendOptions& options) {
  StatsdFormat format;
  format.dialect = DialectOf(options);
  format.tags = TagsOf(options, format.dialect);
  const std::string& histograms = options.Choice("histograms");
  if (histograms == "buckets") format.histograms = StatsdHistograms::kBuckets;
  if (histograms == "counters") format.histograms = StatsdHistograms::kCounters;
  format.histogram_type = options.Choice("histogram_type").front();
  format.packing = options.Bool("packing");
  const std::int64_t bytes = options.Integer("max_packet_bytes");
  const std::size_t usual = TargetOf(options).path.empty() ? kMostUdpBytes : kMostUnixBytes;
  format.most_packet_bytes = bytes == 0 ? usual : static_cast<std::size_t>(bytes);
  format.prefix = options.Text("prefix");
  while (!format.prefix.empty() && format.prefix.back() == '.') format.prefix.pop_back();
  if (!format.prefix.empty()) format.prefix += '.';
  format.constant_tags = ConstantTagsOf(options);
  return format;
}

Result<std::unique_ptr<Backend>> Make(const BackendOptions& options, Outside& outside) {
  DeltaOptions delta;
  delta.counters = delta.histograms = delta.summaries = delta.produced = true;
  PushOptions push("statsd");
  push.Interval(options.Duration("interval")).Delta(delta);
  if (options.Choice("histograms") == "samples") {
    push.Samples(static_cast<std::size_t>(options.Integer("samples")));
  }
  DatagramOptions datagram;
  datagram.target = TargetOf(options);
  auto connect = [datagram = std::move(datagram), &outside] {
    return outside.make_push_transport ? outside.make_push_transport("statsd")
                                       : MakeDatagramTransport(datagram);
  };
  return std::unique_ptr<Backend>(std::make_unique<PushBackend>(
      std::move(push), MakeStatsdEncoder(FormatOf(options)), std::move(connect), *outside.clock));
}

// What StatsD's three types make of a family; empty: it is one of them.
std::string OtherType(MetricType type, bool timings) {
  switch (type) {
    case MetricType::kCounter:
    case MetricType::kGauge:
      return {};
    case MetricType::kHistogram:
      return timings ? "timings, of which the receiver makes its own statistics"
                     : "counters _count, _sum and _bucket";
    case MetricType::kSummary:
      return "counters _count and _sum, and a gauge _quantile";
    case MetricType::kInfo:
      return "a gauge of 1";
    case MetricType::kUnknown:
      break;
  }
  return "a gauge";
}

std::vector<PortabilityNote> Portability(const FamilyDescription& family,
                                         const BackendOptions& options) {
  std::vector<PortabilityNote> notes;
  const auto add = [&](PortabilityEffect effect, std::string detail, bool avoidable = false) {
    notes.push_back({{}, "statsd", effect, std::move(detail), avoidable});
  };
  const StatsdFormat format = FormatOf(options);
  const bool timings = format.histograms != StatsdHistograms::kCounters;
  std::string name = format.prefix;
  AppendMetricName(name, family.name);
  if (name != family.name) add(PortabilityEffect::kRenamed, name);
  if (format.tags == StatsdTags::kNone && !family.labels.empty()) {
    add(PortabilityEffect::kLabelsInName, "METRICS_STATSD_TAGS has other forms");
  }
  std::string type = OtherType(family.type, timings);
  if (!type.empty()) add(PortabilityEffect::kTypeChanged, std::move(type));
  // Timings of plain StatsD are milliseconds, and seconds become that.
  const bool has_unit = family.type == MetricType::kHistogram && timings &&
                        format.dialect == StatsdDialect::kStatsd && family.unit == "seconds";
  if (!family.unit.empty() && !has_unit) {
    add(PortabilityEffect::kUnitLost, "StatsD has no units");
  }
  // Timings of a histogram without explicit buckets are made of the exponential ones.
  if (family.native && (family.explicit_buckets || !timings)) {
    add(PortabilityEffect::kNativeLost,
        format.histograms == StatsdHistograms::kSamples ? "single observations are sent instead"
        : family.explicit_buckets                       ? "the explicit ones are sent"
                                                        : "only count and sum are sent",
        !family.explicit_buckets);
  }
  if (family.exemplars) add(PortabilityEffect::kExemplarsLost, "StatsD has none");
  return notes;
}

}  // namespace

const BackendInfo& StatsdBackendInfo() {
  static constexpr BackendInfo kInfo{
      .name = "statsd",
      .options = kOptions,
      .make_encoder = [](const BackendOptions& options) -> Result<std::unique_ptr<Encoder>> {
        return MakeStatsdEncoder(FormatOf(options));
      },
      .make = Make,
      .portability = Portability,
  };
  return kInfo;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
