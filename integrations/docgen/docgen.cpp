// DocgenMetrics, and the words of the labels.
#include "polymeter/docgen.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "integrations/docgen/docgen_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

constexpr std::string_view kWarnings[] = {"undocumented",
                                          "undocumented_param",
                                          "unknown_param",
                                          "unresolved_reference",
                                          "unknown_command",
                                          "duplicate",
                                          "no_match",
                                          "syntax",
                                          "missing_file",
                                          "configuration",
                                          "graph",
                                          "error",
                                          "other"};
static_assert(std::size(kWarnings) == kDocgenWarningKinds);
constexpr std::string_view kPhases[] = {"searching", "parsing",      "resolving", "generating",
                                        "xml",       "other_output", "tools",     "other"};
static_assert(std::size(kPhases) == kDocgenPhases);
constexpr std::string_view kFormats[] = {"html", "xml", "latex", "rtf", "man", "docbook"};
static_assert(std::size(kFormats) == kDocgenFormats);

template <std::size_t N>
std::string_view Word(const std::string_view (&words)[N], std::size_t index) {
  return index < N ? words[index] : std::string_view("other");
}

const detail::FamilyRow& Row(detail::DocgenFamily family) {
  return detail::kDocgenFamilies[family];
}

std::string_view ToolLabel(std::string_view tool) {
  for (const std::string_view known : {"doxygen", "sphinx"}) {
    if (tool == known) return known;
  }
  return "other";
}

// Whether the warnings are all of them: those of another generator are not understood.
bool IsDoxygens(const DocgenRun& run, std::string_view tool) {
  if (tool == "doxygen" || run.unique_warnings() != 0 || run.phase_seconds) return true;
  return std::any_of(run.pages.begin(), run.pages.end(),
                     [](const auto& pages) { return pages.has_value(); });
}

}  // namespace

std::string_view LabelValue(DocgenWarning kind) noexcept {
  return Word(kWarnings, static_cast<std::size_t>(kind));
}
std::string_view LabelValue(DocgenPhase phase) noexcept {
  return Word(kPhases, static_cast<std::size_t>(phase));
}
std::string_view LabelValue(DocgenFormat format) noexcept {
  return Word(kFormats, static_cast<std::size_t>(format));
}

DocgenMetrics::DocgenMetrics(const Metrics& metrics) {
  using namespace detail;
  const auto options = [](DocgenFamily family) { return OptionsOf(Row(family)); };
  runs_ = metrics.Counter(Row(kDocgenRuns).name, Row(kDocgenRuns).help, {"tool", "result"},
                          options(kDocgenRuns));
  duration_ = metrics.Histogram(
      Row(kDocgenDuration).name, Row(kDocgenDuration).help,
      options(kDocgenDuration)
          .Buckets({std::begin(kDocgenDurationBounds), std::end(kDocgenDurationBounds)}));
  phases_ = metrics.Gauge(Row(kDocgenPhase).name, Row(kDocgenPhase).help, {"phase"},
                          options(kDocgenPhase));
  warnings_ = metrics.Gauge(Row(kDocgenWarnings).name, Row(kDocgenWarnings).help, {"kind"},
                            options(kDocgenWarnings));
  const std::vector<std::string> no_labels;
  repeated_ = metrics.Gauge(Row(kDocgenRepeated).name, Row(kDocgenRepeated).help, no_labels,
                            options(kDocgenRepeated));
  pages_ = metrics.Gauge(Row(kDocgenPages).name, Row(kDocgenPages).help, {"format"},
                         options(kDocgenPages));
  ratio_ = metrics.Gauge(Row(kDocgenRatio).name, Row(kDocgenRatio).help, no_labels,
                         options(kDocgenRatio));
  folded_ = metrics.Counter(Row(kDocgenFolded).name, Row(kDocgenFolded).help, {"label"},
                            options(kDocgenFolded));
}

void DocgenMetrics::Record(const DocgenRun& run) const noexcept {
  const std::string_view tool = ToolLabel(run.tool);
  if (tool == "other") folded_.With("tool").Increment();
  if (run.unknown_phases != 0) folded_.With("phase").Increment(run.unknown_phases);
  runs_.With(tool, run.succeeded ? "ok" : "failed").Increment();
  duration_.Observe(run.duration);
  if (IsDoxygens(run, tool)) {
    // Every kind, so that one that was mended goes to 0.
    for (std::size_t i = 0; i < kDocgenWarningKinds; ++i) {
      warnings_.With(kWarnings[i]).Set(run.warnings[i]);
    }
    repeated_.With().Set(run.repeated_warnings);
  } else {
    warnings_.RemoveAll();
    repeated_.RemoveAll();
  }
  if (run.phase_seconds) {
    for (std::size_t i = 0; i < kDocgenPhases; ++i) {
      phases_.With(kPhases[i]).Set((*run.phase_seconds)[i]);
    }
  } else {
    phases_.RemoveAll();
  }
  for (std::size_t i = 0; i < kDocgenFormats; ++i) {
    if (run.pages[i]) {
      pages_.With(kFormats[i]).Set(*run.pages[i]);
    } else {
      pages_.Remove(kFormats[i]);
    }
  }
  if (run.documented_ratio) {
    ratio_.With().Set(*run.documented_ratio);
  } else {
    ratio_.RemoveAll();
  }
}

POLYMETER_END_NAMESPACE
