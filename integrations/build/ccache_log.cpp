#include "integrations/build/ccache_log.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "integrations/build/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

constexpr std::size_t kMostCalls = 1'000'000;

constexpr std::string_view kDirectHit = "direct_hit";
constexpr std::string_view kPreprocessedHit = "preprocessed_hit";
constexpr std::string_view kMiss = "miss";
constexpr std::string_view kUncacheable = "uncacheable";
constexpr std::string_view kError = "error";

struct Counter {
  std::string_view name;
  std::string_view result;
};

// The counters that say how a call ended, and as what ccache itself (4.7 to 4.12) counts them. A
// failed compilation is uncacheable there. Those of the storage and of look-ups on the way say
// nothing.
constexpr Counter kCounters[] = {
    {"autoconf_test", kUncacheable},
    {"bad_compiler_arguments", kUncacheable},
    {"bad_input_file", kError},
    {"bad_output_file", kError},
    {"cache_miss", kMiss},
    {"called_for_link", kUncacheable},
    {"called_for_preprocessing", kUncacheable},
    {"compile_failed", kUncacheable},
    {"compiler_check_failed", kError},
    {"compiler_produced_empty_output", kUncacheable},
    {"compiler_produced_no_output", kUncacheable},
    {"compiler_produced_stdout", kUncacheable},
    {"could_not_find_compiler", kError},
    {"could_not_use_modules", kUncacheable},
    {"could_not_use_precompiled_header", kUncacheable},
    {"direct_cache_hit", kDirectHit},
    {"disabled", kUncacheable},
    {"error_hashing_extra_file", kError},
    {"internal_error", kError},
    {"missing_cache_file", kError},
    {"modified_input_file", kError},
    {"multiple_source_files", kUncacheable},
    {"no_input_file", kUncacheable},
    {"output_to_stdout", kUncacheable},
    {"preprocessed_cache_hit", kPreprocessedHit},
    {"preprocessor_error", kUncacheable},
    {"recache", kUncacheable},
    {"unsupported_code_directive", kUncacheable},
    {"unsupported_compiler_option", kUncacheable},
    {"unsupported_environment_variable", kUncacheable},
    {"unsupported_source_encoding", kUncacheable},
    {"unsupported_source_language", kUncacheable},
};

const Counter* FindCounter(std::string_view name) {
  const auto* const at =
      std::lower_bound(std::begin(kCounters), std::end(kCounters), name,
                       [](const Counter& a, std::string_view b) { return a.name < b; });
  return at != std::end(kCounters) && at->name == name ? at : nullptr;
}

// Where a call has several, the one that says most: what the user got, then what stood in the way.
int Weight(std::string_view result) {
  if (result == kDirectHit) return 5;
  if (result == kPreprocessedHit) return 4;
  if (result == kError) return 3;
  if (result == kUncacheable) return 2;
  return result == kMiss ? 1 : 0;
}

bool LooksLikeACounter(std::string_view line) {
  return !line.empty() && std::all_of(line.begin(), line.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// Puts the calls together, line by line.
class StatslogReader {
 public:
  explicit StatslogReader(CcacheLog& log) : log_(log) {}

  void Line(std::string_view line) {
    if (!line.empty() && line.front() == '#') {
      End();
      open_ = true;
      line.remove_prefix(std::min<std::size_t>(2, line.size()));
      source_ = line;
    } else if (!open_ || !LooksLikeACounter(line)) {
      ++log_.bad_lines;
    } else if (const Counter* const counter = FindCounter(line);
               counter != nullptr && Weight(counter->result) > Weight(result_)) {
      result_ = counter->result;
      reason_ = result_ == kUncacheable || result_ == kError ? counter->name : std::string_view();
    }
  }

  // The call that is open is complete.
  void End() {
    if (!open_) return;
    open_ = false;
    if (result_.empty()) {
      ++log_.undecided;
    } else if (log_.calls.size() >= kMostCalls) {
      ++log_.dropped;
    } else {
      log_.calls.push_back({std::string(source_), result_, reason_});
    }
    result_ = {};
    reason_ = {};
  }

 private:
  CcacheLog& log_;
  bool open_ = false;
  std::string_view source_;
  std::string_view result_;
  std::string_view reason_;
};

}  // namespace

CcacheLog ReadCcacheLog(std::string_view text) {
  CcacheLog log;
  StatslogReader reader(log);
  while (!text.empty()) {
    reader.Line(TakeLine(text));
  }
  reader.End();
  return log;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
