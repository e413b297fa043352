#include "polymeter/lint.h"

#include <algorithm>
#include <set>
#include <utility>

#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// --- units -----------------------------------------------------------------------------------

// A unit, and the one to use instead.
constexpr std::pair<std::string_view, std::string_view> kLintUnits[] = {
    {"amperes", "amperes"},    {"bytes", "bytes"},   {"celsius", "celsius"}, {"grams", "grams"},
    {"joules", "joules"},      {"kelvin", "kelvin"}, {"meters", "meters"},   {"metres", "metres"},
    {"seconds", "seconds"},    {"volts", "volts"},   {"minutes", "seconds"}, {"hours", "seconds"},
    {"days", "seconds"},       {"weeks", "seconds"}, {"kelvins", "kelvin"},  {"rankine", "celsius"},
    {"fahrenheit", "celsius"}, {"inches", "meters"}, {"yards", "meters"},    {"miles", "meters"},
    {"bits", "bytes"},         {"pounds", "grams"},  {"ounces", "grams"},    {"calories", "joules"},
};
// "mibi" stands in promtool's list where the word is "mebi".
constexpr std::string_view kUnitPrefixes[] = {
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi",
    "mega", "mibi", "mebi",  "giga",  "gibi",  "tera", "tebi", "peta",  "pebi"};
constexpr std::string_view kAbbreviations[] = {"s",  "ms", "us", "ns", "sec", "b", "kb",
                                               "mb", "gb", "tb", "pb", "m",   "h", "d"};
constexpr std::string_view kTypeWords[] = {"counter", "gauge", "histogram", "summary",
                                           "gauge_histogram"};

// What to write instead of `word`; empty when it is no unit or a base unit.
std::string_view BaseUnit(std::string_view word) {
  for (const auto& [unit, base] : kLintUnits) {
    if (word.size() < unit.size() || word.substr(word.size() - unit.size()) != unit) continue;
    const std::string_view prefix = word.substr(0, word.size() - unit.size());
    if (prefix.empty() && unit == base) continue;
    if (prefix.empty() || std::find(std::begin(kUnitPrefixes), std::end(kUnitPrefixes), prefix) !=
                              std::end(kUnitPrefixes)) {
      return base;
    }
  }
  return {};
}

// --- names -----------------------------------------------------------------------------------

bool HasEnding(std::string_view name, std::string_view ending) noexcept {
  return name.size() >= ending.size() && name.substr(name.size() - ending.size()) == ending;
}

bool IsCamelCase(std::string_view name) noexcept {
  for (std::size_t i = 1; i < name.size(); ++i) {
    if (name[i - 1] >= 'a' && name[i - 1] <= 'z' && name[i] >= 'A' && name[i] <= 'Z') return true;
  }
  return false;
}

// Whether `_word` stands in the name, at its end or before another '_'.
bool HasWord(const std::string& name, std::string_view word) {
  const std::string at_end = "_" + std::string(word);
  return HasEnding(name, at_end) || name.find(at_end + "_") != std::string::npos;
}

std::vector<std::string_view> WordsOf(std::string_view name) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t end = name.find('_');
    words.push_back(name.substr(0, end));
    if (end == std::string_view::npos) return words;
    name.remove_prefix(end + 1);
  }
}

// Every name of a label in the family.
std::set<std::string_view> LabelNamesOf(const FamilyView& family) {
  std::set<std::string_view> names;
  std::visit(
      [&](const auto& points) {
        for (const auto& point : points) {
          VisitLabels(family, point.series,
                      [&](std::string_view name, std::string_view) { names.insert(name); });
        }
      },
      family.points);
  return names;
}

// What Prometheus sees: an info `build` is the series build_info.
std::string ExposedName(const FamilyView& family) {
  std::string name(family.name);
  if (family.type() == MetricType::kInfo && !HasEnding(name, "_info")) name += "_info";
  return name;
}

// --- rules -----------------------------------------------------------------------------------

class FamilyLint {
 public:
  FamilyLint(const FamilyView& family, std::vector<LintProblem>& problems)
      : family_(family),
        name_(ExposedName(family)),
        // In the text format an info is a gauge.
        type_(family.type() == MetricType::kInfo ? MetricType::kGauge : family.type()),
        lower_(LowerCase(name_)),
        problems_(problems) {}

  void Check() {
    if (family_.help.empty()) Report("help", "has no help text");
    CheckTotal();
    CheckUnits();
    CheckTypeInName();
    CheckReserved();
    if (name_.find(':') != std::string::npos) {
      Report("colon", "has a ':', which is for recording rules");
    }
    CheckCamelCase();
    CheckOwnRules();
  }

 private:
  void Report(std::string_view rule, std::string message) {
    problems_.push_back({name_, rule, std::move(message)});
  }

  void CheckTotal() {
    const bool total = HasEnding(name_, "_total");
    if (type_ == MetricType::kCounter && !total) {
      Report("counter_total", "is a counter; call it " + name_ + "_total");
    } else if (type_ != MetricType::kCounter && type_ != MetricType::kUnknown && total) {
      Report("total_suffix",
             "ends in _total, which is for counters, and is a " + std::string(ToString(type_)));
    }
  }

  void CheckUnits() {
    for (const std::string_view word : WordsOf(name_)) {
      const std::string_view base = BaseUnit(word);
      if (base.empty()) continue;
      Report("base_unit", "is in " + std::string(word) + "; record in " + std::string(base));
      break;
    }
    for (const std::string_view word : kAbbreviations) {
      if (!HasWord(lower_, word)) continue;
      Report("abbreviated", "has the abbreviation _" + std::string(word) +
                                "; write the unit out, as seconds or bytes");
      break;
    }
  }

  void CheckTypeInName() {
    for (const std::string_view word : kTypeWords) {
      if (!HasWord(lower_, word)) continue;
      Report("type_in_name", "has the type " + std::string(word) + " in its name; leave it out");
      break;
    }
  }

  void CheckReserved() {
    if (type_ == MetricType::kUnknown) return;
    const bool histogram = type_ == MetricType::kHistogram;
    const bool summary = type_ == MetricType::kSummary;
    for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
      const bool own = histogram || (summary && suffix != "_bucket");
      if (own || !HasEnding(name_, suffix)) continue;
      Report("reserved_suffix", "ends in " + std::string(suffix) +
                                    ", as a sample of a histogram does, and is a " +
                                    std::string(ToString(type_)));
    }
    const auto labels = LabelNamesOf(family_);
    if (!histogram && labels.count("le") != 0) {
      Report("reserved_label", "has the label le, which is for histograms");
    }
    // One report of a rule for each family.
    if (!summary && labels.count("quantile") != 0 && (histogram || labels.count("le") == 0)) {
      Report("reserved_label", "has the label quantile, which is for summaries");
    }
  }

  void CheckCamelCase() {
    if (IsCamelCase(name_)) {
      Report("camel_case", "is written in camelCase; use snake_case");
      return;
    }
    for (const std::string_view label : LabelNamesOf(family_)) {
      if (!IsCamelCase(label)) continue;
      Report("camel_case", "has the label " + std::string(label) + " in camelCase; use snake_case");
      break;
    }
  }

  void CheckOwnRules() {
    std::string_view base = name_;
    if (HasEnding(base, "_total")) base.remove_suffix(6);
    if (!family_.unit.empty() && !HasEnding(base, "_" + std::string(family_.unit))) {
      Report("unit_suffix", "has the unit " + std::string(family_.unit) + " and does not end in _" +
                                std::string(family_.unit));
    }
    if (HasEnding(name_, "_created")) {
      Report("created_suffix", "ends in _created, which OpenMetrics writes for counters itself");
    }
  }

  const FamilyView& family_;
  const std::string name_;
  const MetricType type_;
  const std::string lower_;
  std::vector<LintProblem>& problems_;
};

}  // namespace
}  // namespace detail

LintReport Lint(const Snapshot& snapshot) {
  LintReport report;
  for (const FamilyView& family : snapshot.families()) {
    detail::FamilyLint(family, report.problems).Check();
  }
  return report;
}

LintReport Lint(const Metrics& metrics) { return Lint(metrics.TakeSnapshot()); }

std::string LintReport::ToText() const {
  std::string out;
  for (const LintProblem& problem : problems) {
    out += problem.family + ": " + std::string(problem.rule) + ": " + problem.family + " " +
           problem.message + "\n";
  }
  return out;
}

POLYMETER_END_NAMESPACE
