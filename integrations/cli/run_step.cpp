// polymeter step: a launcher in front of one command of a build.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

#include "integrations/cli/child.h"
#include "integrations/cli/commands.h"
#include "integrations/cli/fd.h"
#include "integrations/cli/own_metrics.h"
#include "integrations/cli/step_log.h"
#include "sdk/src/env.h"

namespace polymeter::cli {
namespace {

std::int64_t UnixMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Returns only when there is no such program: the exit code.
int Become(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execvp(words[0], words.data());
  const int error = errno;
  Say(command[0] + " cannot be run: " + std::strerror(error));
  return error == ENOENT ? 127 : 126;
}

void Append(const std::string& path, const std::string& line) {
  const Fd file(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (file) static_cast<void>(!write(file.get(), line.data(), line.size()));
}

}  // namespace

int RunStep(const CommandLine& line) {
  const detail::Environment environment = detail::Environment::OfProcess();
  const auto log = environment.Get(kStepsVariable);
  if (!log) return Become(line.program);

  // A step belongs to its build tool, which ends it itself: a signal to the group reaches both, and
  // should this process be killed alone, so is the step.
  StepRecord record = DescribeStep(line.program);
  record.begin_us = UnixMicros();
  const pid_t self = getpid();
  // Ignored, the step would vanish without a status.
  struct sigaction before {};
  struct sigaction take {};
  take.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &take, &before);
  const pid_t pid = fork();
  if (pid <= 0) sigaction(SIGCHLD, &before, nullptr);
  if (pid < 0) return Become(line.program);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != self) _exit(kUsageError);
    _exit(Become(line.program));
  }
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  for (const int signal : {SIGINT, SIGQUIT}) sigaction(signal, &ignore, nullptr);
  Outcome outcome;
  outcome.started = true;
  rusage usage{};
  while (wait4(pid, &outcome.status, 0, &usage) < 0 && errno == EINTR) {
  }
  record.end_us = std::max(record.begin_us, UnixMicros());
  outcome.usage = usage;
  record.peak_rss_bytes = outcome.peak_rss_bytes();
  record.code = outcome.code();
  char folder[4096];
  if (getcwd(folder, sizeof(folder)) != nullptr) record.folder = folder;
  Append(std::string(*log), FormatStep(record));
  return EndLike(outcome);
}

}  // namespace polymeter::cli
