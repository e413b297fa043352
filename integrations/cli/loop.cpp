#include "integrations/cli/loop.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <thread>

namespace polymeter::cli {
namespace {

constexpr std::chrono::seconds kPatience{60};
// For what the child has left behind to write its last, as `exec > >(tee log)` does in a shell.
constexpr std::chrono::seconds kQuietTime{1};
constexpr int kStepMillis = 100;  // for what poll(2) does not tell

bool Ends(int signal) {
  return signal == SIGHUP || signal == SIGINT || signal == SIGQUIT || signal == SIGTERM;
}

class Loop {
 public:
  Loop(Child& child, Signals& signals, const LoopPlan& plan)
      : child_(child), signals_(signals), plan_(plan) {}

  void Run() {
    while (!Finished()) {
      waits_.clear();
      waits_.push_back({signals_.fd(), POLLIN, 0});
      waits_.push_back({child_.ended() ? -1 : child_.event_fd(), POLLIN, 0});
      for (Pump* const pump : plan_.from_child) pump->Prepare(waits_);
      for (Pump* const pump : plan_.to_child) pump->Prepare(waits_);
      if (poll(waits_.data(), waits_.size(), Timeout()) < 0) {
        if (errno != EINTR) std::this_thread::sleep_for(std::chrono::milliseconds(kStepMillis));
        continue;  // else there is no memory, now
      }
      // Bytes first: they are why there is a hurry.
      for (Pump* const pump : plan_.from_child) pump->Handle(waits_);
      for (Pump* const pump : plan_.to_child) pump->Handle(waits_);
      if (waits_[1].revents != 0) child_.OnEvent();
      if (waits_[0].revents != 0) OnSignals();
    }
  }

 private:
  bool Finished() {
    if (!child_.ended()) return false;
    for (Pump* const pump : plan_.to_child) pump->Drop();
    bool done = true;
    std::uint64_t moved = 0;
    for (Pump* const pump : plan_.from_child) {
      done = done && pump->done();
      moved += pump->moved();
    }
    const TimePoint now = std::chrono::steady_clock::now();
    if (moved != moved_ || progress_ == TimePoint()) progress_ = now;
    moved_ = moved;
    if (now - progress_ > kQuietTime) {
      for (Pump* const pump : plan_.from_child) pump->TakeWhatIsThere();
    }
    return done || interrupted_ || now - progress_ > kPatience;
  }

  int Timeout() const {
    if (!child_.ended()) return -1;
    for (const Pump* const pump : plan_.from_child) {
      if (pump->looks_for_end()) return 0;
    }
    return kStepMillis;
  }

  void OnSignals() {
    for (auto signal = signals_.Next(); signal.number != 0; signal = signals_.Next()) {
      if (child_.ended()) {
        interrupted_ = interrupted_ || Ends(signal.number);
      } else if (signal.number == SIGWINCH && plan_.resized) {
        plan_.resized();
        child_.Signal(SIGWINCH);
      } else if (!signal.from_terminal) {
        child_.Signal(signal.number);
      }
    }
  }

  Child& child_;
  Signals& signals_;
  const LoopPlan& plan_;
  std::vector<pollfd> waits_;
  std::uint64_t moved_ = 0;
  TimePoint progress_{};
  bool interrupted_ = false;
};

}  // namespace

void RunLoop(Child& child, Signals& signals, const LoopPlan& plan) {
  Loop(child, signals, plan).Run();
}

}  // namespace polymeter::cli
