// The system calls that the transports of file.h share. Internal to them.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "exporters/common/transport/file.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Owns a descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() { Close(); }
  void Close() noexcept;
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// open(2), again where a signal came in between; close-on-exec, never a controlling terminal and
// never waiting for the other end of a FIFO.
FileDescriptor OpenFile(const std::string& path, int flags, mode_t mode = 0);
// All of `bytes`: 0, or the errno that ended it.
int WriteAll(int fd, std::string_view bytes) noexcept;
// "cannot <what> <path>: <error>" with the reason that belongs to the errno.
SendResult FileError(std::string_view what, const std::string& path, int error);
// Where a path leads that is a symbolic link, also when nothing is there yet; else the path itself.
std::string TargetOf(std::string path);
// The folder of a path, to be put in front of a name; and the name in it.
std::string FolderOf(const std::string& path);
std::string NameOf(const std::string& path);

std::unique_ptr<PushTransport> MakeReplacingFile(FileOptions options);
std::unique_ptr<PushTransport> MakeAppendingFile(FileOptions options);
// `fd` stays the caller's; it may be non-blocking or not.
std::unique_ptr<PushTransport> MakeStream(int fd, std::string name, std::string preamble);

}  // namespace detail
POLYMETER_END_NAMESPACE
