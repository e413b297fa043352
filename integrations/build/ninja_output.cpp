#include "integrations/build/ninja_output.h"

#include <algorithm>
#include <utility>

#include "integrations/build/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

constexpr std::size_t kMostRuns = 16;      // that lie in or behind each other
constexpr std::uint64_t kMostLevels = 64;  // of make in make
constexpr std::uint64_t kMostSteps = 1'000'000'000;
constexpr std::size_t kLongestProgress = 64;  // of the part in brackets

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes digits off the front; nothing without one, or when it is too large for a build.
std::optional<std::uint64_t> TakeNumber(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && IsDigit(text[size])) ++size;
  const auto number = WholeNumber<std::uint64_t>(text.substr(0, size));
  text.remove_prefix(size);
  if (number && *number > kMostSteps) return std::nullopt;
  return number;
}

bool Take(std::string_view& text, std::string_view beginning) {
  if (!StartsWith(text, beginning)) return false;
  text.remove_prefix(beginning.size());
  return true;
}

// Without colours and the commands that clear a line (ECMA-48 control sequences).
std::string WithoutControls(std::string_view line) {
  std::string plain;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\x1b') {
      plain += line[i];
      continue;
    }
    if (i + 1 >= line.size() || line[i + 1] != '[') continue;
    i += 2;
    while (i < line.size() && line[i] >= 0x20 && line[i] < 0x40) ++i;
  }
  return plain;
}

std::string_view WithoutBlanks(std::string_view text) {
  while (StartsWith(text, " ")) text.remove_prefix(1);
  while (EndsWith(text, " ")) text.remove_suffix(1);
  return text;
}

// Of "Makefile:12: all" the target; old makes write it alone.
std::string_view TargetOf(std::string_view place) {
  const std::size_t colon = place.find(": ");
  if (colon == std::string_view::npos || colon == 0 || !IsDigit(place[colon - 1])) return place;
  return place.substr(colon + 2);
}

}  // namespace

void OutputReader::Read(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t line_feed = bytes.find('\n');
    std::string_view line = bytes.substr(0, line_feed);
    bytes.remove_prefix(line_feed == std::string_view::npos ? bytes.size() : line_feed + 1);
    // A terminal's lines are written over each other.
    for (std::size_t end = line.find('\r'); end != std::string_view::npos; end = line.find('\r')) {
      Append(line.substr(0, end));
      EndLine();
      line.remove_prefix(end + 1);
    }
    Append(line);
    if (line_feed != std::string_view::npos) EndLine();
  }
}

void OutputReader::Finish() { EndLine(); }

void OutputReader::Append(std::string_view piece) {
  line_.append(piece.substr(0, kLongestLine - line_.size()));
}

void OutputReader::EndLine() {
  if (line_.find('\x1b') == std::string::npos) {
    ReadLine(line_);
  } else {
    ReadLine(WithoutControls(line_));
  }
  line_.clear();
}

void OutputReader::ReadLine(std::string_view line) {
  if (line.empty()) return;
  if (ReadProgress(line)) {
    after_progress_ = result_.tool == Tool::kNinja;
    return;
  }
  if (!ReadNinja(line)) ReadMake(line);
  after_progress_ = false;
}

// "[3/20] " of ninja (a NINJA_STATUS may have more behind the numbers), "[ 15%] " of CMake's
// makefiles.
bool OutputReader::ReadProgress(std::string_view line) {
  if (!Take(line, "[")) return false;
  while (Take(line, " ")) {
  }
  const auto done = TakeNumber(line);
  if (!done) return false;
  if (Take(line, "%] ")) {
    if (result_.tool == Tool::kOther) result_.tool = Tool::kMake;
    if (!StartsWith(line, "Built target ")) {
      ++make_steps_;
      Count();
    }
    return true;
  }
  if (!Take(line, "/")) return false;
  const auto total = TakeNumber(line);
  if (!total || *total == 0 || *done > *total || line.empty() || IsDigit(line.front()))
    return false;
  if (line.substr(0, kLongestProgress).find("] ") == std::string_view::npos) return false;
  if (result_.tool == Tool::kOther) result_.tool = Tool::kNinja;
  Progress(*done, *total);
  return true;
}

void OutputReader::Progress(std::uint64_t done, std::uint64_t total) {
  const bool falls = !runs_.empty() && done < runs_.back().done;
  if (runs_.empty()) {
    runs_.push_back({});
  } else if (falls || total != runs_.back().total) {
    // The ninja below goes on, whose step ran the last one; or another one begins; or steps have
    // left the plan, or come to it.
    const auto below = std::find_if(runs_.rbegin() + 1, runs_.rend(), [&](const Run& run) {
      return run.done < done && (falls ? total <= run.total : total == run.total);
    });
    if (below != runs_.rend()) {
      runs_.erase(below.base(), runs_.end());
    } else if (falls) {
      runs_.push_back({});
    }
  }
  if (runs_.size() > kMostRuns) {
    before_.done += runs_.front().done;
    before_.planned += runs_.front().planned;
    runs_.erase(runs_.begin());
  }
  Run& run = runs_.back();
  run.done = done;
  run.total = total;
  run.planned = std::max(run.planned, total);
  Count();
}

void OutputReader::Count() {
  std::uint64_t ran = before_.done + make_steps_;
  std::uint64_t planned = before_.planned;
  for (const Run& run : runs_) {
    ran += run.done;
    planned += run.planned;
  }
  result_.ran = ran;
  if (!runs_.empty()) result_.planned = planned;
  if (ran > 0) result_.nothing_to_do = false;
}

bool OutputReader::ReadNinja(std::string_view line) {
  if (Take(line, "FAILED: ")) {
    std::optional<int> code;
    std::string_view rest = line;
    if (Take(rest, "[code=")) {
      const std::size_t end = rest.find("] ");
      if (end != std::string_view::npos) code = WholeNumber<int>(rest.substr(0, end));
      if (code) line = rest.substr(end + 2);
    }
    Failed(line, code, after_progress_ || code.has_value());
    return true;
  }
  if (!Take(line, "ninja: ")) return false;
  if (result_.tool == Tool::kOther) result_.tool = Tool::kNinja;
  if (StartsWith(line, "build stopped: ")) {
    result_.stopped = true;
    if (line.find("interrupted") != std::string_view::npos) result_.interrupted = true;
  }
  if (StartsWith(line, "error: ") || StartsWith(line, "fatal: ")) result_.error = true;
  if (StartsWith(line, "no work to do")) result_.nothing_to_do = result_.ran.value_or(0) == 0;
  return true;
}

// "make: " or, in a make that another runs, "make[2]: ".
bool OutputReader::ReadMake(std::string_view line) {
  if (!Take(line, "make") && !Take(line, "gmake")) return false;
  std::uint64_t level = 0;
  if (Take(line, "[")) {
    const auto number = TakeNumber(line);
    if (!number || !Take(line, "]")) return false;
    level = std::min(*number, kMostLevels - 1);
  }
  if (!Take(line, ": ")) return false;
  if (result_.tool == Tool::kOther) result_.tool = Tool::kMake;
  if (Take(line, "*** ")) ReadMakeError(line, level);
  if (StartsWith(line, "Nothing to be done") || EndsWith(line, "is up to date.")) {
    result_.nothing_to_do = result_.ran.value_or(0) == 0;
  }
  return true;
}

// "[Makefile:12: app] Error 1", "[app] Killed", "No rule to make target 'x'.  Stop."
void OutputReader::ReadMakeError(std::string_view line, std::uint64_t level) {
  const std::size_t end = line.rfind("] ");
  if (!Take(line, "[") || end == std::string_view::npos || end == 0) {
    if (EndsWith(line, "Stop.")) {
      result_.stopped = true;
      result_.error = true;
    }
    return;
  }
  const std::string_view target = TargetOf(line.substr(0, end - 1));
  std::string_view what = line.substr(end + 1);
  result_.stopped = true;
  if (StartsWith(what, "Interrupt") || StartsWith(what, "Terminated")) {
    result_.interrupted = true;
    return;
  }
  std::optional<std::uint64_t> code;
  if (Take(what, "Error ")) code = TakeNumber(what);

  // A make that fails makes the one that ran it fail, with 2.
  make_errors_.resize(kMostLevels, 0);
  const auto deeper =
      std::find_if(make_errors_.begin() + static_cast<std::ptrdiff_t>(level) + 1,
                   make_errors_.end(), [](std::uint64_t count) { return count > 0; });
  ++make_errors_[level];
  if (code == 2u && deeper != make_errors_.end()) {
    --*deeper;
    return;
  }
  std::optional<int> exit_code;
  if (code) exit_code = static_cast<int>(*code);
  Failed(target, exit_code, true);
}

void OutputReader::Failed(std::string_view outputs, std::optional<int> exit_code, bool sure) {
  outputs = WithoutBlanks(outputs);
  if (outputs.empty()) return;
  ++result_.failed_count;
  if (result_.failed.size() < kMostFailedEdges) {
    result_.failed.push_back({std::string(outputs), exit_code, sure});
  }
}

BuildOutput Join(const BuildOutput& standard_output, const BuildOutput& standard_error) {
  BuildOutput joined = standard_output;
  const BuildOutput& other = standard_error;
  if (joined.tool == Tool::kOther) joined.tool = other.tool;
  if (!joined.planned) joined.planned = other.planned;
  if (!joined.ran) joined.ran = other.ran;
  for (const FailedEdge& failed : other.failed) {
    if (joined.failed.size() >= kMostFailedEdges) break;
    joined.failed.push_back(failed);
  }
  joined.failed_count += other.failed_count;
  joined.stopped |= other.stopped;
  joined.interrupted |= other.interrupted;
  joined.error |= other.error;
  joined.nothing_to_do =
      (joined.nothing_to_do || other.nothing_to_do) && joined.ran.value_or(0) == 0;
  return joined;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
