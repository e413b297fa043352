// The part of a .ninja_log that one command wrote: all after where it stood before, unless ninja
// has written it anew meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/build/ninja_log.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

// Where a log stood before a command began; of no log, the default.
struct LogMark {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::string tail;                    // the last bytes before `size`: inodes are used again
  std::vector<std::uint64_t> entries;  // hashes of all that stood there
};
// `text` is the whole log.
LogMark MarkLog(std::uint64_t device, std::uint64_t inode, std::string_view text);

struct LogSince {
  NinjaLog log;  // the entries since the mark; `lines` and `bad_lines` are of what was read
  // The log was written anew meanwhile: ninja compacts it at times, and cmake makes it do so, also
  // while another ninja runs cmake. What is new is then told from what stood there before.
  bool rewritten = false;
};
// The entries that came since `mark`; `text` is the whole log now, `began_ms` the Unix time at
// which the command began. An entry that was appended to a torn last line is whole in here. In a
// log that was written anew, a step that took the very same times as before counts only if its
// mtime says that it ran again.
LogSince ReadSince(const LogMark& mark, std::uint64_t device, std::uint64_t inode,
                   std::string_view text, std::int64_t began_ms);

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
