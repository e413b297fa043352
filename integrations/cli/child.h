// The child of the command, behind its guard.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "integrations/cli/fd.h"
#include "integrations/cli/guard.h"
#include "integrations/cli/pump.h"

namespace polymeter::cli {

struct Outcome {
  bool started = false;
  int error = 0;   // not started: errno
  int status = 0;  // of wait(2)
  TimePoint start{};
  TimePoint end{};
  // Of the child and everything below it that was waited for; ru_maxrss (KiB) is that of the
  // largest one. Nothing when the guard was killed.
  std::optional<rusage> usage;

  bool succeeded() const;
  // What a shell calls it: the exit code; 128 + the signal; 127 or 126 when it could not be run.
  int code() const;
  int signal() const;  // 0: none
  std::chrono::nanoseconds duration() const { return end - start; }
  double cpu_seconds() const;
  std::uint64_t peak_rss_bytes() const;
};

class Child {
 public:
  // Forks, so call it before there are threads. Waits until the program runs or cannot be run:
  // then ended() and outcome() say why.
  Child(const ChildPlan& plan, const sigset_t& mask);
  // A child that still runs is ended.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  pid_t guard() const { return guard_; }
  // Readable when something is to be learned; then call OnEvent.
  int event_fd() const { return socket_.get(); }
  void OnEvent();
  bool ended() const { return ended_; }
  const Outcome& outcome() const { return outcome_; }
  void Signal(int signal);

 private:
  void OnReport(const GuardReport& report);
  void TakeOver();
  void ReapGuard();

  Fd socket_;
  pid_t guard_ = -1;
  pid_t pid_ = -1;
  bool ended_ = false;
  std::uint64_t since_ = 0;  // of the guard
  Outcome outcome_;
};

// Ends this process as the child ended: returns its code, or dies by its signal without writing a
// second core.
int EndLike(const Outcome& outcome);

}  // namespace polymeter::cli
