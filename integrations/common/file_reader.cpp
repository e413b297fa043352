#include "integrations/common/file_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Such files give 0 for their size and a page or so for a read.
constexpr std::size_t kChunk = 4096;

// Appends what the file has until its end or the limit.
bool ReadAll(int file, std::string& content, std::size_t limit) {
  while (content.size() < limit) {
    const std::size_t have = content.size();
    content.resize(std::min(limit, std::max(content.capacity(), have + kChunk)));
    const ssize_t got = read(file, content.data() + have, content.size() - have);
    content.resize(have + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) return true;
  }
  return true;
}

}  // namespace

bool ReadFile(const std::string& path, std::string& content, std::size_t limit) {
  content.clear();
  int file = -1;
  do {
    file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (file < 0 && errno == EINTR);
  if (file < 0) return false;
  const bool whole = ReadAll(file, content, limit);
  close(file);
  if (!whole) content.clear();
  return whole;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
