// The contract of every row: names, options, and what selecting it does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "exporters/backends.h"
#include "polymeter/metrics.h"
#include "test/conformance/cases.h"
#include "test/conformance/fake_world.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {
namespace {

using detail::OptionKind;
using detail::OptionSpec;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(Table, IsNotEmptyAndHoldsNullAndPrometheus) {
  std::set<std::string_view> names;
  for (const detail::BackendInfo* info : BuiltInRows()) {
    EXPECT_TRUE(names.insert(info->name).second) << info->name << " is there twice";
  }
  EXPECT_EQ(names.count("null"), 1u);
  EXPECT_EQ(names.count("prometheus"), 1u);
  // Else the suites below would loop over nothing.
  EXPECT_FALSE(EncoderCases().empty());
  EXPECT_FALSE(BackendCases().empty());
}

class RowContract : public ::testing::TestWithParam<Case> {
 protected:
  detail::Configuration Selected(StringPairs environment, const Options& options = {}) {
    environment.emplace_back("METRICS_BACKEND", GetParam().info->name);
    return Configure(options, detail::Environment(std::move(environment)), detail::BackendTable(),
                     world_.outside());
  }
  std::string VariableOf(const OptionSpec& spec) {
    return detail::VariableName(GetParam().info->name, spec.name);
  }

  FakeWorld world_;
};

INSTANTIATE_TEST_SUITE_P(EveryBackend, RowContract, ::testing::ValuesIn(RowCases()), CaseName);

TEST_P(RowContract, HasNamesThatAnEnvironmentVariableCanHave) {
  const detail::BackendInfo& info = *GetParam().info;
  EXPECT_THAT(std::string(info.name), MatchesRegex("[a-z][a-z0-9]*"));
  std::set<std::string_view> names;
  for (const OptionSpec& spec : info.options) {
    EXPECT_THAT(std::string(spec.name), MatchesRegex("[a-z][a-z0-9_]*"));
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name << " is there twice";
  }
}

TEST_P(RowContract, HasAnEncoderAndABackendOrNeither) {
  EXPECT_EQ(GetParam().info->make_encoder != nullptr, GetParam().info->make != nullptr);
}

TEST_P(RowContract, DocumentsEveryOption) {
  for (const OptionSpec& spec : GetParam().info->options) {
    EXPECT_GT(spec.help.size(), 10u) << spec.name;
    EXPECT_EQ(spec.help.back(), '.') << spec.name << ": help is a sentence";
    EXPECT_FALSE(Accepts(spec).empty()) << spec.name;
    EXPECT_EQ(spec.kind == OptionKind::kChoice, !spec.choices.empty()) << spec.name;
    EXPECT_LE(spec.min, spec.max) << spec.name;
    if (spec.valid != nullptr) {
      EXPECT_FALSE(spec.accepts.empty()) << spec.name << ": a further check needs words";
    }
  }
}

TEST_P(RowContract, HasDefaultsThatItAccepts) {
  for (const OptionSpec& spec : GetParam().info->options) {
    if (spec.default_value.empty()) continue;
    const auto configuration = Selected({{VariableOf(spec), std::string(spec.default_value)}});
    EXPECT_TRUE(configuration.problems.empty()) << configuration.problems.Message();
  }
}

TEST_P(RowContract, RecordsExactlyWhenItExportsSomething) {
  auto configuration = Selected({});
  EXPECT_TRUE(configuration.problems.empty()) << configuration.problems.Message();
  const Metrics metrics = detail::CoreAccess::Make(std::move(configuration.core));
  EXPECT_EQ(metrics.recording(), GetParam().info->make != nullptr);
  EXPECT_TRUE(metrics.Shutdown());
}

TEST_P(RowContract, DescribesEveryOptionOfItsOwn) {
  const auto configuration = Selected({});
  for (const OptionSpec& spec : GetParam().info->options) {
    int found = 0;
    for (const Setting& setting : configuration.core.settings) {
      if (setting.name != VariableOf(spec)) continue;
      ++found;
      EXPECT_EQ(setting.source, "default");
      EXPECT_EQ(setting.value,
                spec.secret && !spec.default_value.empty() ? "***" : spec.default_value);
    }
    EXPECT_EQ(found, 1) << spec.name;
  }
}

TEST_P(RowContract, ReportsABadValueOfEachOptionByName) {
  for (const OptionSpec& spec : GetParam().info->options) {
    // What no kind accepts, except those that take any text.
    const std::string bad = "%zz bad \x01";
    if ((spec.kind == OptionKind::kText || spec.kind == OptionKind::kList) &&
        (spec.valid == nullptr || spec.valid(bad))) {
      continue;
    }
    const auto configuration = Selected({{VariableOf(spec), bad}});
    ASSERT_EQ(configuration.problems.all().size(), 1u) << configuration.problems.Message();
    EXPECT_THAT(configuration.problems.Message(), HasSubstr(VariableOf(spec) + "="));
    EXPECT_THAT(configuration.problems.Message(), HasSubstr(Accepts(spec)));
    EXPECT_EQ(configuration.core.make_backends().size(), GetParam().info->make != nullptr ? 1u : 0u)
        << "the default is used instead";
  }
}

TEST_P(RowContract, ReportsAnUnknownOptionByName) {
  const std::string unknown = detail::VariableName(GetParam().info->name, "no_such_option");
  EXPECT_THAT(Selected({}, Options().Set(unknown, "1")).problems.Message(), HasSubstr(unknown));
  for (const OptionSpec& spec : GetParam().info->options) {
    const std::string near_miss = VariableOf(spec) + "X";
    EXPECT_THAT(Selected({{near_miss, "1"}}).problems.Message(), HasSubstr(near_miss));
  }
}

TEST_P(RowContract, WorksBesideEveryOtherRow) {
  std::string names;
  std::size_t made = 0;
  for (const detail::BackendInfo* info : BuiltInRows()) {
    names += std::string(info->name) + ",";
    made += info->make != nullptr ? 1 : 0;
  }
  const auto configuration = Configure({}, detail::Environment({{"METRICS_BACKEND", names}}),
                                       detail::BackendTable(), world_.outside());
  EXPECT_TRUE(configuration.problems.empty()) << configuration.problems.Message();
  EXPECT_EQ(configuration.core.make_backends().size(), made);
}

}  // namespace
}  // namespace testing
POLYMETER_END_NAMESPACE
