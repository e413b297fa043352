// Starts a real server in a folder of its own and ends it, whatever happens to the test.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace server_test {

namespace fs = std::filesystem;
using Command = std::vector<std::string>;

constexpr std::chrono::seconds kLimit{60};  // so that a hang ends; machines are slow

// Where ./dev unpacks Debian packages of programs.
inline fs::path Tools() { return fs::path(POLYMETER_SOURCE_DIR) / "build" / "tools"; }

// In PATH, then where ./dev unpacks, then where Debian installs PostgreSQL; empty when nowhere.
inline std::string FindProgram(const std::string& name) {
  std::vector<fs::path> folders;
  const char* const path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  for (std::size_t end = 0; !rest.empty(); rest.erase(0, end + 1)) {
    end = std::min(rest.find(':'), rest.size());
    folders.emplace_back(rest.substr(0, end));
    if (end == rest.size()) break;
  }
  folders.push_back(Tools() / "usr" / "bin");
  for (const fs::path& root : {Tools(), fs::path("/")}) {
    std::error_code error;
    for (const auto& version : fs::directory_iterator(root / "usr/lib/postgresql", error)) {
      folders.push_back(version.path() / "bin");
    }
  }
  for (const fs::path& folder : folders) {
    if (access((folder / name).c_str(), X_OK) == 0) return folder / name;
  }
  return {};
}

// Names what is missing: a failure where CI=true, else a skip. To be used in the test itself.
#define SKIP_WITHOUT(program)                                       \
  if (::server_test::FindProgram(program).empty()) {                \
    const char* const ci = std::getenv("CI");                       \
    ASSERT_STRNE(ci == nullptr ? "" : ci, "true") << "no " program; \
    GTEST_SKIP() << "no " program " (./dev unpacks it)";            \
  }

// A folder with a short path (sockets lie in it), removed at the end.
class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "polymeter-XXXXXX";
    if (mkdtemp(name.data()) != nullptr) path_ = name;
    // Servers that refuse to run as root run as nobody.
    if (geteuid() == 0 && chown(path_.c_str(), 65534, 65534) != 0) path_.clear();
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Process {
 public:
  // What it prints goes to the file `log`.
  Process(const Command& command, const std::string& log) {
    Command words = Prefix();
    words.insert(words.end(), command.begin(), command.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { Stop(SIGKILL); }

  // Its exit code; -1 when it had to be killed.
  int Wait() {
    const auto end = std::chrono::steady_clock::now() + kLimit;
    while (pid_ > 0 && std::chrono::steady_clock::now() < end) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
    return -1;
  }
  void Stop(int signal) {
    if (pid_ <= 0) return;
    kill(pid_, signal);
    Wait();
  }

 private:
  // Libraries that were unpacked with the program; another user than root, who keeps root's
  // sight of files, since the tree may lie where nobody else can look.
  static Command Prefix() {
    Command prefix{"env"};
    std::error_code error;
    for (const auto& folder : fs::directory_iterator(Tools() / "usr/lib", error)) {
      if (folder.path().filename().string().find("-linux-gnu") != std::string::npos) {
        prefix.push_back("LD_LIBRARY_PATH=" + folder.path().string());
      }
    }
    if (geteuid() != 0) return prefix;
    for (const char* const word :
         {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--pdeathsig=KILL",
          "--inh-caps=+dac_override", "--ambient-caps=+dac_override"}) {
      prefix.emplace_back(word);
    }
    return prefix;
  }

  pid_t pid_ = -1;
};

inline std::string ReadWhole(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Tries until it is so or the limit is over.
template <class Condition>
bool Eventually(Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + kLimit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace server_test
