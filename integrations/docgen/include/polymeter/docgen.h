// Documentation generators: what a run of doxygen said and wrote. C++17; link polymeter::docgen.
// `polymeter docgen -- doxygen Doxyfile` does all of this around an unchanged doxygen.
//
//   polymeter::DoxygenReader reader;
//   reader.Feed(polymeter::DoxygenStream::kErrors, bytes);  // as they come
//   polymeter::DocgenRun run = reader.Finish();
//   run.succeeded = exit_code == 0;
//   run.duration = end - start;
//   polymeter::ReadDoxygenOutputs(files, run);  // pages, documented ratio
//   polymeter::DocgenMetrics(metrics).Record(run);
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE

// What a warning is about. `kError` is what is an error by itself (a configuration file that is not
// there); a warning that WARN_AS_ERROR turned into an error has the kind of the warning.
enum class DocgenWarning : std::uint8_t {
  kUndocumented,       // a class, a member
  kUndocumentedParam,  // a parameter, a return value
  kUnknownParam,       // documents what the function does not have
  kUnresolvedReference,
  kUnknownCommand,
  kDuplicate,  // a label, a page, a definition
  kNoMatch,    // documentation of something that was not declared
  kSyntax,     // a comment block, a tag, a command that does not end
  kMissingFile,
  kConfiguration,
  kGraph,
  kError,
  kOther,
};
// How many kinds there are.
inline constexpr std::size_t kDocgenWarningKinds = 13;
POLYMETER_EXPORT std::string_view LabelValue(DocgenWarning kind) noexcept;

// The work of a generator in a few parts. Doxygen names some hundred, which are folded into these.
enum class DocgenPhase : std::uint8_t {
  kSearching,  // for files
  kParsing,
  kResolving,   // lists, relations, references
  kGenerating,  // HTML, LaTeX, man pages, DocBook, RTF: doxygen writes them side by side
  kXml,
  kOtherOutput,  // what is written after them: RTF in one file, Perl, AutoGen, SQLite
  kTools,        // dot, plantuml
  kOther,
};
// How many phases there are.
inline constexpr std::size_t kDocgenPhases = 8;
POLYMETER_EXPORT std::string_view LabelValue(DocgenPhase phase) noexcept;

// What a generator writes.
enum class DocgenFormat : std::uint8_t { kHtml, kXml, kLatex, kRtf, kMan, kDocbook };
// How many formats there are.
inline constexpr std::size_t kDocgenFormats = 6;
POLYMETER_EXPORT std::string_view LabelValue(DocgenFormat format) noexcept;

// One run, as far as it is known.
struct DocgenRun {
  std::string tool = "doxygen";          // doxygen or sphinx; another one is `other`
  bool succeeded = false;                // exit code 0
  std::chrono::nanoseconds duration{0};  // from start to end
  // By kind, each warning once.
  std::array<std::uint64_t, kDocgenWarningKinds> warnings{};
  std::uint64_t repeated_warnings = 0;  // those that were said again
  // Seconds by phase; only with `-d time`.
  std::optional<std::array<double, kDocgenPhases>> phase_seconds;
  // Phases that doxygen named and this reader does not know; their time is in kOther.
  std::uint64_t unknown_phases = 0;
  // Pages by format; nothing for a format that is not written.
  std::array<std::optional<std::uint64_t>, kDocgenFormats> pages{};
  std::optional<double> documented_ratio;  // 0 to 1

  // Of all kinds, each warning once.
  std::uint64_t unique_warnings() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t n : warnings) sum += n;
    return sum;
  }
};

// Where doxygen writes: standard output, standard error, WARN_LOGFILE.
enum class DoxygenStream : std::uint8_t { kOutput, kErrors, kLog };
// How many streams there are.
inline constexpr std::size_t kDoxygenStreams = 3;

// Reads what doxygen writes: warnings from any stream, phases from standard output. Pure: bytes in,
// in pieces of any size, values out. A warning counts once, though older versions of doxygen say it
// for each output format and WARN_LOGFILE may repeat what standard error said; lines without a
// prefix that go on with a warning belong to it. Remembers at most 200,000 different warnings (some
// 8 MB); further ones all count as different. Lines are cut at 8 KiB. Belongs to one thread;
// throws only std::bad_alloc.
//
// Sources: doxygen's output (1.9.4 and later versions), its manual on WARN_FORMAT and
// WARN_AS_ERROR.
class POLYMETER_EXPORT DoxygenReader {
 public:
  DoxygenReader();
  DoxygenReader(DoxygenReader&&) noexcept;
  DoxygenReader& operator=(DoxygenReader&&) noexcept;
  ~DoxygenReader();

  // A piece of what it wrote.
  void Feed(DoxygenStream stream, std::string_view bytes);
  // The last lines may have no end. Nothing may be fed after it.
  DocgenRun Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Where a run of doxygen wrote.
struct DoxygenFiles {
  std::string folder = ".";           // where doxygen ran: what its paths are relative to
  std::string doxyfile = "Doxyfile";  // in the folder, or an absolute path
  // Files older than this are an earlier run's.
  std::chrono::system_clock::time_point since{};
  // Values for $(NAME) in the Doxyfile; nothing known unless given.
  std::function<std::optional<std::string>(std::string_view name)> variable;
};

// The file that WARN_LOGFILE names, where this run wrote one: feed it as DoxygenStream::kLog. Empty
// when there is none. Throws only std::bad_alloc.
POLYMETER_EXPORT std::string DoxygenLogFile(const DoxygenFiles& files);

// Adds pages and the documented ratio, from the folders that the Doxyfile names. The ratio
// needs GENERATE_XML=YES: documented compounds (classes, namespaces, groups, concepts) and members
// over all that are in it; nothing when there is none or more than 512 MiB of it. Reads those
// files; throws only std::bad_alloc.
POLYMETER_EXPORT void ReadDoxygenOutputs(const DoxygenFiles& files, DocgenRun& run);

// The docgen_ families (docs/adapters/docgen.md). No label ever holds a file's name. Gauges are
// those of the last run that was recorded; what it does not tell is gone from them. Thread-safe,
// cheap to copy, throws nothing after its construction.
class POLYMETER_EXPORT DocgenMetrics {
 public:
  explicit DocgenMetrics(const Metrics& metrics);
  // Counts a run.
  void Record(const DocgenRun& run) const noexcept;

 private:
  CounterFamily<2> runs_;
  Histogram duration_;
  GaugeFamily<1> phases_;
  GaugeFamily<1> warnings_;
  GaugeFamily<> repeated_;  // without labels; a family, so that it can be gone
  GaugeFamily<1> pages_;
  GaugeFamily<> ratio_;
  CounterFamily<1> folded_;
};

POLYMETER_END_NAMESPACE
