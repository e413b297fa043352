#include "integrations/cli/wrap.h"

#include <signal.h>

#include <cstring>
#include <exception>
#include <string>

namespace polymeter::cli {

Wrap::Wrap(const CommandLine& line) {
  if (const auto text = line.Value("--push-timeout")) {
    if (const auto millis = ParseMillis(*text)) push_timeout_ = std::chrono::milliseconds(*millis);
  }
}

void Wrap::Start(const ChildPlan& plan) {
  child_.emplace(plan, signals_.original());
  // A reader that went away is an error of write(2) here, and the child's own affair there.
  signal(SIGPIPE, SIG_IGN);
  if (!started()) {
    Say(plan.command.front() + " cannot be run: " + std::strerror(outcome().error));
  }
  LeaveStreamsToChild();
  metrics_.emplace();
}

void Wrap::Loop(const LoopPlan& plan) { RunLoop(*child_, signals_, plan); }

int Wrap::End(int result) {
  metrics_->Push(push_timeout_);
  const Outcome outcome = child_->outcome();
  child_.reset();
  metrics_.reset();
  return outcome.succeeded() && result != 0 ? result : EndLike(outcome);
}

void Wrap::Guarded(const std::function<void()>& body) noexcept {
  try {
    body();
  } catch (const std::exception& e) {
    Say(e.what());
  } catch (...) {
    Say("something went wrong");
  }
}

}  // namespace polymeter::cli
