#include "polymeter/executor_monitor.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "integrations/runtime/executor_timer.h"
#include "integrations/runtime/runtime_families.h"
#include "integrations/runtime/say.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

class DepthProducer final : public Producer {
 public:
  DepthProducer(std::string executor, std::function<double()> depth)
      : executor_(std::move(executor)), depth_(std::move(depth)), options_(OptionsOf(Row())) {}

  void Collect(FamilySink& sink) override {
    const double depth = depth_();  // what it throws is the core's to catch and count
    sink.BeginFamily(Row().type, Row().name, Row().help, options_);
    sink.Gauge({{"executor", executor_}}, depth);
  }

 private:
  static const detail::FamilyRow& Row() {
    return detail::kRuntimeFamilies[detail::RuntimeRow("executor_queue_depth")];
  }

  const std::string executor_;
  const std::function<double()> depth_;
  const FamilyOptions options_;
};

std::shared_ptr<detail::ExecutorHeart> MakeHeart(const Metrics& metrics, const std::string& name,
                                                 const ExecutorOptions& options) {
  constexpr const detail::FamilyRow& kLag =
      detail::kRuntimeFamilies[detail::RuntimeRow("executor_lag_seconds")];
  constexpr const detail::FamilyRow& kStalls =
      detail::kRuntimeFamilies[detail::RuntimeRow("executor_stalls_total")];
  const std::vector<double> bounds(std::begin(detail::kExecutorLagBounds),
                                   std::end(detail::kExecutorLagBounds));
  const auto lag = metrics.Histogram(kLag.name, kLag.help, {"executor"},
                                     detail::OptionsOf(kLag).Buckets(bounds));
  const auto stalls =
      metrics.Counter(kStalls.name, kStalls.help, {"executor"}, detail::OptionsOf(kStalls));
  const std::chrono::milliseconds least(1);
  return std::make_shared<detail::ExecutorHeart>(lag.With(name), stalls.With(name),
                                                 std::max(options.interval(), least),
                                                 std::max(options.stall_after(), least));
}

}  // namespace

ExecutorMonitor::ExecutorMonitor(const Metrics& metrics, std::string name, Post post,
                                 const ExecutorOptions& options) noexcept {
  if (!metrics.recording()) return;
  try {
    if (post) {
      timer_ = std::make_unique<detail::ExecutorTimer>(MakeHeart(metrics, name, options),
                                                       std::move(post));
    }
    if (options.depth()) {
      // Shared: a depth that hangs is abandoned.
      depth_ =
          metrics.AddProducer(std::make_shared<DepthProducer>(std::move(name), options.depth()));
    }
  } catch (const std::exception& e) {
    detail::SayWarning(metrics, std::string("executor monitor: no heartbeats: ") + e.what());
  } catch (...) {  // a copy of the application's callables
    detail::SayWarning(metrics, "executor monitor: no heartbeats");
  }
}

ExecutorMonitor::ExecutorMonitor(ExecutorMonitor&&) noexcept = default;
ExecutorMonitor& ExecutorMonitor::operator=(ExecutorMonitor&&) noexcept = default;
ExecutorMonitor::~ExecutorMonitor() = default;

POLYMETER_END_NAMESPACE
