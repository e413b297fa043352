// The core and its backends.
#include "sdk/src/core_access.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

#include "polymeter/metrics.h"
#include "sdk/testing/log_capture.h"

namespace polymeter {
namespace {

// Takes a snapshot while it starts, as a thread of its own might.
class EarlyBackend final : public Backend {
 public:
  Status Start(SnapshotSource& source) override {
    static_cast<void>(source.TakeSnapshot());
    started_ = true;
    return {};
  }
  Status Stop(Deadline deadline) noexcept override {
    time_to_stop = deadline - std::chrono::steady_clock::now();
    return {};
  }
  BackendReport Report() const override {
    if (!started_) ++early_reports;
    BackendReport report;
    report.name = "early";
    return report;
  }

  mutable std::atomic<int> early_reports{0};
  std::chrono::steady_clock::duration time_to_stop{};

 private:
  std::atomic<bool> started_{false};
};

TEST(Core, AsksABackendForItsReportOnlyOnceItHasStarted) {
  const auto backend = std::make_shared<EarlyBackend>();
  const Metrics metrics(Options().AddBackend(backend));
  EXPECT_EQ(backend->early_reports, 0);
  EXPECT_EQ(metrics.Reports().size(), 1u);
}

TEST(Core, LeavesOutBackendsThatCannotBeMade) {
  testing::LogCapture log;
  const auto backend = std::make_shared<EarlyBackend>();
  detail::CoreConfig config;
  config.options.AddBackend(backend).AddBackend(nullptr).Log(log.callback());
  config.make_backends = []() -> std::vector<std::shared_ptr<Backend>> {
    throw std::runtime_error("why");
  };
  const Metrics metrics = detail::CoreAccess::Make(std::move(config));
  EXPECT_EQ(metrics.Reports().size(), 1u);
  EXPECT_EQ(log.Count("why"), 1);
}

TEST(Core, TakesTheLongestStopDeadlineThatThereIs) {
  const auto backend = std::make_shared<EarlyBackend>();
  {
    const Metrics metrics(
        Options().AddBackend(backend).StopDeadline(std::chrono::milliseconds::max()));
  }
  EXPECT_GT(backend->time_to_stop, std::chrono::hours(1));
}

}  // namespace
}  // namespace polymeter
