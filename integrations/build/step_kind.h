// What a step does, and in which language, by the names that CMake, Meson, GN and people give.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/build/build_model.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

// By a source's suffix; kOther for those that are not on the list. Headers of C++ have a language
// as precompiled ones do; ".h" is C.
Language LanguageOfSource(std::string_view path);
// By the source's name within an object's, as CMake ("a.cpp.o") and Meson write it.
Language LanguageOfOutput(std::string_view path);
// "CXX_COMPILER__core_" (CMake), "cpp_COMPILER" (Meson), "clang_cxx" (GN), "cc"; nothing for a rule
// that does not tell.
std::optional<StepKind> KindOfRule(std::string_view rule);
Language LanguageOfRule(std::string_view rule);
// A shell's command: launchers (ccache) are seen through.
std::optional<StepKind> KindOfCommand(std::string_view command);
// The same of a command without a shell.
std::optional<StepKind> KindOfArguments(const std::vector<std::string>& arguments);
// The least certain: by suffix, and a name without one is a program.
StepKind KindOfOutput(std::string_view path);

struct StepType {
  StepKind kind = StepKind::kCustom;
  Language language = Language::kOther;
};
// By all that is known, the surest first: the rule, the command's kind, the output; for the
// language the source, the rule, the output. What is not known is empty. A custom step's language
// is kOther.
StepType TypeOfStep(std::string_view rule, std::optional<StepKind> command, std::string_view source,
                    std::string_view output);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
