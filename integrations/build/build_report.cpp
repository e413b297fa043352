// build.json. Written with one line for each step, so that it is read, searched and compared as
// text too; totals, the slowest steps and the names of failed ones are there for people and jq, and
// are made anew from the steps where it is read.
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "integrations/build/kind_totals.h"
#include "integrations/build/report_fields.h"
#include "polymeter/build.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using detail::build::FieldReader;
using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "polymeter-build";
constexpr std::int64_t kVersion = 1;
constexpr int kMostDepth = 16;                            // ours have four
constexpr std::size_t kLargest = std::size_t{256} << 20;  // a million steps have 200 MB

// --- writing -------------------------------------------------------------------------------------

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
void SetIf(Json& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = *value;
}

// "2026-11-21T01:57:00.123Z"
std::string IsoTime(std::int64_t unix_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(unix_ms)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  const auto two = [](auto n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  std::string ms = std::to_string(clock.subseconds().count());
  ms.insert(0, 3 - ms.size(), '0');
  return std::to_string(static_cast<int>(date.year())) + "-" +
         two(static_cast<unsigned>(date.month())) + "-" + two(static_cast<unsigned>(date.day())) +
         "T" + two(clock.hours().count()) + ":" + two(clock.minutes().count()) + ":" +
         two(clock.seconds().count()) + "." + ms + "Z";
}
// Years of four digits.
bool HasIsoTime(std::int64_t unix_ms) { return unix_ms >= 0 && unix_ms < 253'402'300'800'000; }

Json StepOf(const BuildStep& step) {
  Json json;
  json["name"] = step.name;
  if (!step.source.empty()) json["source"] = step.source;
  json["kind"] = step.kind;
  json["language"] = step.language;
  json["result"] = step.result;
  SetIf(json, "begin_seconds", step.begin_seconds);
  SetIf(json, "seconds", step.seconds);
  SetIf(json, "peak_rss_bytes", step.peak_rss_bytes);
  return json;
}

Json TotalsOf(const BuildSummary& build) {
  Json totals;
  totals["steps"] = build.steps.size();
  totals["failed"] = build.failed_steps();
  totals["step_seconds"] = build.step_seconds();
  totals["parallelism"] = build.parallelism();
  Json kinds = Json::object();
  for (const auto& [kind, row] : detail::build::TotalsByKind(build)) {
    kinds[kind] = {{"steps", row.steps},
                   {"cached", row.cached},
                   {"failed", row.failed},
                   {"seconds", row.seconds}};
  }
  totals["kinds"] = std::move(kinds);
  return totals;
}

Json HeadOf(const BuildSummary& build) {
  Json head;
  head["schema"] = kSchema;
  head["version"] = kVersion;
  head["tool"] = build.tool;
  head["command"] = build.command;
  head["result"] = build.result;
  SetIf(head, "exit_code", build.exit_code);
  SetIf(head, "signal", build.signal);
  if (build.begin_unix_ms) {
    if (HasIsoTime(*build.begin_unix_ms)) head["begin"] = IsoTime(*build.begin_unix_ms);
    head["begin_unix_ms"] = *build.begin_unix_ms;
  }
  head["wall_seconds"] = build.wall_seconds;
  SetIf(head, "cpu_user_seconds", build.cpu_user_seconds);
  SetIf(head, "cpu_system_seconds", build.cpu_system_seconds);
  SetIf(head, "peak_rss_bytes", build.peak_rss_bytes);
  SetIf(head, "planned_steps", build.planned_steps);
  head["totals"] = TotalsOf(build);

  Json failed = Json::array();
  for (const BuildStep& step : build.steps) {
    if (step.result == "failed") failed.push_back(step.name);
  }
  head["failed"] = std::move(failed);
  if (build.critical_path_seconds) {
    head["critical_path"] = {{"seconds", *build.critical_path_seconds},
                             {"steps", build.critical_path}};
  }
  Json slowest = Json::array();
  for (const BuildStep* const step : build.slowest_steps()) slowest.push_back(StepOf(*step));
  head["slowest"] = std::move(slowest);
  if (build.phase_units > 0) {
    head["phases"] = {{"units", build.phase_units},
                      {"frontend_seconds", build.phases.frontend_seconds},
                      {"backend_seconds", build.phases.backend_seconds},
                      {"source_seconds", build.phases.source_seconds},
                      {"template_seconds", build.phases.template_seconds}};
  }
  Json cache = Json::array();
  for (const BuildCacheRequests& one : build.cache) {
    Json& row = cache.emplace_back();
    row["cache"] = one.cache;
    row["result"] = one.result;
    if (!one.reason.empty()) row["reason"] = one.reason;
    row["requests"] = one.requests;
  }
  head["cache"] = std::move(cache);
  Json errors = Json::array();
  for (const BuildInputErrors& one : build.input_errors) {
    errors.push_back({{"input", one.input}, {"errors", one.errors}});
  }
  head["input_errors"] = std::move(errors);
  return head;
}

// --- reading -------------------------------------------------------------------------------------

// Whether brackets nest deeper than any report's: such text is not given to the parser.
bool NestsTooDeep(std::string_view json) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMostDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

void ReadStep(const FieldReader& fields, BuildStep& step) {
  fields.Need("name", step.name);
  fields.Read("source", step.source);
  fields.Need("kind", step.kind);
  fields.Read("language", step.language);
  fields.Need("result", step.result);
  fields.Read("begin_seconds", step.begin_seconds);
  fields.Read("seconds", step.seconds);
  fields.Read("peak_rss_bytes", step.peak_rss_bytes);
}

void ReadBuild(const FieldReader& fields, BuildSummary& build) {
  fields.Need("tool", build.tool);
  fields.Read("command", build.command);
  fields.Need("result", build.result);
  fields.Read("exit_code", build.exit_code);
  fields.Read("signal", build.signal);
  fields.Read("begin_unix_ms", build.begin_unix_ms);
  fields.Need("wall_seconds", build.wall_seconds);
  fields.Read("cpu_user_seconds", build.cpu_user_seconds);
  fields.Read("cpu_system_seconds", build.cpu_system_seconds);
  fields.Read("peak_rss_bytes", build.peak_rss_bytes);
  fields.Read("planned_steps", build.planned_steps);
  fields.Object("critical_path", [&](const FieldReader& path) {
    path.Read("seconds", build.critical_path_seconds);
    path.Read("steps", build.critical_path);
  });
  fields.Object("phases", [&](const FieldReader& phases) {
    phases.Need("units", build.phase_units);
    phases.Need("frontend_seconds", build.phases.frontend_seconds);
    phases.Need("backend_seconds", build.phases.backend_seconds);
    phases.Need("source_seconds", build.phases.source_seconds);
    phases.Need("template_seconds", build.phases.template_seconds);
  });
  fields.Objects("cache", [&](const FieldReader& row) {
    BuildCacheRequests& one = build.cache.emplace_back();
    row.Need("cache", one.cache);
    row.Need("result", one.result);
    row.Read("reason", one.reason);
    row.Need("requests", one.requests);
  });
  fields.Objects("input_errors", [&](const FieldReader& row) {
    BuildInputErrors& one = build.input_errors.emplace_back();
    row.Need("input", one.input);
    row.Need("errors", one.errors);
  });
  fields.Objects("steps",
                 [&](const FieldReader& row) { ReadStep(row, build.steps.emplace_back()); });
}

}  // namespace

std::string FormatBuildReport(const BuildSummary& build) {
  const Json head = HeadOf(build);
  std::string text = "{\n";
  for (const auto& [name, value] : head.items()) {
    text += Text(name) + ": " + Text(value) + ",\n";
  }
  text += "\"steps\": [";
  const char* separator = "\n";
  for (const BuildStep& step : build.steps) {
    text += separator + Text(StepOf(step));
    separator = ",\n";
  }
  text += "\n]\n}\n";
  return text;
}

Result<BuildSummary> ParseBuildReport(std::string_view json) {
  if (json.size() > kLargest) return Status::Error("larger than any build report (256 MiB)");
  if (NestsTooDeep(json)) return Status::Error("not a build report: nested too deeply");
  const auto tree = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  if (tree.is_discarded()) return Status::Error("not JSON, or cut off");

  std::string error;
  const FieldReader fields(tree, "", error);
  std::string schema;
  std::int64_t version = 0;
  fields.Need("schema", schema);
  fields.Need("version", version);
  if (error.empty() && schema != kSchema) error = "its schema is another one";
  if (!error.empty()) return Status::Error("not a build report: " + error);
  if (version < 1 || version > kVersion) {
    return Status::Error("a build report of version " + std::to_string(version) +
                         "; this program reads version " + std::to_string(kVersion));
  }
  BuildSummary build;
  ReadBuild(fields, build);
  if (!error.empty()) return Status::Error("a build report with a bad field: " + error);
  return build;
}

POLYMETER_END_NAMESPACE
