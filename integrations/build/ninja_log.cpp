#include "integrations/build/ninja_log.h"

#include <array>
#include <limits>
#include <unordered_map>
#include <utility>

#include "integrations/build/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

constexpr std::string_view kHead = "# ninja log v";
constexpr int kOldestVersion = 5;
constexpr std::size_t kFields = 5;
// Ninja's own are 32 bits.
constexpr std::int64_t kLongestMs = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kHashDigits = 16;

struct LogLine {
  LoggedEdge edge;
  std::string_view output;
};

std::optional<std::int64_t> NotNegative(std::string_view field, std::int64_t most) {
  const auto number = WholeNumber<std::int64_t>(field);
  if (!number || *number < 0 || *number > most) return std::nullopt;
  return number;
}

std::optional<LogLine> ParseLine(std::string_view text) {
  std::array<std::string_view, kFields> fields;
  for (std::size_t i = 0; i < kFields; ++i) {
    if (i > 0) {
      if (text.empty()) return std::nullopt;
      text.remove_prefix(1);  // the tab
    }
    fields[i] = text.substr(0, text.find('\t'));
    text.remove_prefix(fields[i].size());
  }
  if (!text.empty() && text.find('\t', 1) != std::string_view::npos) return std::nullopt;

  const auto start = NotNegative(fields[0], kLongestMs);
  const auto end = NotNegative(fields[1], kLongestMs);
  const auto mtime = NotNegative(fields[2], std::numeric_limits<std::int64_t>::max());
  const auto hash = WholeNumber<std::uint64_t>(fields[4], 16);
  if (!start || !end || !mtime || !hash || *end < *start || fields[3].empty() ||
      fields[4].size() > kHashDigits) {
    return std::nullopt;
  }
  LogLine line;
  line.edge.start_ms = *start;
  line.edge.end_ms = *end;
  line.edge.mtime_ns = *mtime;
  line.edge.command_hash = *hash;
  line.output = fields[3];
  return line;
}

// What the lines of one command have in common.
struct SameCommand {
  bool operator()(const LoggedEdge& a, const LoggedEdge& b) const {
    return a.command_hash == b.command_hash && a.mtime_ns == b.mtime_ns &&
           a.start_ms == b.start_ms && a.end_ms == b.end_ms;
  }
};
struct HashOfCommand {
  std::size_t operator()(const LoggedEdge& edge) const {
    std::uint64_t hash = edge.command_hash;
    for (const std::int64_t part : {edge.mtime_ns, edge.start_ms, edge.end_ms}) {
      hash = (hash ^ static_cast<std::uint64_t>(part)) * 0x9e3779b97f4a7c15u;
      hash ^= hash >> 29;
    }
    return static_cast<std::size_t>(hash);
  }
};

}  // namespace

NinjaLog ParseNinjaLog(std::string_view text, std::optional<int> version) {
  NinjaLog log;
  log.version = version.value_or(0);
  std::unordered_map<LoggedEdge, std::size_t, HashOfCommand, SameCommand> index;
  bool first = !version;
  while (!text.empty()) {
    const bool whole = text.find('\n') != std::string_view::npos;
    std::string_view text_line = TakeLine(text);
    if (EndsWith(text_line, "\r")) text_line.remove_suffix(1);
    if (std::exchange(first, false) && StartsWith(text_line, kHead)) {
      log.version = WholeNumber<int>(text_line.substr(kHead.size())).value_or(-1);
      continue;
    }
    if (text_line.empty() || text_line.front() == '#') continue;
    ++log.lines;
    const bool known_version = log.version == 0 || log.version >= kOldestVersion;
    std::optional<LogLine> line = known_version && whole ? ParseLine(text_line) : std::nullopt;
    if (!line) {
      ++log.bad_lines;
      continue;
    }
    const auto [found, is_new] = index.emplace(line->edge, log.edges.size());
    // The same once more is another run, where there is no mtime to tell.
    const bool again = !is_new && log.edges[found->second].outputs.front() == line->output;
    if (again) found->second = log.edges.size();
    if (is_new || again) log.edges.push_back(std::move(line->edge));
    log.edges[found->second].outputs.emplace_back(line->output);
  }
  return log;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
