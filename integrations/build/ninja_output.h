// What ninja and make print while they build, also through `cmake --build`: progress, and steps
// that failed, which ninja's log does not have. See https://ninja-build.org/manual.html and
// make(1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/build/build_model.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

struct FailedEdge {
  std::string outputs;           // as printed: names, separated by blanks that names may hold too
  std::optional<int> exit_code;  // make, and ninja from 1.13 on
  // It stands where ninja or make print it; else it may be the text of some command.
  bool sure = false;
};

// A tool's output up to now.
struct BuildOutput {
  Tool tool = Tool::kOther;  // kNinja or kMake, by what it prints
  // ninja: the most steps that it meant to run, and the last count of those that it ran; sums
  // where it starts again. make (with CMake's rules): the lines of steps, and no plan.
  std::optional<std::uint64_t> planned;
  std::optional<std::uint64_t> ran;
  std::vector<FailedEdge> failed;  // the first kMostFailedEdges
  std::uint64_t failed_count = 0;  // of all of them, sure or not
  bool stopped = false;            // it gave up: something failed
  bool interrupted = false;
  bool nothing_to_do = false;
  bool error = false;  // the tool's own: no such target, no build file
};
constexpr std::size_t kMostFailedEdges = 1000;

// Reads a stream in pieces of any size; gives the same whatever the pieces are. Bytes after the
// first kLongestLine of a line are not looked at, nor kept. One reader a stream: ninja prints all
// of it on standard output but its own errors, make its failures on standard error. Not
// thread-safe.
class OutputReader {
 public:
  static constexpr std::size_t kLongestLine = 4096;

  void Read(std::string_view bytes);
  // At the end: a last line without an end of line is read too.
  void Finish();
  // Whole lines up to now.
  const BuildOutput& result() const { return result_; }

 private:
  // Progress of a ninja; of one that a step of another runs, the other's lies below it.
  struct Run {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    std::uint64_t planned = 0;
  };

  void Append(std::string_view piece);
  void EndLine();
  void ReadLine(std::string_view line);
  bool ReadProgress(std::string_view line);
  bool ReadNinja(std::string_view line);
  bool ReadMake(std::string_view line);
  void ReadMakeError(std::string_view line, std::uint64_t level);
  void Progress(std::uint64_t done, std::uint64_t total);
  void Failed(std::string_view outputs, std::optional<int> exit_code, bool sure);
  void Count();

  BuildOutput result_;
  std::string line_;             // of the line that has not ended
  std::vector<Run> runs_;        // bounded
  Run before_;                   // sums of the runs that left it
  bool after_progress_ = false;  // the last line was one of progress
  std::uint64_t make_steps_ = 0;
  std::vector<std::uint64_t> make_errors_;  // by level, those that no outer make has told again
};

// Both of a tool's streams.
BuildOutput Join(const BuildOutput& standard_output, const BuildOutput& standard_error);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
