// Every environment variable as Markdown, as docs/environment.md shows them: the same declarations
// that check the values.
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "exporters/backends.h"
#include "integrations/prometheus_cpp/dropin/dropin_environment.h"
#include "sdk/src/global_options.h"
#include "sdk/src/option_spec.h"
#include "sdk/src/value_parsing.h"

namespace polymeter::detail {
namespace {

// `text` with a backslash before each character that a table or HTML would take for its own.
std::string Plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*' || c == '_') out += '\\';
    out += c;
  }
  return out;
}

std::string Code(std::string_view text) {
  return text.empty() ? std::string() : "`" + std::string(text) + "`";
}

std::string CodeList(std::string_view list) {
  std::string out;
  for (const std::string& one : SplitList(list)) out += (out.empty() ? "" : ", ") + Code(one);
  return out;
}

// One of a choice as code, anything else in words.
std::string Accepted(const OptionSpec& spec, std::string_view variable) {
  if (spec.kind == OptionKind::kChoice && spec.accepts.empty()) return CodeList(spec.choices);
  return Plain(Accepts(spec, variable));
}

std::string Type(const OptionSpec& spec) {
  return std::string(ToString(spec.kind)) + (spec.secret ? ", secret" : "");
}

void PrintRow(const std::string& variable, const OptionSpec& spec) {
  std::printf("| %s | %s | %s | %s | %s | %s |\n", Code(variable).c_str(), Type(spec).c_str(),
              Code(spec.default_value).c_str(), Accepted(spec, variable).c_str(),
              Plain(spec.help).c_str(), CodeList(spec.standard).c_str());
}

void PrintHead() {
  std::printf(
      "| variable | type | default | accepted | what it is | else |\n|---|---|---|---|---|---|\n");
}

void PrintAll() {
  std::printf("<!-- environment: all -->\n");
  PrintHead();
  for (const OptionSpec& spec : GlobalOptions()) PrintRow(VariableName("", spec.name), spec);
  for (const OptionSpec& spec : StandardVariables()) PrintRow(std::string(spec.name), spec);
  std::printf("<!-- end -->\n");
}

// One block, so that a new backend stands on the page without a line there.
void PrintBackends() {
  std::printf("<!-- environment: backends -->\n");
  std::string names;
  for (const TableRow& row : BackendTable()) {
    names += (names.empty() ? "" : ", ") + Code(row.name);
  }
  std::printf("`METRICS_BACKEND` names any of %s.\n\n", names.c_str());
  for (const TableRow& row : BackendTable()) {
    if (row.info == nullptr || row.info->options.empty()) continue;
    std::printf("## %s\n\n", std::string(row.name).c_str());
    if (!row.build_option.empty()) {
      std::printf("Built with %s.\n\n", Code(row.build_option).c_str());
    }
    PrintHead();
    for (const OptionSpec& spec : row.info->options) {
      PrintRow(VariableName(row.name, spec.name), spec);
    }
    std::printf("\n");
  }
  std::printf("## Exposer of the drop-in for prometheus-cpp\n\n");
  PrintHead();
  for (const OptionSpec& spec : ExposerOptionSpecs()) {
    PrintRow(VariableName("prometheus", spec.name), spec);
  }
  std::printf("\n<!-- end -->\n");
}

void PrintStandard() {
  std::multimap<std::string, std::string> rows;  // by variable; the table's order within one
  for (const TableRow& row : BackendTable()) {
    if (row.info == nullptr) continue;
    for (const OptionSpec& spec : row.info->options) {
      for (const std::string& variable : SplitList(spec.standard)) {
        rows.emplace(variable,
                     Code(VariableName(row.name, spec.name)) + " | " + Accepted(spec, variable));
      }
    }
  }
  std::printf("<!-- environment: standard -->\n");
  std::printf("| variable | stands in for | accepted |\n|---|---|---|\n");
  for (const auto& [variable, rest] : rows) {
    std::printf("| %s | %s |\n", Code(variable).c_str(), rest.c_str());
  }
  std::printf("<!-- end -->\n");
}

}  // namespace
}  // namespace polymeter::detail

int main() {
  polymeter::detail::PrintAll();
  polymeter::detail::PrintBackends();
  polymeter::detail::PrintStandard();
}
