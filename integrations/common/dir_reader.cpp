#include "integrations/common/dir_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool ReadEntries(int folder, const std::function<void(std::string_view)>& visit) {
  alignas(dirent64) char buffer[8192];
  while (true) {
    // By number: the C library's wrapper is newer than some C libraries.
    const long got = syscall(SYS_getdents64, folder, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    for (long at = 0; at < got;) {
      const auto* const entry = reinterpret_cast<const dirent64*>(buffer + at);
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") visit(name);
      at += entry->d_reclen;
    }
  }
}

}  // namespace

bool ForEachEntry(const std::string& path, const std::function<void(std::string_view)>& visit) {
  int folder = -1;
  do {
    folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  } while (folder < 0 && errno == EINTR);
  if (folder < 0) return false;
  struct Closer {
    int file;
    ~Closer() { close(file); }
  } const closer{folder};
  return ReadEntries(folder, visit);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
