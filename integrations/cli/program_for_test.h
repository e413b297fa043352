// Runs a program with pipes (or a terminal) for its standard streams, for tests. Whatever happens,
// it ends.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "integrations/cli/fd.h"

namespace polymeter::cli::testing {

inline const std::string kChild = POLYMETER_TEST_CHILD;  // testdata/child_for_test.cpp

inline constexpr std::chrono::seconds kLimit{60};

struct Ended {
  int code = -1;   // -1: by a signal
  int signal = 0;  // 0: none
  std::string output;
  std::string errors;
};

class Program {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  explicit Program(const std::vector<std::string>& command, const Environment& environment = {},
                   const std::string& folder = {}) {
    int in[2];
    int out[2];
    int err[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
      ADD_FAILURE() << "no pipes";
      return;
    }
    pid_ = fork();
    if (pid_ == 0) {
      setpgid(0, 0);
      dup2(in[0], 0);
      dup2(out[1], 1);
      dup2(err[1], 2);
      // What the tests' own environment says of metrics is not theirs.
      unsetenv("METRICS_BACKEND");
      unsetenv("OTEL_METRICS_EXPORTER");
      for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
      if (!folder.empty() && chdir(folder.c_str()) != 0) _exit(126);
      std::vector<char*> words;
      for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
      words.push_back(nullptr);
      execvp(words[0], words.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    input_ = Fd(in[1]);
    output_ = Fd(out[0]);
    errors_ = Fd(err[0]);
  }
  ~Program() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  void CloseInput() { input_.Close(); }
  void CloseOutput() { output_.Close(); }
  int input() const { return input_.get(); }
  int output() const { return output_.get(); }

  void Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(input_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      ASSERT_GT(written, 0);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  // Until standard output holds `size` bytes, or has ended.
  const std::string& ReadOutput(std::size_t size) {
    const auto end = Now() + kLimit;
    while (texts_.output.size() < size && output_ && Now() < end) ReadSome();
    return texts_.output;
  }
  // Until standard output holds `text`; false when it never does.
  bool ReadUntil(std::string_view text) {
    const auto end = Now() + kLimit;
    while (texts_.output.find(text) == std::string::npos && output_ && Now() < end) ReadSome();
    return texts_.output.find(text) != std::string::npos;
  }
  // The first line; without its end.
  std::string ReadLine() {
    const auto end = Now() + kLimit;
    while (texts_.output.find('\n') == std::string::npos && output_ && Now() < end) ReadSome();
    return texts_.output.substr(0, texts_.output.find('\n'));
  }
  void Signal(int signal) const { kill(pid_, signal); }

  // To the end of the program and of what it writes; kills it at the limit.
  Ended Wait() {
    const auto end = Now() + kLimit;
    int status = 0;
    bool over = false;
    while (!over && Now() < end) {
      ReadSome();
      over = waitpid(pid_, &status, WNOHANG) == pid_;
    }
    if (!over) {
      ADD_FAILURE() << "it does not end";
      kill(pid_, SIGKILL);
      waitpid(pid_, &status, 0);
    }
    pid_ = -1;
    for (const auto last = Now() + std::chrono::seconds(5); (output_ || errors_) && Now() < last;) {
      if (!ReadSome()) break;
    }
    texts_.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    texts_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return texts_;
  }

 private:
  static std::chrono::steady_clock::time_point Now() { return std::chrono::steady_clock::now(); }

  // False when nothing came for a while.
  bool ReadSome() {
    pollfd waits[] = {{output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}};
    if (poll(waits, 2, 10) <= 0) return false;
    Take(waits[0], output_, texts_.output);
    Take(waits[1], errors_, texts_.errors);
    return true;
  }
  static void Take(const pollfd& wait, Fd& from, std::string& to) {
    if (wait.fd < 0 || wait.revents == 0) return;
    char buffer[65536];
    const ssize_t got = read(from.get(), buffer, sizeof(buffer));
    if (got > 0) {
      to.append(buffer, static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      from.Close();
    }
  }

  pid_t pid_ = -1;
  Fd input_;
  Fd output_;
  Fd errors_;
  Ended texts_;
};

// The command under test with a subcommand's options and a program.
inline std::vector<std::string> Cli(std::vector<std::string> words) {
  words.insert(words.begin(), POLYMETER_CLI);
  return words;
}

inline Ended RunCli(std::vector<std::string> words, const Program::Environment& environment = {},
                    const std::string& folder = {}) {
  Program program(Cli(std::move(words)), environment, folder);
  program.CloseInput();
  return program.Wait();
}

// Whether a process is there and no zombie. Waits a little for one that is just ending.
inline bool Lives(pid_t pid) {
  for (int i = 0; i < 1000; ++i) {
    const std::string path = "/proc/" + std::to_string(pid) + "/stat";
    const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[512];
    const ssize_t got = file ? read(file.get(), text, sizeof(text)) : 0;
    if (got <= 0) return false;
    const std::string_view stat(text, static_cast<std::size_t>(got));
    const std::size_t name = stat.rfind(')');
    if (name == std::string_view::npos || stat.substr(name, 3) == ") Z") return false;
    usleep(10000);
  }
  return true;
}

// Whether `program` can be run; where it cannot, the test is skipped, or fails with CI=true.
inline bool Have(const std::string& program) {
  const std::string command = "command -v " + program + " >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}
inline bool InCi() {
  const char* const ci = std::getenv("CI");
  return ci != nullptr && std::string_view(ci) == "true";
}
#define POLYMETER_NEEDS(program)                                                 \
  if (!::polymeter::cli::testing::Have(program)) {                               \
    ASSERT_FALSE(::polymeter::cli::testing::InCi()) << program << " is missing"; \
    GTEST_SKIP() << "no " << program;                                            \
  }

// A folder that goes away with its contents.
class Folder {
 public:
  Folder() {
    path_ = ::testing::TempDir() + "polymeter_cli_XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "no folder";
  }
  ~Folder() {
    const std::string command = "rm -rf '" + path_ + "'";
    static_cast<void>(!std::system(command.c_str()));
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline void WriteText(const std::string& path, const std::string& text) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr) << path;
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
}

}  // namespace polymeter::cli::testing
