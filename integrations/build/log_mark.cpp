#include "integrations/build/log_mark.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "integrations/build/log_clock.h"
#include "integrations/build/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {
namespace {

constexpr std::size_t kTailBytes = 256;

bool Continues(const LogMark& mark, std::uint64_t device, std::uint64_t inode,
               std::string_view text) {
  if (device != mark.device || inode != mark.inode || text.size() < mark.size ||
      mark.size < mark.tail.size()) {
    return false;
  }
  return EndsWith(text.substr(0, static_cast<std::size_t>(mark.size)), mark.tail);
}

// Of an entry, without its mtime: cmake has that set anew for some.
std::uint64_t HashOf(const LoggedEdge& edge, std::string_view output) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&](std::uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  };
  for (const char c : output) mix(static_cast<unsigned char>(c));
  mix(edge.command_hash);
  mix(static_cast<std::uint64_t>(edge.start_ms));
  mix(static_cast<std::uint64_t>(edge.end_ms));
  return hash;
}

// Takes the entry's lines out of `old`; whether there was one.
bool TakeOut(std::unordered_set<std::uint64_t>& old, const LoggedEdge& edge) {
  bool found = false;
  for (const std::string& output : edge.outputs) found |= old.erase(HashOf(edge, output)) > 0;
  return found;
}

}  // namespace

LogMark MarkLog(std::uint64_t device, std::uint64_t inode, std::string_view text) {
  LogMark mark;
  mark.device = device;
  mark.inode = inode;
  mark.size = text.size();
  for (const LoggedEdge& edge : ParseNinjaLog(text).edges) {
    for (const std::string& output : edge.outputs) mark.entries.push_back(HashOf(edge, output));
  }
  mark.tail = text.substr(text.size() - std::min(text.size(), kTailBytes));
  return mark;
}

LogSince ReadSince(const LogMark& mark, std::uint64_t device, std::uint64_t inode,
                   std::string_view text, std::int64_t began_ms) {
  LogSince since;
  if (mark.size == 0) {
    since.log = ParseNinjaLog(text);
    return since;
  }
  if (Continues(mark, device, inode, text)) {
    std::string_view rest = text;
    const int version = ParseNinjaLog(text.substr(0, TakeLine(rest).size() + 1)).version;
    since.log = ParseNinjaLog(text.substr(static_cast<std::size_t>(mark.size)), version);
    return since;
  }
  since.rewritten = true;
  since.log = ParseNinjaLog(text);
  std::unordered_set<std::uint64_t> old(mark.entries.begin(), mark.entries.end());
  std::vector<LoggedEdge>& edges = since.log.edges;
  const auto is_old = [&](const LoggedEdge& edge) {
    if (!TakeOut(old, edge)) return false;
    const auto instant = InstantOf(edge);
    return IsBuildFile(edge) || !instant || *instant < began_ms - kClockTolerance;
  };
  edges.erase(std::remove_if(edges.begin(), edges.end(), is_old), edges.end());
  return since;
}

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
