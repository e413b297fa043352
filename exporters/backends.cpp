// The composition root: the one place that knows every backend. A new backend is a folder under
// exporters/ that exports <Name>BackendInfo(), and a line in the table here.
#include "exporters/backends.h"

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "polymeter/polymeter.h"
#include "sdk/src/log.h"
#include "sdk/src/option_spec.h"
#include "sdk/src/selection.h"

// The table: row(its name in METRICS_BACKEND, the word in <Word>BackendInfo(), the build option).
// The build defines each option as 1 or 0; a row whose option is 0 is only known by name.
// clang-format off
#define POLYMETER_BACKENDS(row) \
  row(prometheus, Prometheus, POLYMETER_WITH_PROMETHEUS) \
  row(otlp, Otlp, POLYMETER_WITH_OTLP) \
  row(statsd, Statsd, POLYMETER_WITH_STATSD) \
  row(console, Console, POLYMETER_WITH_PROMETHEUS) \
  row(json, Json, POLYMETER_WITH_JSON) \
  row(jsonl, Jsonl, POLYMETER_WITH_JSON) \
  row(csv, Csv, POLYMETER_WITH_CSV) \
  row(pushgateway, Pushgateway, POLYMETER_WITH_PUSHGATEWAY)

#define POLYMETER_DECLARE_IF_0(Word)
#define POLYMETER_DECLARE_IF_1(Word) const BackendInfo& Word##BackendInfo();
#define POLYMETER_INFO_IF_0(Word) nullptr
#define POLYMETER_INFO_IF_1(Word) &Word##BackendInfo()
#define POLYMETER_IF(What, on, Word) POLYMETER_##What##_IF_##on(Word)
#define POLYMETER_DECLARE(name, Word, option) POLYMETER_IF(DECLARE, option, Word)
#define POLYMETER_ROW(name, Word, option) {#name, POLYMETER_IF(INFO, option, Word), #option},
// clang-format on

POLYMETER_BEGIN_NAMESPACE
namespace detail {

POLYMETER_BACKENDS(POLYMETER_DECLARE)

namespace {

// `null` has no folder: it exports nothing, so that a Metrics with no other backend and no
// consumer records nothing.
constexpr BackendInfo kNull{.name = "null", .options = {}};

// Backends are made once for the problems that this shows, and handed over to the core; made anew
// only by RestartAfterFork.
class BackendMaker {
 public:
  BackendMaker(const Options& options, const Outside& outside)
      : set_(options.settings()), outside_(std::make_unique<Outside>(outside)) {
    outside_->service = options.service();
  }

  void Add(const BackendInfo& info, const Environment& environment, Problems& problems,
           std::vector<Setting>& settings) {
    BackendOptions options = ResolveOptions(info.name, info.options, environment, set_, problems);
    for (Setting& setting : options.Describe()) settings.push_back(std::move(setting));
    if (info.make == nullptr) return;
    auto made = info.make(options, *outside_);
    if (!made || made.value() == nullptr) {
      problems.Add("backend " + std::string(info.name), "cannot be made: " + made.message(),
                   "it is left out");
      return;
    }
    first_.push_back(std::move(made.value()));
    parts_.push_back({&info, std::move(options)});
  }

  std::vector<std::shared_ptr<Backend>> Make() {
    if (!first_.empty()) return std::exchange(first_, {});
    std::vector<std::shared_ptr<Backend>> backends;
    for (const auto& [info, options] : parts_) {
      auto made = info->make(options, *outside_);
      if (made) backends.push_back(std::move(made.value()));
    }
    return backends;
  }

  std::vector<PortabilityNote> CheckPortability(const FamilyDescription& family) const {
    std::vector<PortabilityNote> notes;
    for (const auto& [info, options] : parts_) {
      if (info->portability == nullptr) continue;
      for (PortabilityNote& note : info->portability(family, options)) {
        notes.push_back(std::move(note));
      }
    }
    return notes;
  }

 private:
  struct Part {
    const BackendInfo* info;
    BackendOptions options;
  };
  StringPairs set_;
  const std::unique_ptr<Outside> outside_;
  std::vector<std::shared_ptr<Backend>> first_;
  std::vector<Part> parts_;
};

std::vector<KnownBackend> Known(std::span<const TableRow> table) {
  std::vector<KnownBackend> known;
  for (const TableRow& row : table) {
    if (row.info != nullptr) {
      known.push_back({row.name, row.info->options, {}});
    } else {
      known.push_back({row.name, {}, row.build_option});
    }
  }
  return known;
}

const BackendInfo* FindRow(std::span<const TableRow> table, std::string_view name) {
  for (const TableRow& row : table) {
    if (row.name == name) return row.info;
  }
  return nullptr;
}

Configuration ConfigureBuiltIn(const Options& options, const Environment& environment) {
  return Configure(options, environment, BackendTable(), std::make_shared<Outside>());
}

Metrics Start(Configuration configuration) {
  if (!configuration.problems.empty()) {
    Logger(configuration.core.options.log())
        .Log(LogLevel::kWarning, configuration.problems.Message());
  }
  return CoreAccess::Make(std::move(configuration.core));
}

}  // namespace

std::span<const TableRow> BackendTable() {
  static const TableRow kTable[] = {{"null", &kNull, {}}, POLYMETER_BACKENDS(POLYMETER_ROW)};
  return kTable;
}

Configuration Configure(const Options& options, const Environment& environment,
                        std::span<const TableRow> table, std::shared_ptr<Outside> outside) {
  Configuration configuration;
  Selection selection = Select(options, environment, Known(table), configuration.problems);
  configuration.strict = selection.strict;
  configuration.core.settings = std::move(selection.settings);
  const auto maker = std::make_shared<BackendMaker>(selection.options, *outside);
  for (const std::string& name : selection.backends) {
    maker->Add(*FindRow(table, name), environment, configuration.problems,
               configuration.core.settings);
  }
  configuration.core.options = std::move(selection.options);
  configuration.core.make_backends = [maker] { return maker->Make(); };
  configuration.core.check_portability = [maker](const FamilyDescription& family) {
    return maker->CheckPortability(family);
  };
  return configuration;
}

}  // namespace detail

Result<Metrics> TryFromEnvironment(const Options& options) {
  auto configuration = detail::ConfigureBuiltIn(options, detail::Environment::OfProcess());
  if (configuration.strict && !configuration.problems.empty()) {
    return Status::Error(configuration.problems.Message());
  }
  return detail::Start(std::move(configuration));
}

Metrics FromEnvironment(const Options& options) {
  auto configuration = detail::ConfigureBuiltIn(options, detail::Environment::OfProcess());
  if (configuration.strict && !configuration.problems.empty()) {
    throw std::invalid_argument(configuration.problems.Message());
  }
  return detail::Start(std::move(configuration));
}

Metrics FromEnvironment(std::string service) {
  return FromEnvironment(Options().Service(std::move(service)));
}

Metrics Build(const Options& options) {
  return detail::Start(detail::ConfigureBuiltIn(options, detail::Environment()));
}

Result<Metrics> TryBuild(const Options& options) {
  auto configuration = detail::ConfigureBuiltIn(options, detail::Environment());
  if (!configuration.problems.empty()) return Status::Error(configuration.problems.Message());
  return detail::Start(std::move(configuration));
}

POLYMETER_END_NAMESPACE
