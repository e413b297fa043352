// A build to test with, captured files, and a second opinion by python3.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "polymeter/build.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

inline std::string BuildTestdataPath(const std::string& name) {
  return std::string(POLYMETER_SOURCE_DIR) + "/integrations/build/testdata/" + name;
}

inline std::string ReadBuildTestdata(const std::string& name) {
  std::ifstream file(BuildTestdataPath(name), std::ios::binary);
  EXPECT_TRUE(file) << name;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline BuildStep StepForTest(std::string name, std::string kind, double begin, double seconds,
                             std::string result = "ok") {
  BuildStep step;
  step.name = std::move(name);
  step.kind = std::move(kind);
  if (step.kind == "compile") {
    step.language = "cxx";
    step.source = "src/" + step.name.substr(0, step.name.rfind(".o"));
  }
  step.result = std::move(result);
  step.begin_seconds = begin;
  step.seconds = seconds;
  return step;
}

// Two compilations beside each other, one that failed at an unknown time, an archive, a link.
inline BuildSummary BuildForTest() {
  BuildSummary build;
  build.tool = "ninja";
  build.command = {"ninja", "-C", "build \"x\""};
  build.result = "failure";
  build.exit_code = 1;
  build.begin_unix_ms = 1'795'226'222'170;
  build.wall_seconds = 4;
  build.cpu_user_seconds = 5.25;
  build.cpu_system_seconds = 0.5;
  build.peak_rss_bytes = 130'703'360;
  build.planned_steps = 7;
  build.steps = {
      StepForTest("a.cpp.o", "compile", 0, 1.5),
      StepForTest("b.cpp.o", "compile", 0.001, 2.5),
      StepForTest("c.cpp.o", "compile", 1.5, 0.02, "cached"),
      StepForTest("libcore.a", "archive", 2.501, 0.1),
      StepForTest("app", "link", 2.601, 1.399),
  };
  BuildStep& failed = build.steps.emplace_back(StepForTest("d.cpp.o", "compile", 0, 0, "failed"));
  failed.begin_seconds.reset();
  failed.seconds.reset();
  build.steps[1].peak_rss_bytes = 130'703'360;
  build.critical_path_seconds = 3.999;
  build.critical_path = {"b.cpp.o", "libcore.a", "app"};
  build.phases = {3, 0.75, 2.25, 0.5};
  build.phase_units = 2;
  build.cache = {{"ccache", "direct_hit", "", 1},
                 {"ccache", "miss", "", 2},
                 {"ccache", "uncacheable", "unsupported_compiler_option", 1}};
  build.input_errors = {{"ninja_log", 1}};
  return build;
}

// Writes `text` to a file and runs `script` of testdata on it, which fails where the text is wrong.
// Without python3 the test is skipped, with CI=true it fails.
inline void ExpectPythonAccepts(const std::string& script, const std::string& text) {
  std::string path = ::testing::TempDir() + "/polymeter_build_XXXXXX";
  const int file = mkstemp(path.data());
  ASSERT_GE(file, 0) << path;
  const std::unique_ptr<FILE, int (*)(FILE*)> out(fdopen(file, "w"), &std::fclose);
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), out.get()), text.size());
  ASSERT_EQ(std::fflush(out.get()), 0);
  constexpr int kNoPython = 127;  // what a shell says for a program that is not there
  const std::string command =
      "timeout 30 python3 '" + BuildTestdataPath(script) + "' '" + path + "' 2>&1";
  FILE* const pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said;
  for (int c; (c = std::fgetc(pipe)) != EOF;) said += static_cast<char>(c);
  const int status = pclose(pipe);
  std::remove(path.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoPython) {
    const char* const ci = std::getenv("CI");
    if (ci != nullptr && std::string_view(ci) == "true") FAIL() << "no python3";
    GTEST_SKIP() << "no python3";
  }
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << said;
}

}  // namespace testing
POLYMETER_END_NAMESPACE
