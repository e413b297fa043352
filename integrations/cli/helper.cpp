#include "integrations/cli/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "integrations/cli/fd.h"

namespace polymeter::cli {
namespace {

pid_t Spawn(const std::vector<std::string>& command, int output) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  // There are other threads: system calls alone.
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvp(words[0], words.data());
  _exit(127);
}

bool ReadAll(int from, std::chrono::steady_clock::time_point end, std::size_t most,
             std::string& text) {
  std::vector<char> buffer(std::size_t{64} << 10);
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd wait{from, POLLIN, 0};
    const int ready = poll(&wait, 1, static_cast<int>(std::max<long>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got == 0) return true;
    if (got < 0) return false;
    if (text.size() + static_cast<std::size_t>(got) > most) return false;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

std::optional<std::string> OutputOf(const std::vector<std::string>& command,
                                    std::chrono::milliseconds timeout, std::size_t most) {
  int ends[2];
  if (command.empty() || pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t pid = Spawn(command, theirs.get());
  theirs.Close();
  if (pid < 0) return std::nullopt;
  std::string text;
  const bool whole = ReadAll(ours.get(), std::chrono::steady_clock::now() + timeout, most, text);
  if (!whole) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return text;
}

}  // namespace polymeter::cli
