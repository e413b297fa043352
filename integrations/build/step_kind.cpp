#include "integrations/build/step_kind.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <string>
#include <vector>

#include "integrations/build/shell_words.h"
#include "integrations/build/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

struct Suffix {
  std::string_view suffix;
  Language language;
};
// Case counts: ".C" is C++, ".c" is C.
constexpr Suffix kSuffixes[] = {
    {"c", Language::kC},          {"i", Language::kC},           {"h", Language::kC},
    {"cc", Language::kCxx},       {"cpp", Language::kCxx},       {"cxx", Language::kCxx},
    {"c++", Language::kCxx},      {"C", Language::kCxx},         {"CPP", Language::kCxx},
    {"ii", Language::kCxx},       {"cppm", Language::kCxx},      {"ccm", Language::kCxx},
    {"cxxm", Language::kCxx},     {"c++m", Language::kCxx},      {"ixx", Language::kCxx},
    {"mpp", Language::kCxx},      {"hh", Language::kCxx},        {"hpp", Language::kCxx},
    {"hxx", Language::kCxx},      {"h++", Language::kCxx},       {"H", Language::kCxx},
    {"m", Language::kObjC},       {"mm", Language::kObjCxx},     {"M", Language::kObjCxx},
    {"cu", Language::kCuda},      {"hip", Language::kHip},       {"f", Language::kFortran},
    {"F", Language::kFortran},    {"for", Language::kFortran},   {"ftn", Language::kFortran},
    {"fpp", Language::kFortran},  {"FPP", Language::kFortran},   {"f77", Language::kFortran},
    {"F77", Language::kFortran},  {"f90", Language::kFortran},   {"F90", Language::kFortran},
    {"f95", Language::kFortran},  {"F95", Language::kFortran},   {"f03", Language::kFortran},
    {"F03", Language::kFortran},  {"f08", Language::kFortran},   {"F08", Language::kFortran},
    {"s", Language::kAssembly},   {"S", Language::kAssembly},    {"sx", Language::kAssembly},
    {"asm", Language::kAssembly}, {"nasm", Language::kAssembly}, {"rs", Language::kRust},
    {"swift", Language::kSwift},  {"go", Language::kGo},
};

constexpr std::string_view kObjectSuffixes[] = {"o", "obj", "gch", "pch", "pcm", "bc", "lo", "ifc"};

// What follows the last dot of the name; empty without one, and for ".name".
std::string_view SuffixOf(std::string_view path) {
  const std::string_view name = FileName(path);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view() : name.substr(dot + 1);
}

bool IsObject(std::string_view path) {
  const std::string_view suffix = SuffixOf(path);
  return std::find(std::begin(kObjectSuffixes), std::end(kObjectSuffixes), suffix) !=
         std::end(kObjectSuffixes);
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Whether a rule's name has a word: letters, digits and '+' between other characters, in any case.
bool HasWord(std::string_view rule, std::string_view word) {
  const auto part_of_word = [](char c) {
    const char lower = Lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '+';
  };
  std::size_t i = 0;
  while (i < rule.size()) {
    if (!part_of_word(rule[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < rule.size() && part_of_word(rule[end])) ++end;
    if (end - i == word.size() &&
        std::equal(word.begin(), word.end(), rule.begin() + static_cast<std::ptrdiff_t>(i),
                   [](char a, char b) { return a == Lower(b); })) {
      return true;
    }
    i = end;
  }
  return false;
}

template <std::size_t N>
bool HasAny(std::string_view rule, const std::string_view (&words)[N]) {
  return std::any_of(std::begin(words), std::end(words),
                     [&](std::string_view word) { return HasWord(rule, word); });
}

// CMake puts the target's name behind "__", which may be any word.
std::string_view WithoutTarget(std::string_view rule) { return rule.substr(0, rule.find("__")); }

struct RuleLanguage {
  std::string_view word;
  Language language;
};
constexpr RuleLanguage kRuleLanguages[] = {
    {"cxx", Language::kCxx},       {"cpp", Language::kCxx},       {"c++", Language::kCxx},
    {"c", Language::kC},           {"cc", Language::kC},          {"objc", Language::kObjC},
    {"objcxx", Language::kObjCxx}, {"objcpp", Language::kObjCxx}, {"cuda", Language::kCuda},
    {"nvcc", Language::kCuda},     {"hip", Language::kHip},       {"fortran", Language::kFortran},
    {"rust", Language::kRust},     {"rustc", Language::kRust},    {"asm", Language::kAssembly},
    {"nasm", Language::kAssembly}, {"swift", Language::kSwift},   {"go", Language::kGo},
};

// A program's name without its folder, version and ".exe": "/usr/bin/x86_64-linux-gnu-g++-12" ->
// "g++" after the last dash of the rest.
std::string ProgramName(std::string_view word) {
  std::string_view name = FileName(word);
  if (EndsWith(name, ".exe")) name.remove_suffix(4);
  while (!name.empty() && (name.back() == '.' || (name.back() >= '0' && name.back() <= '9'))) {
    name.remove_suffix(1);
  }
  if (EndsWith(name, "-")) name.remove_suffix(1);
  const std::size_t dash = name.rfind('-');
  return std::string(dash == std::string_view::npos ? name : name.substr(dash + 1));
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool IsArchiver(std::string_view name) { return IsOneOf(name, {"ar", "lib"}); }
bool IsLinker(std::string_view name) {
  return IsOneOf(name, {"ld", "lld", "ld.lld", "gold", "ld.gold", "mold", "ld.bfd", "link"});
}
bool IsCompiler(std::string_view name) {
  return IsOneOf(name, {"cc",   "c++",   "gcc",      "g++",    "clang", "clang++", "cl",
                        "nvcc", "hipcc", "gfortran", "flang",  "ifort", "ifx",     "icc",
                        "icpc", "icx",   "icpx",     "swiftc", "nvc",   "nvc++"});
}

// What may stand before the program: launchers, their options and numbers, variables.
bool IsBeforeProgram(std::string_view word) {
  return word == ":" || StartsWith(word, "-") || word.find('=') != std::string_view::npos ||
         word.find_first_not_of("0123456789") == std::string_view::npos ||
         IsOneOf(FileName(word),
                 {"ccache", "sccache", "distcc", "icecc", "gomacc", "buildcache", "env", "nice",
                  "ionice", "time", "libtool", "cmake", "__run_co_compile"});
}

using WordIterator = std::vector<std::string>::const_iterator;

std::optional<StepKind> KindOfProgram(WordIterator at, WordIterator end) {
  const std::string program = ProgramName(*at);
  if (IsArchiver(program)) return StepKind::kArchive;
  if (IsLinker(program)) return StepKind::kLink;
  if (IsOneOf(program, {"rustc", "nasm", "yasm", "as"})) return StepKind::kCompile;
  if (!IsCompiler(program)) return std::nullopt;
  bool output = false;
  for (++at; at != end; ++at) {
    if (*at == "-E") return std::nullopt;  // preprocesses
    if (IsOneOf(*at, {"-c", "/c", "-S", "-x", "-dc"})) return StepKind::kCompile;
    output |= StartsWith(*at, "-o");
  }
  if (output) return StepKind::kLink;
  return std::nullopt;  // asked for its version, or to look for dependencies
}

// The higher, the more it says of a command of several.
int Weight(StepKind kind) {
  switch (kind) {
    case StepKind::kArchive:
      return 3;
    case StepKind::kLink:
      return 2;
    case StepKind::kCompile:
      return 1;
    case StepKind::kCustom:
      break;
  }
  return 0;
}

}  // namespace

Language LanguageOfSource(std::string_view path) {
  const std::string_view suffix = SuffixOf(path);
  for (const Suffix& known : kSuffixes) {
    if (known.suffix == suffix) return known.language;
  }
  return Language::kOther;
}

Language LanguageOfOutput(std::string_view path) {
  if (IsObject(path)) {
    path.remove_suffix(SuffixOf(path).size() + 1);
    return LanguageOfSource(path);
  }
  return IsOneOf(SuffixOf(path), {"rlib", "rmeta"}) ? Language::kRust : Language::kOther;
}

std::optional<StepKind> KindOfRule(std::string_view rule) {
  rule = WithoutTarget(rule);
  constexpr std::string_view kNone[] = {"phony", "custom", "rerun",  "regenerate", "action",
                                        "stamp", "copy",   "scan",   "dyndep",     "clean",
                                        "help",  "shsym",  "symlink"};
  constexpr std::string_view kArchive[] = {"ar", "alink", "archive", "archiver", "lib"};
  constexpr std::string_view kLink[] = {"link", "linker", "solink", "ld"};
  constexpr std::string_view kCompile[] = {"compile", "compiler", "pch"};
  if (HasAny(rule, kNone)) return StepKind::kCustom;
  if (HasAny(rule, kArchive)) return StepKind::kArchive;
  if (HasAny(rule, kLink)) {
    return HasWord(rule, "static") ? StepKind::kArchive : StepKind::kLink;
  }
  if (HasAny(rule, kCompile) || LanguageOfRule(rule) != Language::kOther) return StepKind::kCompile;
  return std::nullopt;
}

Language LanguageOfRule(std::string_view rule) {
  rule = WithoutTarget(rule);
  for (const RuleLanguage& known : kRuleLanguages) {
    if (HasWord(rule, known.word)) return known.language;
  }
  return Language::kOther;
}

std::optional<StepKind> KindOfArguments(const std::vector<std::string>& arguments) {
  const auto kind_from = [&](std::vector<std::string>::const_iterator begin) {
    const auto program = std::find_if(
        begin, arguments.end(), [](const std::string& word) { return !IsBeforeProgram(word); });
    return program == arguments.end() ? std::nullopt : KindOfProgram(program, arguments.end());
  };
  const auto kind = kind_from(arguments.begin());
  // After "--" of a launcher that is not known stands the program.
  return kind ? kind : kind_from(std::find(arguments.begin(), arguments.end(), "--"));
}

std::optional<StepKind> KindOfCommand(std::string_view command) {
  std::optional<StepKind> kind;
  std::vector<std::string> words;  // of one command between operators
  const auto end_command = [&] {
    const std::optional<StepKind> part = KindOfArguments(words);
    if (part && (!kind || Weight(*part) > Weight(*kind))) kind = part;
    words.clear();
  };
  while (const auto word = TakeShellWord(command)) {
    if (IsOneOf(*word, {"&&", "||", ";", "|"})) {
      end_command();
    } else {
      words.push_back(Unquote(*word));
    }
  }
  end_command();
  return kind;
}

StepKind KindOfOutput(std::string_view path) {
  if (IsObject(path)) return StepKind::kCompile;
  const std::string_view suffix = SuffixOf(path);
  if (IsOneOf(suffix, {"rlib", "rmeta"})) return StepKind::kCompile;
  if (IsOneOf(suffix, {"a", "lib"})) return StepKind::kArchive;
  if (IsOneOf(suffix, {"so", "dylib", "dll", "exe", "elf", "wasm", "ko"}) ||
      FileName(path).find(".so.") != std::string_view::npos) {
    return StepKind::kLink;
  }
  // Targets of CMake that are no files look like programs.
  const std::string_view name = FileName(path);
  const std::string_view folder = path.substr(0, path.size() - name.size());
  const bool utility = EndsWith(folder, "CMakeFiles/") || EndsWith(folder, "CMakeFiles\\");
  return suffix.empty() && !name.empty() && name.front() != '.' && !utility ? StepKind::kLink
                                                                            : StepKind::kCustom;
}

StepType TypeOfStep(std::string_view rule, std::optional<StepKind> command, std::string_view source,
                    std::string_view output) {
  StepType type;
  const std::optional<StepKind> by_rule = KindOfRule(rule);
  if (by_rule) {
    type.kind = *by_rule;
  } else if (command) {
    type.kind = *command;
  } else {
    type.kind = KindOfOutput(output);
  }
  if (type.kind == StepKind::kCustom) return type;
  if (type.kind == StepKind::kCompile) {
    type.language = LanguageOfSource(source);
    // A header is compiled in the language of its rule.
    if (type.language == Language::kOther || EndsWith(source, ".h")) {
      const Language of_rule = LanguageOfRule(rule);
      if (of_rule != Language::kOther) type.language = of_rule;
    }
    if (type.language == Language::kOther) type.language = LanguageOfOutput(output);
  } else {
    type.language = LanguageOfRule(rule);
  }
  return type;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
