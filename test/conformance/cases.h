// What the suite runs over: the rows of the table, each with its default options and once more
// for every value of every option that is a choice.
#pragma once

#include <gtest/gtest.h>

#include <cctype>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporters/backends.h"
#include "sdk/src/option_spec.h"
#include "sdk/src/value_parsing.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

struct Case {
  const detail::BackendInfo* info = nullptr;
  StringPairs settings;  // variable, value
  std::string name;

  detail::BackendOptions BackendOptions() const {
    detail::Problems problems;
    auto options = detail::ResolveOptions(info->name, info->options, detail::Environment(settings),
                                          {}, problems);
    EXPECT_TRUE(problems.empty()) << problems.Message();
    return options;
  }
};

inline void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

inline std::vector<const detail::BackendInfo*> BuiltInRows() {
  std::vector<const detail::BackendInfo*> rows;
  for (const detail::TableRow& row : detail::BackendTable()) {
    if (row.info != nullptr) rows.push_back(row.info);
  }
  return rows;
}

inline std::string OnlyAlphanumeric(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) out += c;
  }
  return out;
}

template <class Wanted>
std::vector<Case> CasesOf(Wanted wanted) {
  std::vector<Case> cases;
  for (const detail::BackendInfo* info : BuiltInRows()) {
    if (!wanted(*info)) continue;
    cases.push_back({info, {}, OnlyAlphanumeric(info->name)});
    for (const detail::OptionSpec& spec : info->options) {
      if (spec.kind != detail::OptionKind::kChoice) continue;
      for (const std::string& choice : detail::SplitList(spec.choices)) {
        if (choice == spec.default_value) continue;
        cases.push_back({info,
                         {{detail::VariableName(info->name, spec.name), choice}},
                         OnlyAlphanumeric(info->name) + "_" + OnlyAlphanumeric(spec.name) + "_" +
                             OnlyAlphanumeric(choice)});
      }
    }
  }
  return cases;
}

inline std::vector<Case> EncoderCases() {
  return CasesOf([](const detail::BackendInfo& info) { return info.make_encoder != nullptr; });
}
inline std::vector<Case> BackendCases() {
  return CasesOf([](const detail::BackendInfo& info) { return info.make != nullptr; });
}
inline std::vector<Case> RowCases() {
  std::vector<Case> cases;
  for (const detail::BackendInfo* info : BuiltInRows()) {
    cases.push_back({info, {}, OnlyAlphanumeric(info->name)});
  }
  return cases;
}

inline std::string CaseName(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

}  // namespace testing
POLYMETER_END_NAMESPACE
