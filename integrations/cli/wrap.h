// What the wrapping commands have in common: the child is started first, while there are no
// threads; then the metrics begin, and everything passes through; at the end the metrics are
// pushed and the command ends as the child did.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "integrations/cli/child.h"
#include "integrations/cli/command_line.h"
#include "integrations/cli/loop.h"
#include "integrations/cli/own_metrics.h"
#include "integrations/cli/signals.h"
#include "integrations/cli/streams.h"

namespace polymeter::cli {

class Wrap {
 public:
  explicit Wrap(const CommandLine& line);

  // Starts the child; from here on there may be threads. The command's own standard streams are
  // set aside (see LeaveStreamsToChild), so copy first what is needed of them.
  void Start(const ChildPlan& plan);
  // Says why, when it could not be run.
  bool started() const { return child_->outcome().started; }
  Child& child() { return *child_; }
  const Metrics& metrics() const { return metrics_->get(); }

  void Loop(const LoopPlan& plan);
  const Outcome& outcome() const { return child_->outcome(); }

  // Pushes the metrics. `result` is the exit code where the child's own is 0. Does not return where
  // the child died by a signal.
  int End(int result = 0);

  // Runs `body`; what it throws is said and changes nothing.
  static void Guarded(const std::function<void()>& body) noexcept;

 private:
  std::chrono::milliseconds push_timeout_{5000};
  Signals signals_;
  std::optional<Child> child_;
  std::optional<OwnMetrics> metrics_;
};

}  // namespace polymeter::cli
