#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "integrations/build/build_families.h"
#include "integrations/build/label_list.h"
#include "polymeter/build.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr double kMostSeconds = 1e9;  // 32 years

template <std::size_t N>
CounterFamily<N> MakeCounter(const Metrics& metrics, BuildFamily family,
                             const char* const (&labels)[N]) {
  const FamilyRow& row = kBuildFamilies[family];
  return metrics.Counter(row.name, row.help, labels, OptionsOf(row));
}
GaugeFamily<1> MakeGauge(const Metrics& metrics, BuildFamily family,
                         const char* const (&labels)[1]) {
  const FamilyRow& row = kBuildFamilies[family];
  return metrics.Gauge(row.name, row.help, labels, OptionsOf(row));
}
HistogramFamily<2> MakeHistogram(const Metrics& metrics, BuildFamily family,
                                 const char* const (&labels)[2],
                                 const std::vector<double>& bounds) {
  const FamilyRow& row = kBuildFamilies[family];
  return metrics.Histogram(row.name, row.help, labels, OptionsOf(row).Buckets(bounds));
}

// "1" to "10"
std::string Rank(std::size_t index) { return std::to_string(index + 1); }

}  // namespace

struct BuildMetricsState {
  BuildMetricsState(const Metrics& metrics, const BuildMetricsOptions& options);

  void Observe(const BuildSummary& build) const;
  void ObserveSteps(const BuildSummary& build) const;
  void SetSlowest(const BuildSummary& build) const;

  // The value, or nothing, counted, where it cannot be.
  std::optional<double> Usable(std::optional<double> value) const noexcept {
    if (!value || (*value >= 0 && *value <= kMostSeconds)) return value;
    input_errors.With("summary").Increment();
    return std::nullopt;
  }
  static void SetOrRemove(const GaugeFamily<1>& family, std::string_view label,
                          std::optional<double> value) noexcept {
    if (value) {
      family.With(label).Set(*value);
    } else {
      family.Remove(label);
    }
  }

  const CounterFamily<2> runs;
  const HistogramFamily<2> duration;
  const CounterFamily<2> steps;
  const HistogramFamily<2> step_duration;
  const GaugeFamily<1> parallelism;
  const GaugeFamily<1> critical_path;
  const GaugeFamily<1> peak_rss;
  const CounterFamily<2> cache_requests;
  const CounterFamily<1> compile_phase;
  const GaugeFamily<1> slowest_step;
  const CounterFamily<1> input_errors;
  const CounterFamily<1> folded;

  const build::LabelList tools;
  const build::LabelList results;
  const build::LabelList kinds;
  const build::LabelList step_results;
  const build::LabelList languages;
  const build::LabelList caches;
  const build::LabelList cache_results;
  const build::LabelList inputs;
};

BuildMetricsState::BuildMetricsState(const Metrics& metrics, const BuildMetricsOptions& options)
    : runs(MakeCounter(metrics, kBuildRuns, {"tool", "result"})),
      duration(
          MakeHistogram(metrics, kBuildDuration, {"tool", "result"}, options.duration_buckets())),
      steps(MakeCounter(metrics, kBuildSteps, {"kind", "result"})),
      step_duration(
          MakeHistogram(metrics, kBuildStepDuration, {"kind", "language"}, options.step_buckets())),
      parallelism(MakeGauge(metrics, kBuildParallelism, {"tool"})),
      critical_path(MakeGauge(metrics, kBuildCriticalPath, {"tool"})),
      peak_rss(MakeGauge(metrics, kBuildPeakRss, {"tool"})),
      cache_requests(MakeCounter(metrics, kBuildCacheRequests, {"cache", "result"})),
      compile_phase(MakeCounter(metrics, kBuildCompilePhase, {"phase"})),
      slowest_step(MakeGauge(metrics, kBuildSlowestStep, {"rank"})),
      input_errors(MakeCounter(metrics, kBuildInputErrors, {"input"})),
      folded(MakeCounter(metrics, kBuildLabelsFolded, {"label"})),
      tools({"ninja", "make", "cmake", "meson", "bazel", "scons", "cargo"}, folded.With("tool"),
            options.tools()),
      results({"success", "failure", "cancellation", "error"}, folded.With("result")),
      kinds({"compile", "link", "archive", "custom"}, folded.With("kind")),
      step_results({"ok", "failed", "cached"}, folded.With("result")),
      languages({"c", "cxx", "objc", "objcxx", "cuda", "hip", "fortran", "assembly", "rust",
                 "swift", "go"},
                folded.With("language"), options.languages()),
      caches({"ccache", "sccache"}, folded.With("cache"), options.caches()),
      cache_results({"direct_hit", "preprocessed_hit", "miss", "uncacheable", "error"},
                    folded.With("result")),
      inputs({"ninja_log", "ninja_output", "ninja_graph", "compdb", "time_trace", "ccache_log",
              "proc_stat_report", "steps", "summary"},
             folded.With("input")) {}

void BuildMetricsState::Observe(const BuildSummary& build) const {
  const std::string_view tool = tools.Fold(build.tool);
  const std::string_view result = results.Fold(build.result);
  runs.With(tool, result).Increment();
  if (const auto wall = Usable(build.wall_seconds)) duration.With(tool, result).Observe(*wall);

  ObserveSteps(build);
  SetSlowest(build);
  const double ratio = build.parallelism();
  SetOrRemove(parallelism, tool, std::isfinite(ratio) ? std::optional(ratio) : std::nullopt);
  SetOrRemove(critical_path, tool, Usable(build.critical_path_seconds));
  SetOrRemove(peak_rss, tool,
              build.peak_rss_bytes ? std::optional(static_cast<double>(*build.peak_rss_bytes))
                                   : std::nullopt);

  for (const BuildCacheRequests& one : build.cache) {
    cache_requests.With(caches.Fold(one.cache), cache_results.Fold(one.result))
        .Increment(one.requests);
  }
  if (build.phase_units > 0) {
    const auto add = [&](std::string_view phase, double seconds) {
      if (const auto usable = Usable(seconds)) compile_phase.With(phase).Increment(*usable);
    };
    add("frontend", build.phases.frontend_seconds);
    add("backend", build.phases.backend_seconds);
    add("source", build.phases.source_seconds);
    add("template", build.phases.template_seconds);
  }
  for (const BuildInputErrors& one : build.input_errors) {
    input_errors.With(inputs.Fold(one.input)).Increment(one.errors);
  }
}

void BuildMetricsState::ObserveSteps(const BuildSummary& build) const {
  for (const BuildStep& step : build.steps) {
    const std::string_view kind = kinds.Fold(step.kind);
    steps.With(kind, step_results.Fold(step.result)).Increment();
    if (const auto seconds = Usable(step.seconds)) {
      step_duration.With(kind, languages.Fold(step.language)).Observe(*seconds);
    }
  }
}

void BuildMetricsState::SetSlowest(const BuildSummary& build) const {
  const std::vector<const BuildStep*> slowest = build.slowest_steps(kBuildSlowestRanks);
  for (std::size_t i = 0; i < kBuildSlowestRanks; ++i) {
    SetOrRemove(slowest_step, Rank(i), i < slowest.size() ? slowest[i]->seconds : std::nullopt);
  }
}

}  // namespace detail

BuildMetrics::BuildMetrics(const Metrics& metrics, const BuildMetricsOptions& options)
    : state_(metrics.recording() ? std::make_shared<detail::BuildMetricsState>(metrics, options)
                                 : nullptr) {}

void BuildMetrics::Observe(const BuildSummary& build) const noexcept {
  if (state_ == nullptr) return;
  try {
    state_->Observe(build);
  } catch (...) {
    // No memory for it: the build is over, and so its numbers are lost.
  }
}

POLYMETER_END_NAMESPACE
