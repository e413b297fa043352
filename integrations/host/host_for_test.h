// What the tests of this folder share.
#pragma once

#include <stdlib.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

#include "integrations/host/stat_pool.h"
#include "polymeter/options.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

inline std::string TestData(const std::string& name) {
  return std::string(POLYMETER_SOURCE_DIR) + "/integrations/host/testdata/" + name;
}

inline std::string ReadTestData(const std::string& name) {
  std::ifstream file(TestData(name), std::ios::binary);
  if (!file) throw std::runtime_error("no " + TestData(name));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A copy of the captured tree, to be damaged.
class Tree {
 public:
  Tree() {
    std::string pattern = (std::filesystem::temp_directory_path() / "polymeter_host_XXXXXX");
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder");
    path_ = pattern;
    std::filesystem::copy(TestData("captured"), path_, std::filesystem::copy_options::recursive);
  }
  ~Tree() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  std::string path() const { return path_; }
  void Remove(const std::string& name) const { std::filesystem::remove_all(path_ / name); }
  void Write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  // Opens and does not read, as a file does whose driver fails; root may read everything else.
  void MakeUnreadable(const std::string& name) const {
    Remove(name);
    std::filesystem::create_directory(path_ / name);
  }

 private:
  std::filesystem::path path_;
};

// A machine whose mounts answer or hang, as told. Copies share it; a call that hangs ends when
// the mount recovers.
class FakeMounts {
 public:
  AskMount ask() const {
    return [state = state_](const std::string& path, MountNumbers& numbers) {
      std::unique_lock lock(state->mutex);
      ++state->calls;
      state->changed.notify_all();
      state->changed.wait(lock, [&] { return state->dead.count(path) == 0; });
      numbers = {1000, 600, 500, 30, 20};
      return true;
    };
  }
  void Kill(const std::string& path) const {
    const std::lock_guard lock(state_->mutex);
    state_->dead.insert(path);
  }
  void Recover() const {
    const std::lock_guard lock(state_->mutex);
    state_->dead.clear();
    state_->changed.notify_all();
  }
  int calls() const {
    const std::lock_guard lock(state_->mutex);
    return state_->calls;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::string> dead;
    int calls = 0;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
