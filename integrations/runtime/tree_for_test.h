// A root with files of one's own, and the captures in testdata.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

inline std::string CapturedRoot(std::string_view name) {
  return std::string(POLYMETER_SOURCE_DIR "/integrations/runtime/testdata/").append(name);
}

// Removed at the end.
class Tree {
 public:
  Tree() {
    path_ = (std::filesystem::path(::testing::TempDir()) / "polymeter_root_XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "no folder " << path_;
  }
  // A copy of a captured one, to be changed.
  explicit Tree(std::string_view captured) : Tree() {
    std::filesystem::copy(CapturedRoot(captured), path_, std::filesystem::copy_options::recursive);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  // `file` is relative to the root.
  void Write(const std::string& file, std::string_view text) const {
    const std::filesystem::path path = std::filesystem::path(path_) / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::trunc) << text;
  }
  std::string Read(const std::string& file) const {
    std::ifstream in(std::filesystem::path(path_) / file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Remove(const std::string& file) const {
    std::filesystem::remove_all(std::filesystem::path(path_) / file);
  }

 private:
  std::string path_;
};

}  // namespace testing
POLYMETER_END_NAMESPACE
