#include "integrations/cli/sink.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace polymeter::cli {
namespace {

// The same pipe under flags of our own. Not for files, whose position would be another one.
Fd OwnEndOf(int pipe) {
  const std::string path = "/proc/self/fd/" + std::to_string(pipe);
  return Fd(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

}  // namespace

Sink::Sink(Fd fd) : fd_(std::move(fd)) {
  struct stat status {};
  if (!fd_ || fstat(fd_.get(), &status) != 0) {
    fd_.Close();
    return;
  }
  const int flags = fcntl(fd_.get(), F_GETFL);
  if (S_ISSOCK(status.st_mode)) {
    kind_ = Kind::kSocket;
  } else if (flags >= 0 && (flags & O_NONBLOCK) != 0) {
    kind_ = Kind::kNonBlocking;
  } else if (S_ISFIFO(status.st_mode)) {
    kind_ = Kind::kBlocking;
    if (Fd own = OwnEndOf(fd_.get()); own) {
      fd_ = std::move(own);
      kind_ = Kind::kNonBlocking;
    }
  } else if (S_ISCHR(status.st_mode)) {
    kind_ = Kind::kBlocking;
  }
}

ssize_t Sink::Write(std::string_view bytes) {
  if (!fd_) return -1;
  std::size_t size = bytes.size();
  if (kind_ == Kind::kBlocking) {
    pollfd ready{fd_.get(), POLLOUT, 0};
    if (poll(&ready, 1, 0) <= 0) return 0;
    // A pipe that is ready takes so much at once.
    size = std::min<std::size_t>(size, PIPE_BUF);
  }
  ssize_t written = 0;
  do {
    written = kind_ == Kind::kSocket
                  ? send(fd_.get(), bytes.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL)
                  : write(fd_.get(), bytes.data(), size);
  } while (written < 0 && errno == EINTR);
  if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
  return written;
}

}  // namespace polymeter::cli
