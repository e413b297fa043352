// Runs a program that is talked to line by line. Ended, whatever happens, in the destructor.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    int in[2];
    int out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
      ADD_FAILURE() << "no pipe";
      return;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid_ = 0;
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    in_ = in[1];
    out_ = out[0];
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    Kill();
    CloseInput();
    if (out_ >= 0) close(out_);
  }

  bool started() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  void Tell(const std::string& line) {
    const std::string sent = line + "\n";
    if (write(in_, sent.data(), sent.size()) != static_cast<ssize_t>(sent.size())) {
      ADD_FAILURE() << "cannot send " << line;
    }
  }
  // The line that answers; empty, and a failure, after half a minute without one.
  std::string Ask(const std::string& line) {
    Tell(line);
    return ReadLine();
  }
  std::string ReadLine() {
    while (text_.find('\n') == std::string::npos) {
      if (!ReadMore()) {
        ADD_FAILURE() << "no line from the program";
        return {};
      }
    }
    const std::size_t end = text_.find('\n');
    const std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
  }
  // All it writes until it ends.
  std::string ReadAll() {
    while (ReadMore()) {
    }
    return std::move(text_);
  }
  void CloseInput() {
    if (in_ >= 0) close(in_);
    in_ = -1;
  }
  // Its exit code; -1 when a signal ended it.
  int Wait() {
    int status = 0;
    if (pid_ > 0) waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // For `command -v`: whether it ends well.
  bool Found() {
    CloseInput();
    ReadAll();
    return Wait() == 0;
  }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    Wait();
  }

 private:
  bool ReadMore() {
    pollfd wait{out_, POLLIN, 0};
    if (poll(&wait, 1, 30000) <= 0) return false;
    char buffer[4096];
    const ssize_t got = read(out_, buffer, sizeof(buffer));
    if (got > 0) text_.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }

  pid_t pid_ = 0;
  int in_ = -1;
  int out_ = -1;
  std::string text_;
};

}  // namespace testing
POLYMETER_END_NAMESPACE
