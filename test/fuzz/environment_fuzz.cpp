// libFuzzer: an environment of METRICS_* and OTEL_* variables with values from the input, through
// selection and every backend's options. Nothing throws; what is wrong is said in words that a log
// can carry; what is taken is taken again from its own words.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/backends.h"
#include "sdk/src/clock.h"
#include "sdk/src/env.h"
#include "sdk/src/global_options.h"
#include "sdk/src/option_spec.h"
#include "sdk/src/text.h"

namespace {

using namespace polymeter::detail;

[[noreturn]] void Fail(std::string_view why, std::string_view text) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(why.size()), why.data(),
               static_cast<int>(text.size()), text.data());
  std::abort();
}
void Need(bool holds, std::string_view why, std::string_view text) {
  if (!holds) Fail(why, text);
}

// Every variable that this build knows.
const std::vector<std::string>& Variables() {
  static const auto* const kAll = [] {
    auto* const all = new std::vector<std::string>;
    for (const OptionSpec& option : GlobalOptions()) {
      all->push_back(VariableName("", option.name));
    }
    for (const OptionSpec& option : StandardVariables()) all->emplace_back(option.name);
    for (const TableRow& row : BackendTable()) {
      if (row.info == nullptr) continue;
      for (const OptionSpec& option : row.info->options) {
        all->push_back(VariableName(row.name, option.name));
        std::string_view standard = option.standard;
        while (!standard.empty()) {
          const std::size_t comma = standard.find(',');
          all->emplace_back(standard.substr(0, comma));
          standard.remove_prefix(comma == std::string_view::npos ? standard.size() : comma + 1);
        }
      }
    }
    return all;
  }();
  return *kAll;
}

// What values are made of.
constexpr std::string_view kPieces[] = {"prometheus",
                                        "otlp",
                                        "statsd",
                                        "json",
                                        "csv",
                                        "null",
                                        "none",
                                        "true",
                                        "false",
                                        "0",
                                        "1",
                                        "-1",
                                        "65535",
                                        "1e309",
                                        "0.1",
                                        "nan",
                                        "inf",
                                        "5s",
                                        "100ms",
                                        "1h",
                                        "http://",
                                        "https://",
                                        "127.0.0.1",
                                        "[::1]",
                                        ":4318",
                                        "/metrics",
                                        "a=b",
                                        "%41",
                                        "%zz",
                                        "%",
                                        "family=",
                                        "=",
                                        ",",
                                        ";",
                                        "*",
                                        "jobs_total",
                                        "seconds",
                                        "18446744073709551616",
                                        "\xff",
                                        "\xc3\xa9",
                                        " ",
                                        "\t",
                                        "\n",
                                        "user:pw@",
                                        "native",
                                        "drop",
                                        "drop_labels(",
                                        ")",
                                        "auto",
                                        "gzip",
                                        "delta",
                                        "__x"};

std::string Value(std::string_view bytes) {
  std::string value;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      value += c;
    } else {
      value += kPieces[(byte - 0x80) % std::size(kPieces)];
    }
  }
  return value;
}

// NAME=value, or two bytes that choose the name and then the value; to the next control character.
void AddVariable(polymeter::StringPairs& variables, std::string_view line) {
  const std::size_t equals = line.find('=');
  const auto named = std::find(Variables().begin(), Variables().end(), line.substr(0, equals));
  if (equals != std::string_view::npos && named != Variables().end()) {
    variables.emplace_back(*named, Value(line.substr(equals + 1)));
  } else if (line.size() > 2) {
    const std::size_t which = static_cast<unsigned char>(line[0]) * std::size_t{256} +
                              static_cast<unsigned char>(line[1]);
    variables.emplace_back(Variables()[which % Variables().size()], Value(line.substr(2)));
  }
}

struct Effective {
  std::map<std::string, std::string> values;  // those that somebody chose
  bool problems = false;
};

Effective Check(const polymeter::StringPairs& variables) {
  static const auto outside = std::make_shared<Outside>();
  const Configuration configuration = Configure(polymeter::Options().Service("fuzz"),
                                                Environment(variables), BackendTable(), outside);
  for (const Problem& problem : configuration.problems.all()) {
    const std::string text = problem.subject + " " + problem.trouble + "; " + problem.instead;
    Need(!problem.subject.empty() && !problem.trouble.empty() && !problem.instead.empty(),
         "a problem without words", text);
    Need(text.size() < 4096, "a problem of many words", text);
    Need(IsUtf8(text), "a problem that is not UTF-8", text);
    Need(std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != 0x7F; }),
         "a problem with control characters", text);
  }
  Effective effective;
  effective.problems = !configuration.problems.empty();
  for (const polymeter::Setting& setting : configuration.core.settings) {
    Need(!setting.name.empty() && !setting.source.empty(), "a setting without a name or source",
         setting.name);
    const bool masked = setting.value.find("***") != std::string::npos;
    if (setting.source != "default" && !masked && setting.name.starts_with("METRICS_")) {
      effective.values[setting.name] = setting.value;
    }
  }
  return effective;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  polymeter::StringPairs variables;
  while (!bytes.empty() && variables.size() < 16) {
    const auto end = static_cast<std::size_t>(
        std::find_if(bytes.begin(), bytes.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' '; }) -
        bytes.begin());
    AddVariable(variables, bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  const Effective first = Check(variables);
  // What is effective, given as the environment, is taken without a word and is the same again.
  const Effective again = Check(polymeter::StringPairs(first.values.begin(), first.values.end()));
  for (const auto& [name, value] : first.values) {
    const auto found = again.values.find(name);
    if (value.empty()) continue;  // an empty variable is an unset one
    Need(found != again.values.end() && found->second == value, "not taken from its own words",
         name + "=" + value);
  }
  return 0;
}
