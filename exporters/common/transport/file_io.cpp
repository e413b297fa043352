#include "exporters/common/transport/file_io.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void FileDescriptor::Close() noexcept {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

FileDescriptor OpenFile(const std::string& path, int flags, mode_t mode) {
  for (;;) {
    const int fd = open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode);
    if (fd >= 0 || errno != EINTR) return FileDescriptor(fd);
  }
}

int WriteAll(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (written == 0) {
      return EIO;  // no such thing for files; not to turn in circles
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

SendResult FileError(std::string_view what, const std::string& path, int error) {
  std::string message("cannot ");
  message.append(what).append(" ").append(path).append(": ");
  message.append(std::error_code(error, std::generic_category()).message());
  // EFBIG: the process's own limit.
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  const char* const reason = full ? "disk_full" : error == EAGAIN ? "slow_reader" : "io_error";
  return SendResult::Rejected(reason, std::move(message));
}

std::string TargetOf(std::string path) {
  constexpr int kMostLinks = 40;  // as in the kernel
  for (int i = 0; i < kMostLinks; ++i) {
    char text[PATH_MAX];
    const ssize_t size = readlink(path.c_str(), text, sizeof(text));
    if (size < 0) return path;  // no link
    const std::string_view target(text, static_cast<std::size_t>(size));
    path = target.starts_with('/') ? std::string(target) : FolderOf(path).append(target);
  }
  return path;
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}
std::string NameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

bool IsFilePath(std::string_view path) {
  return !path.empty() && path.back() != '/' && path.find('\0') == std::string_view::npos;
}

std::unique_ptr<PushTransport> MakeFileTransport(FileOptions options) {
  if (options.path == "-" || options.path == "/dev/stdout") {
    return MakeStream(STDOUT_FILENO, "stdout", std::move(options.preamble));
  }
  if (options.path == "/dev/stderr") {
    return MakeStream(STDERR_FILENO, "stderr", std::move(options.preamble));
  }
  return options.mode == FileMode::kReplace ? MakeReplacingFile(std::move(options))
                                            : MakeAppendingFile(std::move(options));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
