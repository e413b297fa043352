#include "integrations/prometheus_cpp/dropin/dropin_environment.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "sdk/src/global_options.h"
#include "sdk/src/option_spec.h"
#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool AreFormats(std::string_view text) {
  const auto formats = SplitList(LowerCase(text));
  return !formats.empty() && std::all_of(formats.begin(), formats.end(), [](const auto& name) {
    return name == "text" || name == "openmetrics";
  });
}

constexpr OptionSpec kExposerOptions[] = {
    {.name = "formats",
     .kind = OptionKind::kList,
     .default_value = "text",
     .help = "What a drop-in's Exposer serves: text is 0.0.4, openmetrics is 1.0 for clients that "
             "ask for it.",
     .valid = AreFormats,
     .accepts = "text, openmetrics or text,openmetrics"},
};

}  // namespace

std::span<const OptionSpec> ExposerOptionSpecs() { return kExposerOptions; }

bool StrictOf(const Environment& environment, Problems& problems) {
  for (const OptionSpec& spec : GlobalOptions()) {
    if (spec.name != "strict") continue;
    return ResolveOptions("", std::span(&spec, 1), environment, {}, problems).Bool("strict");
  }
  return false;
}

ExpositionOptions PagesOf(const Environment& environment, Problems& problems) {
  const BackendOptions options =
      ResolveOptions("prometheus", kExposerOptions, environment, {}, problems);
  bool text = false;
  bool openmetrics = false;
  for (const std::string& name : options.List("formats")) {
    (LowerCase(name) == "text" ? text : openmetrics) = true;
  }
  ExpositionOptions pages;
  pages.protobuf = false;  // the Exposer has never had it
  if (!openmetrics) pages.format = ExpositionFormat::kText004;
  if (!text) pages.format = ExpositionFormat::kOpenMetrics100;
  return pages;
}

PushSelection PushSelectionOf(const Environment& environment) {
  PushSelection selection;
  std::string left;
  bool prometheus = false;
  bool null = false;
  for (const std::string& piece : SplitList(environment.Get("METRICS_BACKEND").value_or(""))) {
    const std::string name = LowerCase(piece);
    if (name == "prometheus") {
      prometheus = true;
    } else if (name == "null") {
      null = true;
    } else {
      left += (left.empty() ? "" : ",") + piece;
    }
  }
  if (prometheus) {
    selection.notices.emplace_back(
        "METRICS_BACKEND names prometheus: the program's own Exposer is what Prometheus scrapes, "
        "and no second server is opened");
  }
  if (null) {
    selection.notices.emplace_back(
        "METRICS_BACKEND names null: it turns nothing off in a program with an Exposer or a "
        "Gateway of its own");
  }
  selection.any = !left.empty();
  if (!selection.any) return selection;
  StringPairs variables;
  for (const auto& [name, value] : environment.variables()) {
    variables.emplace_back(name, name == "METRICS_BACKEND" ? left : value);
  }
  selection.environment = Environment(std::move(variables));
  return selection;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
