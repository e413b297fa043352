// Standard output and standard error. The service writes there, too, and somebody may have stopped
// reading: so no file status flag is changed, and nothing is written that the pipe has no room for.
// A reader that is gone is an error, not a signal: the caller's thread blocks SIGPIPE, as all of
// the library's threads do.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>

#include "exporters/common/transport/file_io.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::milliseconds;

class Stream final : public PushTransport {
 public:
  Stream(int fd, std::string name, std::string preamble)
      : fd_(fd), name_(std::move(name)), rest_(std::move(preamble)) {}

  SendResult Send(std::string_view message, Deadline deadline) override {
    interrupted_ = false;
    // What is left of a record goes first, so that the reader finds it whole.
    SendResult result = Write(rest_, deadline);
    rest_.erase(0, written_);
    if (result.outcome != SendResult::Outcome::kSent) return result;
    result = Write(message, deadline);
    if (result.outcome == SendResult::Outcome::kSent || written_ == 0) return result;
    // A part is out: the rest follows when there is room. Not to be sent again as a whole.
    rest_ = message.substr(written_);
    if (result.outcome == SendResult::Outcome::kRetry) {
      result = SendResult::Rejected("slow_reader", std::move(result.message));
    }
    return result;
  }

  void Interrupt() noexcept override { interrupted_ = true; }
  std::string endpoint() const override { return name_; }

 private:
  SendResult Write(std::string_view bytes, Deadline deadline) {
    written_ = 0;
    while (written_ < bytes.size()) {
      if (SendResult waited = WaitForRoom(deadline); waited.outcome != SendResult::Outcome::kSent) {
        return waited;
      }
      const std::string_view left = bytes.substr(written_);
      const std::size_t room = std::min(left.size(), Room());
      const ssize_t now = write(fd_, left.data(), room);
      if (now >= 0) {
        written_ += static_cast<std::size_t>(now);
      } else if (errno != EINTR && errno != EAGAIN) {
        return FileError("write", name_, errno);
      }
    }
    return SendResult::Sent();
  }

  SendResult WaitForRoom(Deadline deadline) {
    constexpr milliseconds kSlice(50);
    for (;;) {
      pollfd state{fd_, POLLOUT, 0};
      const auto left =
          std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
      const int timeout = static_cast<int>(std::clamp(left, milliseconds(0), kSlice).count());
      const int ready = poll(&state, 1, timeout);
      if (ready > 0) return SendResult::Sent();  // an error shows in write
      if (ready < 0 && errno != EINTR) return FileError("write", name_, errno);
      if (interrupted_) return SendResult::Retry("interrupted");
      if (left <= milliseconds(0)) {
        return SendResult::Rejected("slow_reader", "nobody reads " + name_);
      }
    }
  }

  // How many bytes can be written without waiting, now that there is room.
  std::size_t Room() const {
    struct stat status {};
    if (fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) return INT_MAX;
    // A pipe that has been read empty takes all that it holds; others take a page.
    int waiting = 0;
    const int most = fcntl(fd_, F_GETPIPE_SZ);
    if (most > 0 && ioctl(fd_, FIONREAD, &waiting) == 0 && waiting == 0) {
      return static_cast<std::size_t>(most);
    }
    return PIPE_BUF;
  }

  const int fd_;
  const std::string name_;
  std::string rest_;         // of a record of which a part is out; at first the preamble
  std::size_t written_ = 0;  // by the last Write
  std::atomic<bool> interrupted_{false};
};

}  // namespace

std::unique_ptr<PushTransport> MakeStream(int fd, std::string name, std::string preamble) {
  return std::make_unique<Stream>(fd, std::move(name), std::move(preamble));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
