// DoxygenReader: lines out of pieces, warnings out of lines, each once.
#include <cstddef>
#include <string>
#include <unordered_set>
#include <utility>

#include "integrations/docgen/doxygen_lines.h"
#include "polymeter/docgen.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

constexpr std::size_t kMaxLine = 8192;
constexpr std::size_t kMaxRemembered = 200000;

}  // namespace

struct DoxygenReader::State {
  // FNV-1a: two warnings of one run with the same 64 bits are not to be expected.
  class Hash {
   public:
    void Add(std::string_view text) {
      for (const char c : text) Step(static_cast<unsigned char>(c));
      Step(0xFF);  // "ab" + "c" is not "a" + "bc"
    }
    std::uint64_t value() const { return value_; }

   private:
    void Step(unsigned char byte) { value_ = (value_ ^ byte) * 1099511628211u; }
    std::uint64_t value_ = 14695981039346656037u;
  };

  struct Stream {
    std::string line;   // not at its end yet
    bool open = false;  // a warning that may go on
    Hash hash;
    DocgenWarning kind = DocgenWarning::kOther;
  };

  void Line(Stream& stream, std::string_view line) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (const auto warning = detail::ParseWarningLine(line)) {
      Close(stream);
      stream.open = true;
      stream.hash = Hash();
      stream.hash.Add(warning->place);
      stream.hash.Add(warning->text);
      stream.kind = warning->kind;
    } else if (stream.open && detail::ContinuesWarning(line)) {
      stream.hash.Add(line);
    } else {
      Close(stream);
      if (const auto phase = detail::ParsePhaseLine(line)) {
        if (!run.phase_seconds) run.phase_seconds.emplace();
        run.unknown_phases += !phase->phase;
        (*run.phase_seconds)[static_cast<std::size_t>(
            phase->phase.value_or(DocgenPhase::kOther))] += phase->seconds;
      }
    }
  }

  // The warning is complete.
  void Close(Stream& stream) {
    if (!std::exchange(stream.open, false)) return;
    if (seen.size() < kMaxRemembered ? !seen.insert(stream.hash.value()).second
                                     : seen.count(stream.hash.value()) != 0) {
      ++run.repeated_warnings;
      return;
    }
    ++run.warnings[static_cast<std::size_t>(stream.kind)];
  }

  DocgenRun run;
  Stream streams[kDoxygenStreams];
  std::unordered_set<std::uint64_t> seen;
};

DoxygenReader::DoxygenReader() : state_(std::make_unique<State>()) {}
DoxygenReader::DoxygenReader(DoxygenReader&&) noexcept = default;
DoxygenReader& DoxygenReader::operator=(DoxygenReader&&) noexcept = default;
DoxygenReader::~DoxygenReader() = default;

void DoxygenReader::Feed(DoxygenStream which, std::string_view bytes) {
  State::Stream& stream = state_->streams[static_cast<std::size_t>(which)];
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (stream.line.empty() && end != std::string_view::npos && piece.size() <= kMaxLine) {
      state_->Line(stream, piece);  // a whole line needs no copy
    } else {
      stream.line += piece.substr(0, kMaxLine - stream.line.size());
      if (end != std::string_view::npos) {
        state_->Line(stream, stream.line);
        stream.line.clear();
      }
    }
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
  }
}

DocgenRun DoxygenReader::Finish() {
  for (State::Stream& stream : state_->streams) {
    if (!stream.line.empty()) state_->Line(stream, stream.line);
    stream.line.clear();
    state_->Close(stream);
  }
  return state_->run;
}

POLYMETER_END_NAMESPACE
