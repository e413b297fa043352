// Runs a program or a piece of code in a child process and says how it ended.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace process {

struct Outcome {
  bool in_time = false;
  int exit_code = -1;  // -1: ended by a signal
  int signal = 0;
  std::string output;  // what it wrote to stdout (a program) or to the pipe (code)
};

constexpr std::chrono::seconds kLimit{60};  // so that a hang ends; sanitizers are slow

class Child {
 public:
  // Runs `body(fd)` in a forked child, which then ends with its result by _exit.
  static Child Fork(const std::function<int(int fd)>& body) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return {};
    const pid_t pid = fork();
    if (pid == 0) {
      close(ends[0]);
      _exit(body(ends[1]));
    }
    close(ends[1]);
    return Child(pid, ends[0]);
  }
  static Child Spawn(const std::vector<std::string>& command) {
    return Fork([&](int fd) {
      std::vector<char*> arguments;
      for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      dup2(fd, STDOUT_FILENO);
      execv(arguments[0], arguments.data());
      return 127;
    });
  }

  Child(Child&& other) noexcept : pid_(other.pid_), fd_(other.fd_), output_(other.output_) {
    other.pid_ = -1;
    other.fd_ = -1;
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ > 0) Wait();
  }

  pid_t pid() const { return pid_; }

  // Reads until the output has `text`; gives all that came so far.
  const std::string& ReadUntil(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + kLimit;
    while (output_.find(text) == std::string::npos && ReadSome(end)) {
    }
    return output_;
  }

  // Reads to the end of the output and waits; kills it at the limit.
  Outcome Wait() {
    const auto end = std::chrono::steady_clock::now() + kLimit;
    Outcome outcome;
    // First the process, then its output: a grandchild may hold the pipe.
    int status = 0;
    while (true) {
      ReadSome(std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        outcome.in_time = true;
        break;
      }
      if (std::chrono::steady_clock::now() > end) {
        kill(pid_, SIGKILL);
        waitpid(pid_, &status, 0);
        break;
      }
    }
    while (ReadSome(std::chrono::steady_clock::now())) {
    }
    close(fd_);
    pid_ = -1;
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    outcome.output = output_;
    return outcome;
  }

 private:
  Child() = default;
  Child(pid_t pid, int fd) : pid_(pid), fd_(fd) {}

  // False when the output has ended or nothing came before `end`.
  bool ReadSome(std::chrono::steady_clock::time_point end) {
    if (ended_) {
      const auto left = end - std::chrono::steady_clock::now();
      if (left.count() > 0) usleep(1000);
      return false;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, std::max(0, static_cast<int>(left.count()))) <= 0) return false;
    char bytes[4096];
    const ssize_t n = read(fd_, bytes, sizeof(bytes));
    if (n <= 0) {
      ended_ = true;
      return false;
    }
    output_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  pid_t pid_ = -1;
  int fd_ = -1;
  bool ended_ = false;
  std::string output_;
};

// For Child::Fork bodies: sends text to the parent.
inline void Tell(int fd, const std::string& text) {
  static_cast<void>(!write(fd, text.data(), text.size()));
}

}  // namespace process
