#include "integrations/cli/guard.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "integrations/cli/process_tree.h"

namespace polymeter::cli {
namespace {

std::int64_t SteadyNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Send(int socket, const GuardReport& report) {
  static_cast<void>(!send(socket, &report, sizeof(report), MSG_NOSIGNAL));
}

// The child's part between fork and exec; `trouble` gets errno when there is no exec.
[[noreturn]] void BecomeChild(const ChildPlan& plan, const sigset_t& mask, pid_t guard,
                              int trouble) {
  // Should the guard be killed, the child goes too: nobody would be left to end it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guard) _exit(EXIT_FAILURE);
  const int streams[] = {plan.input, plan.output, plan.errors};
  for (int i = 0; i < 3; ++i) {
    if (streams[i] >= 0) dup2(streams[i], i);
  }
  for (const auto& [name, value] : plan.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> words;
  for (const std::string& word : plan.command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  execvp(words[0], words.data());
  const int error = errno;
  static_cast<void>(!write(trouble, &error, sizeof(error)));
  _exit(EXIT_FAILURE);
}

// Closes everything but `keep`: pipes must end when the child ends, and not when the guard does.
void KeepOnly(int keep) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; i < 3; ++i) {
    if (null >= 0) {
      dup2(null, i);
    } else {
      close(i);
    }
  }
  const auto close_range_of = [](unsigned first, unsigned last) {
    if (first > last) return;
#if defined(SYS_close_range)
    if (syscall(SYS_close_range, first, last, 0u) == 0) return;
#endif
    constexpr unsigned kHighest = 65536;
    for (unsigned fd = first; fd <= last && fd < kHighest; ++fd) close(static_cast<int>(fd));
  };
  close_range_of(3, static_cast<unsigned>(keep) - 1);
  close_range_of(static_cast<unsigned>(keep) + 1, ~0u);
}

}  // namespace

void RunGuard(int socket, const ChildPlan& plan, const sigset_t& mask) {
  // Nothing but SIGKILL ends the guard before its time.
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  // Ignored, children would vanish without a status.
  struct sigaction before {};
  struct sigaction take {};
  take.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &take, &before);
  prctl(PR_SET_NAME, "polymeter-guard");
  prctl(PR_SET_CHILD_SUBREAPER, 1);

  GuardReport report{};
  int trouble[2] = {-1, -1};
  const pid_t self = getpid();
  pid_t child = -1;
  if (pipe2(trouble, O_CLOEXEC) == 0) child = fork();
  if (child == 0) {
    sigaction(SIGCHLD, &before, nullptr);
    BecomeChild(plan, mask, self, trouble[1]);
  }
  if (child < 0) {
    report.kind = GuardReport::Kind::kNotStarted;
    report.error = errno;
    report.nanos = SteadyNanos();
    Send(socket, report);
    _exit(EXIT_FAILURE);
  }
  setpgid(0, 0);
  close(trouble[1]);
  int error = 0;
  report.pid = child;
  if (read(trouble[0], &error, sizeof(error)) == static_cast<ssize_t>(sizeof(error))) {
    waitpid(child, nullptr, 0);
    report.kind = GuardReport::Kind::kNotStarted;
    report.error = error;
    report.nanos = SteadyNanos();
    Send(socket, report);
    _exit(EXIT_FAILURE);
  }
  report.kind = GuardReport::Kind::kStarted;
  Send(socket, report);
  KeepOnly(socket);

  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  const int signals = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
  while (true) {
    pollfd waits[] = {{signals, POLLIN, 0}, {socket, POLLIN, 0}};
    // Looks from time to time, should there be no signalfd.
    if (poll(waits, 2, 1000) > 0 && waits[1].revents != 0) {
      GuardOrder order{};
      const ssize_t got = recv(socket, &order, sizeof(order), MSG_DONTWAIT);
      if (got == static_cast<ssize_t>(sizeof(order))) kill(child, order.signal);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {  // the command is gone
        kill(child, SIGTERM);  // also where /proc shows nothing
        EndDescendants(kGuardGrace);
        for (const std::string& file : plan.own_files) unlink(file.c_str());
        _exit(EXIT_FAILURE);
      }
    }
    signalfd_siginfo info;
    while (read(signals, &info, sizeof(info)) > 0) {
    }
    int status = 0;
    while (true) {
      const pid_t pid = waitpid(-1, &status, WNOHANG);
      if (pid <= 0) break;
      if (pid != child) continue;
      report.nanos = SteadyNanos();
      // Killed, it could not end what it had started. One that ends by itself may leave a server
      // behind on purpose.
      if (WIFSIGNALED(status)) EndDescendants(kGuardGrace);
      report.kind = GuardReport::Kind::kEnded;
      report.status = status;
      getrusage(RUSAGE_CHILDREN, &report.usage);
      Send(socket, report);
      _exit(EXIT_SUCCESS);
    }
  }
}

}  // namespace polymeter::cli
