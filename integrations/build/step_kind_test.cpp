#include "integrations/build/step_kind.h"

#include <gtest/gtest.h>

namespace polymeter::detail::build {
namespace {

TEST(StepKind, IsKnownFromARulesName) {
  const struct {
    const char* rule;
    std::optional<StepKind> kind;
    Language language;
  } kRules[] = {
      {"CXX_COMPILER__core_", StepKind::kCompile, Language::kCxx},
      {"C_COMPILER__my_custom_ar_Debug", StepKind::kCompile, Language::kC},
      {"CUDA_COMPILER__core_unscanned_", StepKind::kCompile, Language::kCuda},
      {"Fortran_COMPILER__core_", StepKind::kCompile, Language::kFortran},
      {"ASM_COMPILER__core_", StepKind::kCompile, Language::kAssembly},
      {"OBJCXX_COMPILER__core_", StepKind::kCompile, Language::kObjCxx},
      {"CXX_STATIC_LIBRARY_LINKER__core_", StepKind::kArchive, Language::kCxx},
      {"CXX_SHARED_LIBRARY_LINKER__core_", StepKind::kLink, Language::kCxx},
      {"CXX_EXECUTABLE_LINKER__app_", StepKind::kLink, Language::kCxx},
      {"CUDA_EXECUTABLE_DEVICE_LINKER__app_", StepKind::kLink, Language::kCuda},
      {"CXX_SCAN__core_", StepKind::kCustom, Language::kCxx},
      {"CXX_DYNDEP__core_", StepKind::kCustom, Language::kCxx},
      {"CUSTOM_COMMAND", StepKind::kCustom, Language::kOther},
      {"CMAKE_SYMLINK_LIBRARY", StepKind::kCustom, Language::kOther},
      {"RERUN_CMAKE", StepKind::kCustom, Language::kOther},
      {"phony", StepKind::kCustom, Language::kOther},
      {"cpp_COMPILER", StepKind::kCompile, Language::kCxx},
      {"c_LINKER", StepKind::kLink, Language::kC},
      {"STATIC_LINKER", StepKind::kArchive, Language::kOther},
      {"rust_COMPILER", StepKind::kCompile, Language::kRust},
      {"cxx", StepKind::kCompile, Language::kCxx},
      {"clang_x64_cxx", StepKind::kCompile, Language::kCxx},
      {"alink", StepKind::kArchive, Language::kOther},
      {"solink_module", StepKind::kLink, Language::kOther},
      {"ar", StepKind::kArchive, Language::kOther},
      {"stamp", StepKind::kCustom, Language::kOther},
      {"frobnicate", std::nullopt, Language::kOther},
      {"", std::nullopt, Language::kOther},
  };
  for (const auto& row : kRules) {
    EXPECT_EQ(KindOfRule(row.rule), row.kind) << row.rule;
    EXPECT_EQ(LanguageOfRule(row.rule), row.language) << row.rule;
  }
}

TEST(StepKind, IsKnownFromACommand) {
  const struct {
    const char* command;
    std::optional<StepKind> kind;
  } kCommands[] = {
      {"/usr/bin/clang++ -Ia -o a.o -c a.cpp", StepKind::kCompile},
      {"ccache /usr/bin/x86_64-linux-gnu-g++-12 -o a.o -c a.cpp", StepKind::kCompile},
      {"/usr/bin/cmake -E __run_co_compile --tidy=\"t;x\" --source=a.c -- /usr/bin/cc -c a.c",
       StepKind::kCompile},
      {"polymeter launch -- cc -c a.c", StepKind::kCompile},
      {"clang-cl.exe /nologo -c -- a.cpp", StepKind::kCompile},
      {"env LANG=C nice -n 10 cc -c a.c", StepKind::kCompile},
      {"\"/opt/my tools/gcc\" -c a.c", StepKind::kCompile},
      {": && /usr/bin/clang++ -ftime-trace main.o -o app libcore.a && :", StepKind::kLink},
      {": && /usr/bin/cmake -E rm -f libcore.a && /usr/bin/llvm-ar-14 qc libcore.a a.o && "
       "/usr/bin/llvm-ranlib libcore.a && :",
       StepKind::kArchive},
      {"ld.lld -o app a.o", StepKind::kLink},
      {"rustc --crate-name x x.rs", StepKind::kCompile},
      {"cd /d && /usr/bin/cmake -E copy a b", std::nullopt},
      {"cp ar cc", std::nullopt},
      {"cc --version", std::nullopt},
      {"cc -E script.ld.in -o script.ld", std::nullopt},
      {"python3 gen.py -c x -o gen.h", std::nullopt},
      {"&& || ; |", std::nullopt},
      {"'", std::nullopt},
      {"\\", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& row : kCommands) EXPECT_EQ(KindOfCommand(row.command), row.kind) << row.command;
}

TEST(StepKind, IsGuessedFromAnOutput) {
  EXPECT_EQ(KindOfOutput("CMakeFiles/core.dir/a.cpp.o"), StepKind::kCompile);
  EXPECT_EQ(KindOfOutput("cmake_pch.hxx.gch"), StepKind::kCompile);
  EXPECT_EQ(KindOfOutput("libcore.a"), StepKind::kArchive);
  EXPECT_EQ(KindOfOutput("libcore.so.1.2.3"), StepKind::kLink);
  EXPECT_EQ(KindOfOutput("bin/app"), StepKind::kLink);
  EXPECT_EQ(KindOfOutput("gen.h"), StepKind::kCustom);
  EXPECT_EQ(KindOfOutput("build.ninja"), StepKind::kCustom);
  EXPECT_EQ(KindOfOutput("CMakeFiles/check"), StepKind::kCustom);
  EXPECT_EQ(KindOfOutput("sub/CMakeFiles/check.util"), StepKind::kCustom);
  EXPECT_EQ(KindOfOutput("dir/.stamp"), StepKind::kCustom);
  EXPECT_EQ(KindOfOutput("dir/"), StepKind::kCustom);
  EXPECT_EQ(KindOfOutput(""), StepKind::kCustom);
}

TEST(StepKind, HasTheLanguageOfASourcesSuffix) {
  EXPECT_EQ(LanguageOfSource("a.c"), Language::kC);
  EXPECT_EQ(LanguageOfSource("a.C"), Language::kCxx);
  EXPECT_EQ(LanguageOfSource("dir.c/a.cpp"), Language::kCxx);
  EXPECT_EQ(LanguageOfSource("a.ixx"), Language::kCxx);
  EXPECT_EQ(LanguageOfSource("a.cu"), Language::kCuda);
  EXPECT_EQ(LanguageOfSource("a.F90"), Language::kFortran);
  EXPECT_EQ(LanguageOfSource("a.rs"), Language::kRust);
  EXPECT_EQ(LanguageOfSource("a.mm"), Language::kObjCxx);
  EXPECT_EQ(LanguageOfSource("a.S"), Language::kAssembly);
  EXPECT_EQ(LanguageOfSource("a.unknown"), Language::kOther);
  EXPECT_EQ(LanguageOfSource("dir.c/a"), Language::kOther);
  EXPECT_EQ(LanguageOfSource(".c"), Language::kOther);
  EXPECT_EQ(LanguageOfSource("a."), Language::kOther);
  EXPECT_EQ(LanguageOfOutput("app.p/main.cpp.o"), Language::kCxx);
  EXPECT_EQ(LanguageOfOutput("obj/base.o"), Language::kOther);
  EXPECT_EQ(LanguageOfOutput("libx.rlib"), Language::kRust);
}

TEST(StepKind, TakesTheSurestThatIsKnown) {
  const auto expect = [](const StepType& type, StepKind kind, Language language) {
    EXPECT_EQ(type.kind, kind);
    EXPECT_EQ(type.language, language);
  };
  expect(TypeOfStep("CXX_COMPILER__x_", {}, "a.c", "a.c.o"), StepKind::kCompile, Language::kC);
  expect(TypeOfStep("CXX_COMPILER__x_", {}, "pch.h", "pch.h.gch"), StepKind::kCompile,
         Language::kCxx);
  expect(TypeOfStep("", StepKind::kLink, "a.o", "app.bin"), StepKind::kLink, Language::kOther);
  expect(TypeOfStep("", {}, "", "CMakeFiles/x.dir/a.cpp.o"), StepKind::kCompile, Language::kCxx);
  expect(TypeOfStep("CUSTOM_COMMAND", {}, "gen.c", "gen.o"), StepKind::kCustom, Language::kOther);
  expect(TypeOfStep("cc", {}, "", "x.o"), StepKind::kCompile, Language::kC);
  expect(TypeOfStep("", {}, "", ""), StepKind::kCustom, Language::kOther);
}

// One for each enumerator, and none twice.
TEST(BuildModel, HasALabelForEachValue) {
  EXPECT_EQ(LabelValue(StepKind::kCustom), "custom");
  EXPECT_EQ(LabelValue(StepResult::kCached), "cached");
  EXPECT_EQ(LabelValue(BuildResult::kInterrupted), "interrupted");
  EXPECT_EQ(LabelValue(Tool::kOther), "other");
  EXPECT_EQ(LabelValue(Language::kC), "c");
  EXPECT_EQ(LabelValue(Language::kAssembly), "assembly");
  EXPECT_EQ(LabelValue(Language::kGo), "go");
  EXPECT_EQ(LabelValue(Language::kOther), "other");
}

}  // namespace
}  // namespace polymeter::detail::build
