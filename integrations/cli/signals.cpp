#include "integrations/cli/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace polymeter::cli {
namespace {

constexpr int kPassedOn[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};

bool IsIgnored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// A signal from the terminal goes to all of the group, but for this: when the terminal goes away,
// the leader of its session alone learns of it.
bool FromTerminal(const signalfd_siginfo& info) {
  return info.ssi_code == SI_KERNEL && (info.ssi_signo != SIGHUP || getsid(0) != getpid());
}

}  // namespace

Signals::Signals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int signal : kPassedOn) {
    if (!IsIgnored(signal)) sigaddset(&taken, signal);
  }
  pthread_sigmask(SIG_BLOCK, &taken, &original_);
  fd_ = Fd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
}

Signals::Signal Signals::Next() {
  signalfd_siginfo info{};
  if (!fd_ || read(fd_.get(), &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return {};
  return {static_cast<int>(info.ssi_signo), FromTerminal(info)};
}

}  // namespace polymeter::cli
