#include "integrations/build/baseline.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "integrations/build/printed.h"
#include "integrations/build/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

struct Unit {
  std::string_view text;
  std::string_view of;  // the unit of the measures that take it
  double factor;
};
constexpr Unit kUnits[] = {
    {"ms", "s", 1e-3}, {"s", "s", 1},      {"min", "s", 60},        {"h", "s", 3600},
    {"B", "B", 1},     {"KiB", "B", 1024}, {"MiB", "B", 1048576.0}, {"GiB", "B", 1073741824.0},
    {"kB", "B", 1e3},  {"MB", "B", 1e6},   {"GB", "B", 1e9},
};

Status Wrong(std::string_view text, const std::string& why) {
  return Status::Error("`" + Printed(text) + "` is no limit: " + why);
}

const MeasureRow* FindMeasure(std::string_view name) {
  for (const MeasureRow& row : Measures()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string NamesOfMeasures() {
  std::string names;
  for (const MeasureRow& row : Measures()) {
    names.append(names.empty() ? "" : ", ").append(row.name);
  }
  return names;
}

// The steps that ran in both and went through, with the same result.
struct CommonStep {
  const BuildStep* before;
  const BuildStep* now;
};

struct Matched {
  std::vector<CommonStep> common;
  std::uint64_t only_before = 0;
  std::uint64_t only_now = 0;
};

bool Counts(const BuildStep& step) { return step.result != "failed" && step.seconds.has_value(); }

Matched Match(const BuildSummary& before, const BuildSummary& now) {
  std::unordered_map<std::string_view, const BuildStep*> earlier;
  for (const BuildStep& step : before.steps) earlier.emplace(step.name, &step);
  Matched matched;
  std::size_t found = 0;
  for (const BuildStep& step : now.steps) {
    const auto at = earlier.find(step.name);
    if (at == earlier.end() || at->second == nullptr) {
      ++matched.only_now;
      continue;
    }
    ++found;
    const BuildStep& then = *std::exchange(at->second, nullptr);
    if (Counts(then) && Counts(step) && then.kind == step.kind && then.result == step.result) {
      matched.common.push_back({&then, &step});
    }
  }
  matched.only_before = before.steps.size() - found;
  return matched;
}

using Value = std::optional<double>;

// A measure of one build by itself.
Value ValueOf(std::string_view measure, const BuildSummary& build) {
  if (measure == "wall") return build.wall_seconds;
  if (measure == "cpu") {
    if (!build.cpu_user_seconds && !build.cpu_system_seconds) return std::nullopt;
    return build.cpu_user_seconds.value_or(0) + build.cpu_system_seconds.value_or(0);
  }
  if (measure == "work") return build.step_seconds();
  if (measure == "critical_path") return build.critical_path_seconds;
  if (measure == "slowest") {
    const auto slowest = build.slowest_steps(1);
    return slowest.empty() ? Value() : slowest.front()->seconds;
  }
  if (measure == "parallelism") return build.parallelism();
  if (measure == "peak_rss") {
    if (!build.peak_rss_bytes) return std::nullopt;
    return static_cast<double>(*build.peak_rss_bytes);
  }
  if (measure == "steps") return static_cast<double>(build.steps.size());
  if (measure == "failed") return static_cast<double>(build.failed_steps());
  if (measure == "cache_hits") return build.cache_hit_ratio();
  if (StartsWith(measure, "phase:") && build.phase_units > 0) {
    const auto units = static_cast<double>(build.phase_units);
    if (measure == "phase:frontend") return build.phases.frontend_seconds / units;
    if (measure == "phase:backend") return build.phases.backend_seconds / units;
    if (measure == "phase:source") return build.phases.source_seconds / units;
    if (measure == "phase:template") return build.phases.template_seconds / units;
  }
  return std::nullopt;
}

// Time of the steps that both builds ran, of one kind or (empty) all.
std::pair<Value, Value> StepValues(std::string_view kind, const Matched& matched) {
  double before = 0;
  double now = 0;
  bool any = false;
  for (const CommonStep& step : matched.common) {
    if (!kind.empty() && step.now->kind != kind) continue;
    any = true;
    before += *step.before->seconds;
    now += *step.now->seconds;
  }
  if (!any) return {};
  return {before, now};
}

std::pair<Value, Value> ValuesOf(std::string_view measure, const BuildSummary& before,
                                 const BuildSummary& now, const Matched& matched) {
  if (measure == "step") return StepValues("", matched);
  if (StartsWith(measure, "step:")) return StepValues(measure.substr(5), matched);
  return {ValueOf(measure, before), ValueOf(measure, now)};
}

std::vector<BuildStepChange> Slower(const Matched& matched) {
  constexpr std::size_t kMost = 10;
  std::vector<BuildStepChange> slower;
  for (const CommonStep& step : matched.common) {
    if (*step.now->seconds <= *step.before->seconds) continue;
    slower.push_back({step.now->name, step.now->kind, *step.before->seconds, *step.now->seconds});
  }
  const auto end = slower.begin() + static_cast<std::ptrdiff_t>(std::min(kMost, slower.size()));
  std::partial_sort(slower.begin(), end, slower.end(),
                    [](const BuildStepChange& a, const BuildStepChange& b) {
                      return std::forward_as_tuple(b.now - b.before, a.name) <
                             std::forward_as_tuple(a.now - a.before, b.name);
                    });
  slower.erase(end, slower.end());
  return slower;
}

std::string PrintedValue(double value, std::string_view unit) {
  if (unit == "s") return PrintedSeconds(value);
  if (unit == "B") return PrintedBytes(value);
  return Fixed(value, value == std::floor(value) ? 0 : 2);
}

std::string_view UnitOf(std::string_view measure) {
  const MeasureRow* const row = FindMeasure(measure);
  return row == nullptr ? std::string_view() : row->unit;
}
std::string_view MeasureOf(std::string_view limit) {
  return limit.substr(0, limit.find_first_of("<>"));
}

}  // namespace

const std::vector<MeasureRow>& Measures() {
  static const std::vector<MeasureRow> rows = {
      {"wall", "s"},           {"cpu", "s"},           {"work", "s"},
      {"critical_path", "s"},  {"slowest", "s"},       {"parallelism", ""},
      {"peak_rss", "B"},       {"steps", ""},          {"failed", ""},
      {"cache_hits", ""},      {"step", "s"},          {"step:compile", "s"},
      {"step:link", "s"},      {"step:archive", "s"},  {"step:custom", "s"},
      {"phase:frontend", "s"}, {"phase:backend", "s"}, {"phase:source", "s"},
      {"phase:template", "s"},
  };
  return rows;
}

Result<Limit> ParseLimit(std::string_view text) {
  Limit limit;
  limit.text = text;
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string_view::npos) return Wrong(text, "it has no < or >");
  limit.above = text[at] == '>';
  limit.measure = text.substr(0, at);
  const MeasureRow* const measure = FindMeasure(limit.measure);
  if (measure == nullptr) {
    return Wrong(text, "the measure is one of " + NamesOfMeasures());
  }

  std::string_view amount = text.substr(at + 1);
  if (!amount.empty() && (amount.front() == '+' || amount.front() == '-')) {
    if ((amount.front() == '+') != limit.above) {
      return Wrong(text, "a change above is +, one below is -");
    }
    limit.kind = Limit::kChange;
    amount.remove_prefix(1);
  }
  if (amount.empty() || amount.front() < '0' || amount.front() > '9') {
    return Wrong(text, "no number behind the < or >");
  }
  const auto [end, error] = std::from_chars(amount.data(), amount.data() + amount.size(),
                                            limit.amount, std::chars_format::fixed);
  if (error != std::errc()) return Wrong(text, "the number is out of range");
  amount.remove_prefix(static_cast<std::size_t>(end - amount.data()));

  if (amount == "%") {
    limit.kind = Limit::kPercent;
    return limit;
  }
  if (amount.empty()) return limit;
  for (const Unit& unit : kUnits) {
    if (unit.text == amount && unit.of == measure->unit) {
      limit.amount *= unit.factor;
      return limit;
    }
  }
  return Wrong(text, measure->unit == "s"   ? "units of time are ms, s, min, h, and %"
                     : measure->unit == "B" ? "units of memory are B, KiB, MiB, GiB, kB, MB, GB, "
                                              "and %"
                                            : "this measure has no unit but %");
}

BuildVerdict Judge(const Limit& limit, std::optional<double> before, std::optional<double> now) {
  if (!now || (!before && limit.kind != Limit::kValue)) return BuildVerdict::kUnknown;
  const double sign = limit.above ? 1 : -1;
  double bound = limit.amount;
  if (limit.kind == Limit::kPercent) bound = *before * (1 + sign * limit.amount / 100);
  if (limit.kind == Limit::kChange) bound = *before + sign * limit.amount;
  return sign * (*now - bound) > 0 ? BuildVerdict::kExceeded : BuildVerdict::kKept;
}

}  // namespace build
}  // namespace detail

Status CheckBuildLimit(std::string_view limit) { return detail::build::ParseLimit(limit).status(); }

bool BuildComparison::regressed() const noexcept {
  return std::any_of(limits.begin(), limits.end(), [](const BuildLimitResult& limit) {
    return limit.verdict == BuildVerdict::kExceeded;
  });
}

Result<BuildComparison> CompareBuilds(const BuildSummary& before, const BuildSummary& now,
                                      const std::vector<std::string>& limits) {
  namespace build = detail::build;
  const build::Matched matched = build::Match(before, now);
  BuildComparison comparison;
  for (const std::string& text : limits) {
    Result<build::Limit> limit = build::ParseLimit(text);
    if (!limit) return limit.status();
    const auto [then, today] = build::ValuesOf(limit->measure, before, now, matched);
    comparison.limits.push_back({text, build::Judge(*limit, then, today), then, today});
  }
  for (const build::MeasureRow& row : build::Measures()) {
    const auto [then, today] = build::ValuesOf(row.name, before, now, matched);
    if (then && today) {
      comparison.changes.push_back({std::string(row.name), std::string(row.unit), *then, *today});
    }
  }
  comparison.common_steps = matched.common.size();
  comparison.steps_only_before = matched.only_before;
  comparison.steps_only_now = matched.only_now;
  comparison.slower = build::Slower(matched);
  return comparison;
}

std::string FormatBuildComparison(const BuildComparison& comparison) {
  using namespace detail::build;
  std::string text = "compared with the baseline: " + std::to_string(comparison.common_steps) +
                     " common steps, " + std::to_string(comparison.steps_only_before) +
                     " only there, " + std::to_string(comparison.steps_only_now) + " only here\n";
  if (comparison.steps_only_before + comparison.steps_only_now > comparison.common_steps) {
    text += "  the builds did different work: only step measures compare like with like\n";
  }
  text += "\n  measure              before           now      change\n";
  for (const BuildChange& change : comparison.changes) {
    text += "  " + PadRight(change.measure, 15) +
            PadLeft(PrintedValue(change.before, change.unit), 14) +
            PadLeft(PrintedValue(change.now, change.unit), 14) +
            PadLeft(PrintedChange(change.before, change.now), 12) + "\n";
  }
  if (!comparison.slower.empty()) text += "\n  slower\n";
  for (const BuildStepChange& step : comparison.slower) {
    text += "  " + PadLeft(PrintedSeconds(step.before), 14) + " -> " +
            PadRight(PrintedSeconds(step.now), 14) + PadRight(Printed(step.kind), 8) + " " +
            Printed(step.name) + "\n";
  }
  if (!comparison.limits.empty()) text += "\n  limits\n";
  for (const BuildLimitResult& limit : comparison.limits) {
    const std::string_view unit = UnitOf(MeasureOf(limit.limit));
    const auto value = [&](std::optional<double> v) { return v ? PrintedValue(*v, unit) : "-"; };
    text += limit.verdict == BuildVerdict::kExceeded ? "    EXCEEDED  "
            : limit.verdict == BuildVerdict::kKept   ? "    kept      "
                                                     : "    unknown   ";
    text += PadRight(Printed(limit.limit), 20) + " " + value(limit.before) + " -> " +
            value(limit.now) + "\n";
  }
  return text;
}

POLYMETER_END_NAMESPACE
