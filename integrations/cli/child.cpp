#include "integrations/cli/child.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <thread>

#include "integrations/cli/process_tree.h"

namespace polymeter::cli {
namespace {

constexpr int kNotFound = 127;
constexpr int kCannotRun = 126;
constexpr int kOwnFailure = 125;
constexpr std::uint64_t kKibi = 1024;

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

bool Outcome::succeeded() const { return started && WIFEXITED(status) && WEXITSTATUS(status) == 0; }

int Outcome::signal() const { return started && WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

int Outcome::code() const {
  if (!started) {
    if (error == ENOENT) return kNotFound;
    return error == 0 ? kOwnFailure : kCannotRun;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + signal();
}

double Outcome::cpu_seconds() const {
  return usage ? Seconds(usage->ru_utime) + Seconds(usage->ru_stime) : 0;
}

std::uint64_t Outcome::peak_rss_bytes() const {
  return usage ? static_cast<std::uint64_t>(usage->ru_maxrss) * kKibi : 0;
}

Child::Child(const ChildPlan& plan, const sigset_t& mask) {
  outcome_.start = outcome_.end = std::chrono::steady_clock::now();
  // Should the guard be killed, what it cared for comes here.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    outcome_.error = errno;
    ended_ = true;
    return;
  }
  socket_ = Fd(ends[0]);
  Fd theirs(ends[1]);
  guard_ = fork();
  if (guard_ == 0) {
    socket_.Close();
    RunGuard(theirs.get(), plan, mask);
  }
  if (guard_ < 0) {
    outcome_.error = errno;
    ended_ = true;
    return;
  }
  theirs.Close();
  if (const auto guard = ReadTreeProcess(guard_)) since_ = guard->start_ticks;
  OnEvent();
}

Child::~Child() {
  socket_.Close();  // the guard ends what is left
  ReapGuard();
}

void Child::OnEvent() {
  if (ended_) return;
  GuardReport report{};
  ssize_t got = 0;
  do {
    got = recv(socket_.get(), &report, sizeof(report), 0);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof(report))) {
    OnReport(report);
  } else {
    TakeOver();
  }
}

void Child::OnReport(const GuardReport& report) {
  const TimePoint now{std::chrono::nanoseconds(report.nanos)};
  switch (report.kind) {
    case GuardReport::Kind::kStarted:
      pid_ = report.pid;
      outcome_.started = true;
      return;
    case GuardReport::Kind::kNotStarted:
      outcome_.error = report.error;
      break;
    case GuardReport::Kind::kEnded:
      outcome_.status = report.status;
      outcome_.usage = report.usage;
      break;
  }
  outcome_.end = now;
  ended_ = true;
  ReapGuard();
}

// The guard was killed; the kernel has killed the child and given it to this process.
void Child::TakeOver() {
  ended_ = true;
  ReapGuard();
  constexpr std::chrono::milliseconds kStep{10};
  constexpr int kSteps = 500;
  outcome_.status = SIGKILL;  // as wait(2) writes it
  for (int i = 0; i < kSteps && pid_ > 0; ++i) {
    const pid_t got = waitpid(pid_, &outcome_.status, WNOHANG);
    if (got != 0) break;
    std::this_thread::sleep_for(kStep);
  }
  EndDescendants(kGuardGrace, since_);
  outcome_.end = std::chrono::steady_clock::now();
}

void Child::ReapGuard() {
  if (guard_ > 0) {
    while (waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  guard_ = -1;
}

void Child::Signal(int signal) {
  const GuardOrder order{signal};
  if (!ended_) static_cast<void>(!send(socket_.get(), &order, sizeof(order), MSG_NOSIGNAL));
}

int EndLike(const Outcome& outcome) {
  const int signal = outcome.signal();
  if (signal == 0) return outcome.code();
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  raise(signal);  // pending while it is blocked
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  return outcome.code();  // it was a signal that does not end a process
}

}  // namespace polymeter::cli
