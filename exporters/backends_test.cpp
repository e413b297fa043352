#include "exporters/backends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "polymeter/polymeter.h"
#include "sdk/testing/log_capture.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using detail::BackendInfo;
using detail::BackendOptions;
using detail::Configuration;
using detail::CoreAccess;
using detail::Environment;
using detail::OptionKind;
using detail::OptionSpec;
using detail::Outside;
using detail::TableRow;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// --- a table of the test's own ---------------------------------------------------------------

class FakeBackend : public Backend {
 public:
  FakeBackend(std::string name, std::string endpoint) {
    report_.name = std::move(name);
    report_.endpoint = std::move(endpoint);
  }
  Status Start(SnapshotSource&) override { return {}; }
  Status Stop(Deadline) noexcept override { return {}; }
  BackendReport Report() const override { return report_; }

 private:
  BackendReport report_;
};

constexpr OptionSpec kFakeOptions[] = {
    {.name = "port", .kind = OptionKind::kInteger, .default_value = "1", .max = 9}};

template <const char* kName>
Result<std::unique_ptr<Backend>> MakeFake(const BackendOptions& options, Outside&) {
  if (options.Integer("port") == 0) return Status::Error("no port 0 here");
  return std::unique_ptr<Backend>(new FakeBackend(kName, options.Text("port")));
}

constexpr char kOneName[] = "one";
constexpr char kTwoName[] = "two";
constexpr BackendInfo kOne{.name = kOneName, .options = kFakeOptions, .make = &MakeFake<kOneName>};
constexpr BackendInfo kTwo{.name = kTwoName, .options = kFakeOptions, .make = &MakeFake<kTwoName>};
const TableRow kFakeTable[] = {
    {"one", &kOne, "POLYMETER_WITH_ONE"},
    {"two", &kTwo, "POLYMETER_WITH_TWO"},
    {"three", nullptr, "POLYMETER_WITH_THREE"},
};

Configuration ConfigureFake(StringPairs environment, const Options& options = {}) {
  return Configure(options, Environment(std::move(environment)), kFakeTable,
                   std::make_shared<Outside>());
}

std::vector<std::string> EndpointsOf(const std::vector<std::shared_ptr<Backend>>& backends) {
  std::vector<std::string> endpoints;
  for (const auto& backend : backends) {
    const BackendReport report = backend->Report();
    endpoints.push_back(report.name + ":" + report.endpoint);
  }
  return endpoints;
}

TEST(Configure, MakesTheSelectedBackendsInOrderWithTheirOptions) {
  const Configuration configuration =
      ConfigureFake({{"METRICS_BACKEND", "two,one"}, {"METRICS_TWO_PORT", "5"}},
                    Options().Set("METRICS_ONE_PORT", "3"));
  EXPECT_TRUE(configuration.problems.empty()) << configuration.problems.Message();
  EXPECT_THAT(EndpointsOf(configuration.core.make_backends()), ElementsAre("two:5", "one:3"));
}

TEST(Configure, MakesThemAnewForARestartAfterAFork) {
  const Configuration configuration = ConfigureFake({{"METRICS_BACKEND", "one,two"}});
  const auto first = configuration.core.make_backends();
  const auto second = configuration.core.make_backends();
  EXPECT_THAT(EndpointsOf(second), ElementsAre("one:1", "two:1"));
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_NE(first[0], second[0]);
  EXPECT_NE(first[1], second[1]);
}

TEST(Configure, LeavesOutABackendThatCannotBeMade) {
  const Configuration configuration =
      ConfigureFake({{"METRICS_BACKEND", "one,two"}, {"METRICS_ONE_PORT", "0"}});
  EXPECT_THAT(EndpointsOf(configuration.core.make_backends()), ElementsAre("two:1"));
  EXPECT_EQ(configuration.problems.Message(),
            "backend one cannot be made: no port 0 here; it is left out.");
}

TEST(Configure, CollectsTheProblemsOfSelectionAndOfEveryBackend) {
  const Configuration configuration = ConfigureFake({{"METRICS_BACKEND", "one,two,three,four"},
                                                     {"METRICS_ONE_PORT", "x"},
                                                     {"METRICS_TWO_PORT", "10"},
                                                     {"METRICS_ONE_PORTS", "1"}});
  const std::string message = configuration.problems.Message();
  EXPECT_THAT(configuration.problems.all(), SizeIs(5)) << message;
  EXPECT_THAT(
      message,
      HasSubstr("METRICS_ONE_PORT='x' is not an integer from 0 to 9; 1 (default) is used."));
  EXPECT_THAT(message, HasSubstr("METRICS_TWO_PORT='10' is not"));
  EXPECT_THAT(message, HasSubstr("'three', which is not built in (POLYMETER_WITH_THREE=OFF)"));
  EXPECT_THAT(message, HasSubstr("'four', which is no backend"));
  EXPECT_THAT(message, HasSubstr("METRICS_ONE_PORTS is not an option"));
}

TEST(Configure, DescribesTheOptionsOfTheSelectedBackendsOnly) {
  const Metrics metrics =
      CoreAccess::Make(ConfigureFake({{"METRICS_BACKEND", "one"}, {"METRICS_ONE_PORT", "4"}}).core);
  std::vector<std::string> lines;
  for (const Setting& setting : metrics.Describe()) {
    lines.push_back(setting.name + "=" + setting.value + " from " + setting.source);
  }
  EXPECT_THAT(lines, Contains("METRICS_BACKEND=one from METRICS_BACKEND"));
  EXPECT_THAT(lines, Contains("METRICS_ONE_PORT=4 from METRICS_ONE_PORT"));
  EXPECT_THAT(lines, Contains("METRICS_SERIES_LIMIT=50000 from default"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("METRICS_TWO"))));
}

TEST(Configure, MakesAMetricsThatRecordsWithABackend) {
  EXPECT_TRUE(CoreAccess::Make(ConfigureFake({{"METRICS_BACKEND", "one"}}).core).recording());
  EXPECT_FALSE(CoreAccess::Make(ConfigureFake({}).core).recording());
}

// --- the process' own environment ------------------------------------------------------------

// Variables for the life of a test; nothing of METRICS_* and OTEL_* besides.
class FromTheEnvironment : public ::testing::Test {
 protected:
  void SetUp() override {
    const Environment before = Environment::OfProcess();
    for (const auto& [name, value] : before.variables()) {
      if (name.rfind("METRICS_", 0) == 0 || name.rfind("OTEL_", 0) == 0) unsetenv(name.c_str());
    }
  }
  void TearDown() override {
    for (const std::string& name : set_) unsetenv(name.c_str());
  }
  void Set(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }
  Options WithLog() const { return Options().Service("test").Log(log_.callback()); }

  testing::LogCapture log_;

 private:
  std::vector<std::string> set_;
};

std::size_t EntriesOf(const char* folder) {
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    static_cast<void>(entry);
    ++entries;
  }
  return entries;
}

TEST_F(FromTheEnvironment, NoBackendMeansNoThreadNoSocketAndNoRecording) {
  for (const char* value : {"", "null", "NULL"}) {
    Set("METRICS_BACKEND", value);
    const std::size_t threads = EntriesOf("/proc/self/task");
    const std::size_t descriptors = EntriesOf("/proc/self/fd");
    const Metrics metrics = FromEnvironment(WithLog());
    const Counter counter = metrics.Counter("jobs_total", "Jobs.");
    counter.Increment();
    EXPECT_FALSE(metrics.recording()) << value;
    EXPECT_EQ(EntriesOf("/proc/self/task"), threads) << value;
    EXPECT_EQ(EntriesOf("/proc/self/fd"), descriptors) << value;
    EXPECT_THAT(metrics.Reports(), IsEmpty());
  }
  EXPECT_THAT(log_.messages(), IsEmpty());
}

TEST_F(FromTheEnvironment, ADeclaredConsumerMakesItRecord) {
  Set("METRICS_BACKEND", "null");
  EXPECT_TRUE(FromEnvironment(WithLog().Consumer()).recording());
}

TEST_F(FromTheEnvironment, AWrongBackendIsOneMessageAndTheServiceRunsOn) {
  Set("METRICS_BACKEND", "nosuchbackend");
  Set("METRICS_SERIES_LIMIT", "many");
  const Metrics metrics = FromEnvironment(WithLog());
  EXPECT_FALSE(metrics.recording());
  metrics.Counter("jobs_total", "Jobs.").Increment();
  ASSERT_THAT(log_.messages(), SizeIs(1));
  EXPECT_THAT(log_.messages()[0], HasSubstr("METRICS_BACKEND='nosuchbackend'"));
  EXPECT_THAT(log_.messages()[0], HasSubstr("accepted: null"));
  EXPECT_THAT(log_.messages()[0], HasSubstr("METRICS_SERIES_LIMIT='many'"));
}

TEST_F(FromTheEnvironment, StrictMakesProblemsAnError) {
  Set("METRICS_BACKEND", "nosuchbackend");
  Set("METRICS_STRICT", "true");
  const auto tried = TryFromEnvironment(WithLog());
  EXPECT_FALSE(tried);
  EXPECT_THAT(tried.message(), HasSubstr("METRICS_BACKEND='nosuchbackend'"));
  EXPECT_THROW(static_cast<void>(FromEnvironment(WithLog())), std::invalid_argument);
  EXPECT_THAT(log_.messages(), IsEmpty());
  Set("METRICS_BACKEND", "null");
  EXPECT_TRUE(TryFromEnvironment(WithLog()));
  EXPECT_NO_THROW(static_cast<void>(FromEnvironment("service")));
}

TEST_F(FromTheEnvironment, WithoutStrictTryReportsAndGoesOn) {
  Set("METRICS_BACKEND", "nosuchbackend");
  EXPECT_TRUE(TryFromEnvironment(WithLog()));
  EXPECT_EQ(log_.Count("nosuchbackend"), 1);
}

TEST_F(FromTheEnvironment, BuildReadsNone) {
  Set("METRICS_BACKEND", "nosuchbackend");
  Set("METRICS_PREFIX", "env_");
  const Metrics metrics = Build(WithLog().Consumer().Prefix("code_"));
  for (const Setting& setting : metrics.Describe()) {
    if (setting.name == "METRICS_PREFIX") {
      EXPECT_EQ(setting.value, "code_");
    }
  }
  EXPECT_THAT(log_.messages(), IsEmpty());
}

TEST_F(FromTheEnvironment, BuildReportsWhatTryBuildRefuses) {
  const Options options = WithLog().Backends("nosuchbackend");
  EXPECT_THAT(TryBuild(options).message(), HasSubstr("METRICS_BACKEND in Options='nosuchbackend'"));
  EXPECT_THAT(log_.messages(), IsEmpty());
  EXPECT_FALSE(Build(options).recording());
  EXPECT_EQ(log_.Count("nosuchbackend"), 1);
}

TEST_F(FromTheEnvironment, TheServicesNameReachesEverySnapshot) {
  Set("OTEL_RESOURCE_ATTRIBUTES", "team=speech");
  const Metrics metrics = FromEnvironment(Options().Service("transcriber").Consumer());
  std::vector<std::string> attributes;
  const Snapshot snapshot = metrics.TakeSnapshot();
  for (const auto& [name, value] : snapshot.resource().attributes) {
    attributes.push_back(name + "=" + value);
  }
  EXPECT_THAT(attributes, Contains("service.name=transcriber"));
  EXPECT_THAT(attributes, Contains("team=speech"));
}

// --- the built-in table ----------------------------------------------------------------------

TEST(BackendTable, BeginsWithNullWhichHasNoFolderAndMakesNothing) {
  const auto table = detail::BackendTable();
  ASSERT_FALSE(table.empty());
  EXPECT_EQ(table[0].name, "null");
  ASSERT_NE(table[0].info, nullptr);
  EXPECT_EQ(table[0].info->make, nullptr);
}

TEST(BackendTable, HoldsPrometheusUnlessTheBuildLeftItOut) {
  const auto table = detail::BackendTable();
  const auto row = std::find_if(table.begin(), table.end(),
                                [](const TableRow& r) { return r.name == "prometheus"; });
  ASSERT_NE(row, table.end());
  EXPECT_EQ(row->build_option, "POLYMETER_WITH_PROMETHEUS");
}

}  // namespace
POLYMETER_END_NAMESPACE
