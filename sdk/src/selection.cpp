#include "sdk/src/selection.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "sdk/src/bucket_limit.h"
#include "sdk/src/global_options.h"
#include "sdk/src/identity.h"
#include "sdk/src/native_spec.h"
#include "sdk/src/near_miss.h"
#include "sdk/src/text.h"
#include "sdk/src/value_parsing.h"
#include "sdk/src/view_rules.h"
#include "sdk/src/view_text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// A backend that OTEL_METRICS_EXPORTER may name.
bool IsStandardExporter(std::string_view name) {
  return name == "otlp" || name == "prometheus" || name == "console";
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

// As the variable takes it.
std::string Joined(const StringPairs& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) {
    text += (text.empty() ? "" : ",") + PercentEncoded(name) + "=" + PercentEncoded(value);
  }
  return text;
}

void Put(StringPairs& pairs, const std::string& name, const std::string& value) {
  for (auto& [known, old] : pairs) {
    if (known != name) continue;
    old = value;
    return;
  }
  pairs.emplace_back(name, value);
}

const std::string* Find(const StringPairs& pairs, std::string_view name) {
  for (const auto& [known, value] : pairs) {
    if (known == name) return &value;
  }
  return nullptr;
}

std::string IsNot(StandardVariable variable) {
  return "is not " + std::string(SpecOf(variable).accepts);
}

// How a message names the place of a value.
std::string Subject(std::string_view variable, std::string_view source) {
  return std::string(variable) + (source == kFromOptions ? " in Options" : "");
}

// One run of Select.
class Selector {
 public:
  Selector(const Options& options, const Environment& environment,
           const std::vector<KnownBackend>& known, Problems& problems)
      : given_(options), environment_(environment), known_(known), problems_(problems) {
    result_.options = options;
  }

  Selection Run() {
    const StringPairs setters = SettersAsSettings(given_);
    Problems said_below;
    const BackendOptions first =
        ResolveOptions("", {&NameValidationOption(), 1}, environment_, setters, said_below);
    names_ =
        first.Choice("name_validation") == "utf8" ? NameValidation::kUtf8 : NameValidation::kLegacy;
    const std::vector<OptionSpec> specs = GlobalOptionsFor(names_);
    const BackendOptions global = ResolveOptions("", specs, environment_, setters, problems_);
    result_.strict = global.Bool("strict");
    CheckNames();
    SelectBackends(global);
    SelectIdentity();
    SelectLabels(global);
    SelectPrefix(global);
    SelectNames(global);
    SelectBuckets(global);
    SelectSeries(global);
    SelectViews(global);
    SelectExemplars(global);
    SelectSelf(global);
    Say("METRICS_STRICT", global.Bool("strict") ? "true" : "false", global.Source("strict"));
    return std::move(result_);
  }

 private:
  void Say(std::string name, std::string value, std::string_view source) {
    result_.settings.push_back({std::move(name), std::move(value), std::string(source)});
  }

  // --- names ---------------------------------------------------------------------------------

  void CheckNames() {
    constexpr std::string_view kPrefix = "METRICS_";
    std::vector<std::string> names;  // without METRICS_, which would make all of them alike
    const auto add = [&](std::string_view backend, std::span<const OptionSpec> options) {
      for (const OptionSpec& spec : options) {
        names.push_back(VariableName(backend, spec.name).substr(kPrefix.size()));
      }
    };
    add("", GlobalOptions());
    for (const KnownBackend& backend : known_) add(backend.name, backend.options);

    const auto check = [&](const std::string& name, bool ours) {
      const bool prefixed = std::string_view(name).substr(0, kPrefix.size()) == kPrefix;
      if (!prefixed && !ours) return;
      const std::string_view rest =
          prefixed ? std::string_view(name).substr(kPrefix.size()) : std::string_view();
      if (std::find(names.begin(), names.end(), rest) != names.end()) return;
      const std::string_view near = NearMiss(rest, names);
      // The prefix is not ours alone: somebody else's variable is no problem.
      if (near.empty() && !ours) return;
      std::string trouble = "is not an option";
      if (const KnownBackend* const missing = LeftOut(rest)) {
        trouble = "is an option of a backend that is not built in (" +
                  std::string(missing->left_out_by) + "=OFF)";
      } else if (!near.empty()) {
        trouble += " (did you mean " + std::string(kPrefix) + std::string(near) + "?)";
      }
      problems_.Add(Subject(name, ours ? kFromOptions : std::string_view()), std::move(trouble),
                    "it is ignored");
    };
    for (const auto& [name, value] : environment_.variables()) check(name, /*ours=*/false);
    for (const auto& [name, value] : given_.settings()) check(name, /*ours=*/true);
  }

  // The backend of PUSHGATEWAY_URL, when the build left it out.
  const KnownBackend* LeftOut(std::string_view rest) const {
    for (const KnownBackend& backend : known_) {
      const std::string lower = LowerCase(rest.substr(0, rest.find('_')));
      if (!backend.left_out_by.empty() && lower == backend.name) return &backend;
    }
    return nullptr;
  }

  // --- backends ------------------------------------------------------------------------------

  // Whether `text` decides: it does not when it is OTEL_METRICS_EXPORTER and no name in it
  // is right.
  bool TakeBackends(const std::string& subject, std::string_view text, bool otel) {
    std::vector<std::string> accepted;
    for (const KnownBackend& backend : known_) {
      if (!backend.left_out_by.empty()) continue;
      if (!otel || IsStandardExporter(backend.name)) accepted.emplace_back(backend.name);
    }
    if (otel) accepted.emplace_back("none");

    std::vector<std::string> wrong;
    std::vector<std::string> taken;
    bool nothing = false;  // null or none
    for (const std::string& piece : SplitList(text)) {
      const std::string name = LowerCase(piece);
      if (name == (otel ? "none" : "null")) {
        nothing = true;
      } else if (std::find(accepted.begin(), accepted.end(), name) != accepted.end()) {
        if (std::find(taken.begin(), taken.end(), name) == taken.end()) taken.push_back(name);
      } else {
        wrong.push_back(WhyNot(piece, accepted));
      }
    }
    const bool decides = !otel || nothing || !taken.empty();
    const std::string instead =
        !decides        ? "it is ignored"
        : taken.empty() ? "null is used: nothing is exported"
                        : Joined(taken) + (taken.size() == 1 ? " is" : " are") + " used";
    for (std::string& trouble : wrong) problems_.Add(subject, text, std::move(trouble), instead);
    if (decides) result_.backends = std::move(taken);
    return decides;
  }

  std::string WhyNot(const std::string& piece, const std::vector<std::string>& accepted) const {
    std::string why = "names " + Quoted(piece) + ", which is ";
    for (const KnownBackend& backend : known_) {
      if (backend.name != LowerCase(piece) || backend.left_out_by.empty()) continue;
      return why + "not built in (" + std::string(backend.left_out_by) +
             "=OFF); accepted: " + Joined(accepted);
    }
    why += "no backend";
    const std::string_view near = NearMiss(piece, accepted);
    if (!near.empty()) why += " (did you mean " + std::string(near) + "?)";
    return why + "; accepted: " + Joined(accepted);
  }

  void SelectBackends(const BackendOptions& global) {
    const std::string text = Joined(global.List("backend"));
    const std::string source(text.empty() ? kFromDefault : global.Source("backend"));
    const auto exporter = environment_.Get(SpecOf(StandardVariable::kMetricsExporter).name);
    const bool exporter_decides = exporter && source != "METRICS_BACKEND";
    std::string_view from = kFromDefault;
    if (source == "METRICS_BACKEND") {
      TakeBackends(source, text, /*otel=*/false);
      from = source;
    } else if (exporter_decides && !OtelDisabled() &&
               TakeBackends("OTEL_METRICS_EXPORTER", *exporter, /*otel=*/true)) {
      from = "OTEL_METRICS_EXPORTER";
    } else if (source == kFromOptions) {
      TakeBackends(Subject("METRICS_BACKEND", source), text, /*otel=*/false);
      from = kFromOptions;
    } else if (exporter_decides && OtelDisabled()) {
      from = "OTEL_SDK_DISABLED";
    }
    Say("METRICS_BACKEND", result_.backends.empty() ? "null" : Joined(result_.backends), from);
  }

  bool OtelDisabled() {
    const auto text = environment_.Get(SpecOf(StandardVariable::kSdkDisabled).name);
    if (!text) return false;
    const std::string lower = LowerCase(Trimmed(*text));
    if (lower != "true" && lower != "false" && !disabled_reported_) {
      disabled_reported_ = true;
      problems_.Add("OTEL_SDK_DISABLED", *text, IsNot(StandardVariable::kSdkDisabled),
                    "false is used");
    }
    return lower == "true";
  }

  // --- identity ------------------------------------------------------------------------------

  void SelectIdentity() {
    Options& options = result_.options;
    StringPairs from_environment;
    std::string_view attributes_source =
        given_.resource_attributes().empty() ? kFromDefault : kFromOptions;
    if (const auto text = environment_.Get(SpecOf(StandardVariable::kResourceAttributes).name)) {
      if (auto pairs = ParsePairs(*text)) {
        from_environment = std::move(*pairs);
        attributes_source = "OTEL_RESOURCE_ATTRIBUTES";
      } else {
        problems_.Add("OTEL_RESOURCE_ATTRIBUTES", *text,
                      IsNot(StandardVariable::kResourceAttributes),
                      "all of its attributes are ignored");
      }
    }
    StringPairs attributes = given_.resource_attributes();
    for (const auto& [name, value] : from_environment) Put(attributes, name, value);

    // A setter of Options counts as much as an attribute given there, and is the more explicit.
    const auto pick = [&](const char* name, const std::string& given) {
      const std::string* const outside = Find(from_environment, name);
      if (outside != nullptr && !outside->empty()) {
        return std::pair(*outside, std::string_view("OTEL_RESOURCE_ATTRIBUTES"));
      }
      if (!given.empty()) return std::pair(given, kFromOptions);
      const std::string* const attribute = Find(attributes, name);
      return std::pair(attribute == nullptr ? std::string() : *attribute, kFromOptions);
    };
    auto [service, service_source] = pick("service.name", given_.service());
    if (const auto name = environment_.Get(SpecOf(StandardVariable::kServiceName).name)) {
      service = *name;
      service_source = "OTEL_SERVICE_NAME";
    }
    if (service.empty()) {
      service = UnknownService();
      service_source = kFromDefault;
    }
    options.Service(service);
    options.Version(pick("service.version", given_.version()).first);
    options.Instance(pick("service.instance.id", given_.instance()).first);
    Say("OTEL_SERVICE_NAME", service, service_source);
    Say("OTEL_RESOURCE_ATTRIBUTES", Joined(attributes), attributes_source);
    if (Find(attributes, "host.name") == nullptr) {
      if (std::string host = HostName(); !host.empty()) {
        attributes.emplace_back("host.name", std::move(host));
      }
    }
    if (Find(attributes, "process.pid") == nullptr) {
      attributes.emplace_back("process.pid", std::to_string(getpid()));
    }
    options.ResourceAttributes(std::move(attributes));
  }

  // --- labels, names, series -----------------------------------------------------------------

  void SelectLabels(const BackendOptions& global) {
    StringPairs labels = given_.const_labels();
    const std::string& source = global.Source("labels");
    for (const auto& [name, value] : global.Pairs("labels")) {
      if (IsLabelName(name, names_) && name != "le" && name != "quantile") {
        Put(labels, name, value);
      } else {
        problems_.Add(Subject("METRICS_LABELS", source), global.Text("labels"),
                      "names the label " + Quoted(name) + ", which is not " +
                          std::string(AcceptedLabelNames(names_)) +
                          " or is reserved (le, quantile, __*)",
                      "this label is left out");
      }
    }
    Say("METRICS_LABELS", Joined(labels),
        global.Pairs("labels").empty() && !labels.empty() ? kFromOptions
                                                          : std::string_view(source));
    result_.options.ConstLabels(std::move(labels));
  }

  void SelectPrefix(const BackendOptions& global) {
    result_.options.Prefix(global.Text("prefix"));
    Say("METRICS_PREFIX", global.Text("prefix"), global.Source("prefix"));
  }

  void SelectNames(const BackendOptions& global) {
    result_.options.Names(names_);
    Say("METRICS_NAME_VALIDATION", global.Text("name_validation"),
        global.Source("name_validation"));
  }

  void SelectBuckets(const BackendOptions& global) {
    const std::string& text = global.Text("buckets");
    const std::string& source = global.Source("buckets");
    for (const std::string& piece : SplitList(text, ';')) {
      const std::size_t equals = piece.find('=');
      const std::string family(Trimmed(std::string_view(piece).substr(0, equals)));
      std::vector<double> bounds;
      std::optional<NativeHistogramOptions> native;
      const bool bad_name = equals != std::string::npos && !IsMetricName(family, names_);
      bool right = equals != std::string::npos && !bad_name;
      for (const std::string& number :
           SplitList(right ? std::string_view(piece).substr(equals + 1) : std::string_view())) {
        if (const auto asked = ParseNative(number); asked && !native) {
          native = asked;
          continue;
        }
        const auto bound = ParseNumber(number);
        right = right && bound && (bounds.empty() || *bound > bounds.back());
        if (bound) bounds.push_back(*bound);
      }
      std::string trouble;
      if (bad_name) {
        trouble = "names the family " + Quoted(family) + ", where a name is " +
                  std::string(AcceptedMetricNames(names_)) + " and begins with no '__'";
      } else if (right && bounds.size() > kMostBounds) {
        trouble = "has " + std::to_string(bounds.size()) + " bounds for family " +
                  ShownName(family) + ", where at most " + std::to_string(kMostBounds) +
                  " are accepted";
      } else if (!right || (bounds.empty() && !native)) {
        trouble = "holds " + Quoted(piece) +
                  ", which is not family=0.1,0.5,1 with finite, ascending bounds, nor "
                  "family=native or family=native:SCHEMA with a schema of -4 to 8";
      }
      if (!trouble.empty()) {
        problems_.Add(Subject("METRICS_BUCKETS", source), text, std::move(trouble),
                      "this family keeps its own buckets");
      } else if (native) {
        result_.options.Buckets(family, *native, std::move(bounds));
      } else {
        result_.options.Buckets(family, std::move(bounds));  // the last one of a family wins
      }
    }
    Say("METRICS_BUCKETS", text,
        text.empty() && !given_.buckets().empty() ? kFromOptions : std::string_view(source));
  }

  void SelectSeries(const BackendOptions& global) {
    result_.options.SeriesLimit(static_cast<std::size_t>(global.Integer("series_limit")));
    Say("METRICS_SERIES_LIMIT", global.Text("series_limit"), global.Source("series_limit"));

    result_.options.SeriesWarning(static_cast<std::size_t>(global.Integer("series_warning")));
    Say("METRICS_SERIES_WARNING", global.Text("series_warning"), global.Source("series_warning"));

    result_.options.SeriesTtl(global.Duration("series_ttl"));
    Say("METRICS_SERIES_TTL", global.Text("series_ttl"), global.Source("series_ttl"));
  }

  // --- views ---------------------------------------------------------------------------------

  // What views call the application's own backends. Asked only when a view names a backend.
  std::vector<std::string> OwnBackendNames() const {
    std::vector<std::string> names;
    for (const auto& backend : given_.own_backends()) {
      if (backend == nullptr) continue;
      try {
        names.push_back(LowerCase(backend->Report().name));
      } catch (...) {  // it is left out when it is to start
      }
    }
    return names;
  }

  bool KnowsBackend(const std::string& name) const {
    if (name.empty() || std::any_of(known_.begin(), known_.end(), [&](const KnownBackend& backend) {
          return backend.name == name;
        })) {
      return true;
    }
    const std::vector<std::string> own = OwnBackendNames();
    return std::find(own.begin(), own.end(), name) != own.end();
  }

  std::string NoSuchBackend(const std::string& name) const {
    std::vector<std::string> names;
    for (const KnownBackend& backend : known_) names.emplace_back(backend.name);
    for (std::string& own : OwnBackendNames()) {
      if (!own.empty()) names.push_back(std::move(own));
    }
    std::string why = "names " + Quoted(name) + ", which is no backend";
    const std::string_view near = NearMiss(name, names);
    if (!near.empty()) why += " (did you mean " + std::string(near) + "?)";
    return why + "; accepted: " + Joined(names);
  }

  void SelectViews(const BackendOptions& global) {
    constexpr std::string_view kInstead = "this rule is left out";
    const std::string& text = global.Text("views");
    const std::string& source = global.Source("views");
    std::vector<BadView> bad;
    std::vector<View> views;
    for (View& view : ParseViews(text, bad)) {
      if (KnowsBackend(view.backend())) {
        views.push_back(std::move(view));
      } else {
        bad.push_back({ToText(view), NoSuchBackend(view.backend())});
      }
    }
    for (const BadView& one : bad) {
      problems_.Add(Subject("METRICS_VIEWS", source), one.rule, one.why, std::string(kInstead));
    }
    // What SelectBuckets has added is behind what the code gives.
    Configured::Set(result_.options,
                    {.buckets = result_.options.buckets().size() - given_.buckets().size(),
                     .views = views.size()});
    std::string shown = text;
    for (const View& view : given_.views()) {
      std::string trouble = CheckView(view);
      if (trouble.empty() && !KnowsBackend(view.backend())) trouble = NoSuchBackend(view.backend());
      if (!trouble.empty()) {
        problems_.Add("View in Options", ToText(view), std::move(trouble), std::string(kInstead));
        continue;
      }
      shown += (shown.empty() ? "" : "; ") + ToText(view);
      views.push_back(view);
    }
    result_.options.Views(std::move(views));
    Say("METRICS_VIEWS", shown, text.empty() && !shown.empty() ? kFromOptions : source);
  }

  void SelectExemplars(const BackendOptions& global) {
    const std::string& text = global.Choice("exemplars");
    result_.options.ExemplarFilter(ExemplarFilterOf(text));
    Say("METRICS_EXEMPLARS", text, global.Source("exemplars"));
  }

  void SelectSelf(const BackendOptions& global) {
    if (global.Source("self") != kFromDefault) result_.options.SelfMetrics(global.Bool("self"));
    Say("METRICS_SELF", global.Text("self"), global.Source("self"));
  }

  const Options& given_;
  const Environment& environment_;
  const std::vector<KnownBackend>& known_;
  Problems& problems_;
  Selection result_;
  NameValidation names_ = NameValidation::kLegacy;
  bool disabled_reported_ = false;
};

}  // namespace

Selection Select(const Options& options, const Environment& environment,
                 const std::vector<KnownBackend>& known, Problems& problems) {
  return Selector(options, environment, known, problems).Run();
}

}  // namespace detail
POLYMETER_END_NAMESPACE
