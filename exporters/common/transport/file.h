// Snapshots into files and onto standard output.
//
// New files have mode 0640 less the umask; a file that is there keeps its mode. No descriptor
// reaches a program that the process executes. What fails is rejected with the reason
// "disk_full", "io_error" or "slow_reader" and tried again with the next snapshot: folders,
// space and readers that come back need no restart. Each file belongs to one process.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "polymeter/push_backend.h"
#include "sdk/src/clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class FileMode : std::uint8_t {
  // The file always holds one snapshot. A batch is written to a temporary file in the same folder
  // (.<name>.polymeter-<six letters>), synced and renamed: a reader, a full disk, kill -9 and a
  // loss of power find the old snapshot or the new one, whole. Temporary files that a dead process
  // left are removed at the first batch. A symbolic link stays; what it points at is replaced.
  kReplace,
  // The file grows by a record a message, of one line or many. A record goes out in one write at
  // the end of the file; what a full disk left of one is cut off at once, half a line that a crash
  // left when the file is opened next, so that the file always reads line by line. Records end in
  // LF. Not synced: they survive the process, not a loss of power. Where the path is a FIFO, a
  // terminal or a device, records go there as they go to standard output.
  kAppend,
};

struct FileOptions {
  std::string path;  // "-" or /dev/stdout: standard output; /dev/stderr
  FileMode mode = FileMode::kReplace;
  // Of kAppend and of standard output: stands at the beginning of every file.
  std::string preamble;
  // Of kAppend: before a record would make the file longer, or once it is so old, it becomes
  // <path>.1, .1 becomes .2, and so on; `keep` of them stay. 0: no limit. A record longer than
  // max_bytes gets a file of its own. Of a symbolic link it is the target that is renamed.
  std::uint64_t max_bytes = 0;
  std::chrono::milliseconds max_age{0};
  int keep = 5;
  const Clock* clock = &SystemClock();  // tells the age
};

// Opens nothing before the first message. A file that somebody renamed or removed is made anew.
std::unique_ptr<PushTransport> MakeFileTransport(FileOptions options);
// What a path of FileOptions may be, and that in words.
bool IsFilePath(std::string_view path);
constexpr std::string_view kFilePathAccepts = "a path of a file, or - for standard output";

}  // namespace detail
POLYMETER_END_NAMESPACE
