// Certificates as a test needs them, made by the `openssl` command in a folder of the test's own.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// A folder that goes away with its object.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "polymeter-XXXXXX").string();
    path_ = mkdtemp(name.data()) == nullptr ? "" : name;
    EXPECT_FALSE(path_.empty());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string File(const std::string& name) const { return path_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(File(name), std::ios::binary) << text;
    return File(name);
  }

 private:
  std::string path_;
};

// Each name makes NAME.pem and NAME.key in the folder.
class Certificates {
 public:
  explicit Certificates(const TestFolder& folder) : folder_(folder) {}

  void Authority(const std::string& name) const {
    OpenSsl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" +
            name + " -keyout " + Key(name) + " -out " + Pem(name));
  }
  // Of `localhost` and 127.0.0.1. `days`: negative ones are over already.
  void Signed(const std::string& name, const std::string& authority, int days = 2) const {
    OpenSsl("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=" + name +
            " -keyout " + Key(name) + " -out " + folder_.File(name + ".csr"));
    folder_.Write(name + ".ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    OpenSsl("x509 -req -days " + std::to_string(days) + " -in " + folder_.File(name + ".csr") +
            " -CA " + Pem(authority) + " -CAkey " + Key(authority) + " -CAcreateserial -extfile " +
            folder_.File(name + ".ext") + " -out " + Pem(name));
  }
  void OpenSsl(const std::string& arguments) const {
    ASSERT_EQ(std::system(("openssl " + arguments + " >/dev/null 2>&1").c_str()), 0) << arguments;
  }
  std::string Pem(const std::string& name) const { return folder_.File(name + ".pem"); }
  std::string Key(const std::string& name) const { return folder_.File(name + ".key"); }

 private:
  const TestFolder& folder_;
};

}  // namespace testing
POLYMETER_END_NAMESPACE
