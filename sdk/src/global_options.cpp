#include "sdk/src/global_options.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool IsLegacyPrefix(std::string_view text) { return IsMetricName(text); }
bool IsUtf8Prefix(std::string_view text) { return IsMetricName(text, NameValidation::kUtf8); }

constexpr OptionSpec kNameValidation{
    .name = "name_validation",
    .kind = OptionKind::kChoice,
    .default_value = "legacy",
    .help =
        "Which names of metrics and labels are accepted: those that every Prometheus reads, or "
        "any UTF-8.",
    .choices = "legacy,utf8"};

constexpr OptionSpec kGlobal[] = {
    {.name = "backend",
     .kind = OptionKind::kList,
     .help = "The backends that get the metrics; null records nothing.",
     .accepts = "a comma-separated list of backends"},
    {.name = "labels",
     .kind = OptionKind::kPairs,
     .help = "Labels of every series; a series' own of that name wins."},
    {.name = "prefix",
     .help = "Put in front of every family name, as it is.",
     .valid = &IsLegacyPrefix,
     .accepts = "the beginning of a metric name, [a-zA-Z_:][a-zA-Z0-9_:]* unless "
                "METRICS_NAME_VALIDATION=utf8, without __ in front"},
    kNameValidation,
    {.name = "buckets",
     .help = "Upper bounds of histograms, by family, over what the code says; or native, with a "
             "schema of -4 to 8: exponential buckets.",
     .accepts = "family=0.1,0.5,1;other=native:3, the bounds finite and ascending"},
    {.name = "series_limit",
     .kind = OptionKind::kInteger,
     .default_value = "50000",
     .help = "Series a family; new ones above it are counted in one overflow series. 0: no limit."},
    {.name = "series_warning",
     .kind = OptionKind::kInteger,
     .default_value = "2000",
     .help = "Series of a family from which on a message names the label to blame. 0: never."},
    {.name = "series_ttl",
     .kind = OptionKind::kDuration,
     .default_value = "0",
     .help = "After how long without a change a series is left out until it changes. 0: never."},
    {.name = "views",
     .help = "What becomes of families that match: dropped, other labels, other buckets; for one "
             "backend where it is named.",
     .accepts = "rules such as debug_*=drop; http_*=drop_labels(path),rename_label(code:status); "
                "statsd/job_*=keep; *_seconds[histogram]=buckets(0.1,0.5,1)"},
    {.name = "exemplars",
     .kind = OptionKind::kChoice,
     .default_value = "trace_based",
     .help = "Which increments and observations become exemplars, in families that keep some: "
             "those of a sampled trace, all or none.",
     .choices = "trace_based,always_on,always_off",
     .standard = "OTEL_METRICS_EXEMPLAR_FILTER"},
    {.name = "self",
     .kind = OptionKind::kBool,
     .default_value = "true",
     .help = "Whether the families polymeter_* say what the library delivers and costs; the costs "
             "by default only where a backend runs."},
    {.name = "strict",
     .kind = OptionKind::kBool,
     .default_value = "false",
     .help = "Problems in the configuration are an error at start-up."},
};

// In the order of StandardVariable.
constexpr OptionSpec kStandard[] = {
    {.name = "OTEL_METRICS_EXPORTER",
     .kind = OptionKind::kList,
     .help = "The backends, where METRICS_BACKEND is not set; none exports nothing.",
     .accepts = "otlp, prometheus, console, none"},
    {.name = "OTEL_SDK_DISABLED",
     .kind = OptionKind::kBool,
     .default_value = "false",
     .help = "true disables what OTEL_METRICS_EXPORTER selects.",
     .accepts = "true or false"},
    {.name = "OTEL_SERVICE_NAME",
     .default_value = "unknown_service:<program>",
     .help = "The service's name; wins over service.name in OTEL_RESOURCE_ATTRIBUTES."},
    {.name = "OTEL_RESOURCE_ATTRIBUTES",
     .kind = OptionKind::kPairs,
     .help = "Who measures: service.version, service.instance.id and others.",
     .accepts = "name=value,name=value, percent-encoded"},
};

// In ExemplarFilter's order.
constexpr std::string_view kExemplarFilters[] = {"always_off", "trace_based", "always_on"};

static_assert(std::size(kStandard) ==
              static_cast<std::size_t>(StandardVariable::kResourceAttributes) + 1);

}  // namespace

std::span<const OptionSpec> GlobalOptions() { return kGlobal; }
const OptionSpec& NameValidationOption() { return kNameValidation; }
std::span<const OptionSpec> StandardVariables() { return kStandard; }
const OptionSpec& SpecOf(StandardVariable variable) {
  return kStandard[static_cast<std::size_t>(variable)];
}

std::vector<OptionSpec> GlobalOptionsFor(NameValidation names) {
  std::vector<OptionSpec> specs(std::begin(kGlobal), std::end(kGlobal));
  for (OptionSpec& spec : specs) {
    if (names == NameValidation::kUtf8 && spec.valid == &IsLegacyPrefix) {
      spec.valid = &IsUtf8Prefix;
      spec.accepts = "the beginning of a metric name, UTF-8 without NUL and without __ in front";
    }
  }
  return specs;
}

StringPairs SettersAsSettings(const Options& options) {
  StringPairs settings;
  if (options.backends()) settings.emplace_back("METRICS_BACKEND", *options.backends());
  if (!options.prefix().empty()) settings.emplace_back("METRICS_PREFIX", options.prefix());
  if (options.names() == NameValidation::kUtf8) {
    settings.emplace_back("METRICS_NAME_VALIDATION", "utf8");
  }
  if (options.series_limit()) {
    const auto limit = std::min<std::uint64_t>(*options.series_limit(), INT64_MAX);
    settings.emplace_back("METRICS_SERIES_LIMIT", std::to_string(limit));
  }
  if (options.series_warning()) {
    const auto warning = std::min<std::uint64_t>(*options.series_warning(), INT64_MAX);
    settings.emplace_back("METRICS_SERIES_WARNING", std::to_string(warning));
  }
  if (options.self_metrics()) {
    settings.emplace_back("METRICS_SELF", *options.self_metrics() ? "true" : "false");
  }
  if (options.series_ttl().count() > 0) {
    settings.emplace_back("METRICS_SERIES_TTL",
                          std::to_string(options.series_ttl().count()) + "ms");
  }
  if (options.exemplar_filter()) {
    settings.emplace_back("METRICS_EXEMPLARS",
                          kExemplarFilters[static_cast<std::size_t>(*options.exemplar_filter())]);
  }
  settings.insert(settings.end(), options.settings().begin(), options.settings().end());
  return settings;
}

ExemplarFilter ExemplarFilterOf(std::string_view choice) {
  const auto* const filter =
      std::find(std::begin(kExemplarFilters), std::end(kExemplarFilters), choice);
  return static_cast<ExemplarFilter>(filter - std::begin(kExemplarFilters));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
