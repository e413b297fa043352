#include "integrations/cli/config.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "exporters/backends.h"
#include "integrations/cli/commands.h"
#include "integrations/cli/version.h"

namespace polymeter::cli {
namespace {

// One line each, whatever a variable holds.
std::string Printable(std::string_view text) {
  std::string safe;
  for (const char c : text) safe += static_cast<unsigned char>(c) < ' ' || c == 0x7F ? '?' : c;
  return safe;
}

void Append(const std::vector<Setting>& settings, std::string& text) {
  std::size_t name = 0;
  std::size_t value = 0;
  constexpr std::size_t kWide = 40;  // longer values do not push the others aside
  for (const Setting& setting : settings) {
    name = std::max(name, setting.name.size());
    value = std::max(value, std::min(kWide, setting.value.size()));
  }
  for (const Setting& setting : settings) {
    std::string line = "  " + setting.name;
    line.resize(std::max(line.size(), name + 2), ' ');
    line += " = " + Printable(setting.value);
    line.resize(std::max(line.size(), name + 2 + 3 + value), ' ');
    text += line + "  (" + setting.source + ")\n";
  }
}

void Collect(const detail::Problems& problems, std::vector<std::string>& lines) {
  for (const detail::Problem& problem : problems.all()) {
    std::string line = problem.subject + " " + problem.trouble + "; " + problem.instead;
    if (std::find(lines.begin(), lines.end(), line) == lines.end())
      lines.push_back(std::move(line));
  }
}

}  // namespace

ConfigReport DescribeConfig(const detail::Environment& environment, bool selected) {
  ConfigReport report;
  const detail::Configuration configuration =
      detail::Configure(Options().Service("polymeter").Version(kVersion), environment,
                        detail::BackendTable(), std::make_shared<detail::Outside>());
  Collect(configuration.problems, report.problems);

  // The settings of the selected backends are among them, behind those of all.
  std::vector<Setting> general;
  std::string names;
  for (const Setting& setting : configuration.core.settings) {
    if (setting.name == "METRICS_BACKEND") names = "," + setting.value + ",";
    bool of_backend = false;
    for (const detail::TableRow& row : detail::BackendTable()) {
      if (row.info == nullptr) continue;
      for (const detail::OptionSpec& spec : row.info->options) {
        of_backend = of_backend || setting.name == detail::VariableName(row.name, spec.name);
      }
    }
    if (!of_backend) general.push_back(setting);
  }
  report.text += "general\n";
  Append(general, report.text);
  for (const detail::TableRow& row : detail::BackendTable()) {
    const bool used = names.find("," + std::string(row.name) + ",") != std::string::npos;
    if (row.name == "null" || (selected && !used)) continue;
    report.text += "\n" + std::string(row.name);
    if (row.info == nullptr) {
      report.text += " (not built in: " + std::string(row.build_option) + "=OFF)\n";
      continue;
    }
    report.text += used ? " (selected)\n" : "\n";
    detail::Problems problems;
    Append(
        detail::ResolveOptions(row.name, row.info->options, environment, {}, problems).Describe(),
        report.text);
    Collect(problems, report.problems);
  }
  if (!report.problems.empty()) report.text += "\nproblems\n";
  for (const std::string& problem : report.problems)
    report.text += "  " + Printable(problem) + "\n";
  return report;
}

int RunConfig(const CommandLine& line) {
  const ConfigReport report =
      DescribeConfig(detail::Environment::OfProcess(), line.Has("--selected"));
  std::fputs(report.text.c_str(), stdout);
  return report.problems.empty() ? 0 : 1;
}

}  // namespace polymeter::cli
