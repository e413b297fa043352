// What a Metrics reports of its backends' formats. What the built-in ones say is tested against
// their encoders in test/conformance.
#include "polymeter/portability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/src/core_access.h"
#include "sdk/testing/log_capture.h"

namespace polymeter {
namespace {

using ::testing::HasSubstr;
using testing::LogCapture;

class Picky : public Backend {
 public:
  Status Start(SnapshotSource&) override { return {}; }
  Status Stop(Deadline) noexcept override { return {}; }
  BackendReport Report() const override { return {}; }
  std::vector<PortabilityNote> CheckPortability(const FamilyDescription& family) const override {
    if (family.type != MetricType::kHistogram) return {};
    seen = family;
    return {{{}, "picky", PortabilityEffect::kNotCarried, "no histograms", true},
            {{}, {}, PortabilityEffect::kUnitLost, "no units", false}};
  }

  mutable FamilyDescription seen;
};

class Throwing final : public Picky {
 public:
  std::vector<PortabilityNote> CheckPortability(const FamilyDescription&) const override {
    throw std::runtime_error("no idea");
  }
};

TEST(Portability, SaysOnceWhatAnOwnBackendDoesToAFamilyThatCouldBeAvoided) {
  LogCapture log;
  const auto picky = std::make_shared<Picky>();
  const Metrics metrics(Options().AddBackend(picky).Prefix("p_").Log(log.callback()));
  const auto histogram = metrics.Histogram(
      "h_seconds", "H.", {"a"}, FamilyOptions().Unit("s").Buckets({1}).OtelName("h.h").Exemplars());
  metrics.Counter("c_total", "C.");
  EXPECT_EQ(picky->seen.name, "p_h_seconds");
  EXPECT_EQ(picky->seen.unit, "seconds");
  EXPECT_EQ(picky->seen.otel_name, "h.h");
  EXPECT_EQ(picky->seen.labels, (std::vector<std::string_view>{"a"}));
  EXPECT_TRUE(picky->seen.explicit_buckets);
  EXPECT_FALSE(picky->seen.native);
  ASSERT_EQ(log.messages().size(), 1u);
  EXPECT_EQ(log.messages()[0], "family p_h_seconds in picky: not carried (no histograms)");
  metrics.Histogram("h_seconds", "H.", {"a"}, FamilyOptions().Unit("s").Buckets({1}));
  EXPECT_EQ(log.messages().size(), 1u) << "the family is known";
}

TEST(Portability, ReportsEveryNoteOfEveryFamily) {
  const Metrics metrics(Options().AddBackend(std::make_shared<Picky>()).Log([](LogLevel, auto) {}));
  metrics.Histogram("h", "H.");
  metrics.Gauge("g", "G.");
  metrics.Histogram("k", "K.");
  const auto report = metrics.PortabilityReport();
  ASSERT_EQ(report.size(), 4u);
  EXPECT_EQ(report[0].family, "h");
  EXPECT_EQ(report[0].backend, "picky");
  EXPECT_EQ(report[0].effect, PortabilityEffect::kNotCarried);
  EXPECT_TRUE(report[0].avoidable);
  EXPECT_EQ(report[1].backend, "own") << "it gave no name";
  EXPECT_EQ(report[2].family, "k");
  EXPECT_THAT(ToString(report), HasSubstr("h: picky: not carried (no histograms), avoidable\n"
                                          "h: own: unit lost (no units)\n"));
}

TEST(Portability, TakesNoHarmFromABackendThatThrows) {
  LogCapture log;
  const Metrics metrics(Options()
                            .AddBackend(std::make_shared<Throwing>())
                            .AddBackend(std::make_shared<Picky>())
                            .Log(log.callback()));
  EXPECT_TRUE(metrics.TryHistogram("h", "H."));
  EXPECT_EQ(metrics.PortabilityReport().size(), 2u);
  EXPECT_EQ(log.Count("not carried"), 1);
}

TEST(Portability, KeepsNoBackendAlive) {
  auto picky = std::make_shared<Picky>();
  const std::weak_ptr<Picky> watched = picky;
  CounterFamily<1> family;
  {
    const Metrics metrics(Options().AddBackend(std::move(picky)).Log([](LogLevel, auto) {}));
    family = metrics.Counter("c_total", "C.", {"a"});
  }
  EXPECT_TRUE(watched.expired()) << "a family is still there, and with it the registry";
}

TEST(Portability, AsksTheBuiltInBackendsOfTheConfiguration) {
  LogCapture log;
  detail::CoreConfig config;
  config.options.Consumer().Log(log.callback());
  config.check_portability = [](const FamilyDescription& family) -> std::vector<PortabilityNote> {
    if (family.unit.empty()) return {};
    return {{{}, "built_in", PortabilityEffect::kUnitLost, "no place", true}};
  };
  const Metrics metrics = detail::CoreAccess::Make(std::move(config));
  metrics.Gauge("g", "G.", FamilyOptions().Unit("bytes"));
  EXPECT_EQ(log.Count("family g in built_in: unit lost (no place)"), 1);
  EXPECT_EQ(metrics.PortabilityReport().size(), 1u);
}

TEST(Portability, HasNothingToSayWithoutABackend) {
  LogCapture log;
  const Metrics metrics(Options().Consumer().Log(log.callback()));
  metrics.Gauge("wait", "W.", FamilyOptions().Unit("seconds"));
  EXPECT_TRUE(log.messages().empty()) << "nobody loses the unit";
  EXPECT_TRUE(metrics.PortabilityReport().empty());
  EXPECT_TRUE(Metrics().PortabilityReport().empty());
}

}  // namespace
}  // namespace polymeter
