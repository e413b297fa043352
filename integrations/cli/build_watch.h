// Watches one run of a build tool that knows nothing of it: where its log stood before, what it
// prints, what its compilers leave behind; and makes a BuildSummary of all that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "integrations/build/log_mark.h"
#include "integrations/build/ninja_output.h"
#include "integrations/cli/build_place.h"
#include "integrations/cli/child.h"
#include "polymeter/build.h"

namespace polymeter::cli {

struct BuildWatchOptions {
  std::vector<std::string> command;
  std::string folder;                     // empty: from the command
  std::string proc_stats;                 // empty: none
  std::optional<std::string> ccache_log;  // CCACHE_STATSLOG, where the user has one
};

class BuildWatch {
 public:
  // Before the build begins.
  explicit BuildWatch(const BuildWatchOptions& options);
  ~BuildWatch() { RemoveFiles(); }
  BuildWatch(const BuildWatch&) = delete;
  BuildWatch& operator=(const BuildWatch&) = delete;

  // What the build's environment gets: files of its own for ccache's log and for steps.
  const std::vector<std::pair<std::string, std::string>>& environment() const {
    return environment_;
  }
  // Files that are removed by RemoveFiles, which the destructor calls.
  const std::vector<std::string>& own_files() const { return own_files_; }
  void RemoveFiles();
  void Output(std::string_view bytes) { output_.Read(bytes); }
  void Errors(std::string_view bytes) { errors_.Read(bytes); }
  // After it ended.
  BuildSummary Finish(const Outcome& outcome);

 private:
  std::string LogPath() const { return folder_ + "/.ninja_log"; }
  void Give(const char* variable, const std::string& file);
  void MarkNinjaLog();
  void ReadNinja(BuildSummary& summary);
  void AddSteps(BuildSummary& summary) const;
  void AddCcache(BuildSummary& summary) const;
  std::vector<std::string> GraphCommand() const;

  const BuildWatchOptions options_;
  const BuildPlace place_;
  std::string folder_;
  std::int64_t began_us_ = 0;
  detail::build::LogMark mark_;
  std::string ccache_log_;
  std::uint64_t ccache_log_size_ = 0;
  std::string step_log_;
  std::vector<std::string> own_files_;
  std::vector<std::pair<std::string, std::string>> environment_;
  detail::build::OutputReader output_;
  detail::build::OutputReader errors_;
};

// The last build of an old log, or nothing and why.
struct OldBuild {
  std::optional<BuildSummary> build;
  std::size_t builds = 0;  // in the log
  std::string error;
};
OldBuild ReadOldLog(const std::string& path);

}  // namespace polymeter::cli
