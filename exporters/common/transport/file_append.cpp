// A file that grows by a record a message, and its rotation.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <optional>

#include "exporters/common/transport/file_io.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// When the file was made, as far as its file system knows.
std::optional<SystemTime> BirthTime(int fd) {
  struct statx status {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &status) != 0) return std::nullopt;
  if ((status.stx_mask & STATX_BTIME) == 0) return std::nullopt;
  return SystemTime(std::chrono::seconds(status.stx_btime.tv_sec));
}

// Where the last line ends.
off_t EndOfLastLine(int fd, off_t size) {
  char block[4096];
  for (off_t end = size; end > 0;) {
    const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(sizeof(block)));
    const ssize_t got = pread(fd, block, static_cast<std::size_t>(end - begin), begin);
    if (got <= 0) return size;  // better not to touch what cannot be read
    const std::string_view bytes(block, static_cast<std::size_t>(got));
    const std::size_t line_feed = bytes.rfind('\n');
    if (line_feed != std::string_view::npos) return begin + static_cast<off_t>(line_feed) + 1;
    end = begin;
  }
  return 0;
}

class AppendingFile final : public PushTransport {
 public:
  explicit AppendingFile(FileOptions options) : options_(std::move(options)) {}

  SendResult Send(std::string_view message, Deadline deadline) override {
    if (message.empty()) return SendResult::Accepted();
    SendResult result = Reopen();
    if (result.outcome != SendResult::Outcome::kAccepted) return result;
    if (stream_) return WriteStream(message, deadline);
    if (IsDue(message.size())) {
      result = Rotate();
      if (result.outcome != SendResult::Outcome::kAccepted) return result;
    }
    return Write(message);
  }

  void Interrupt() noexcept override {
    const std::lock_guard lock(stream_mutex_);
    if (stream_) stream_->Interrupt();
  }
  std::string endpoint() const override { return options_.path; }

 private:
  // The file under our path, whoever renamed or removed it since the last record.
  SendResult Reopen() {
    struct stat there {};
    struct stat ours {};
    if (file_ && stat(options_.path.c_str(), &there) == 0 && fstat(file_.get(), &ours) == 0 &&
        there.st_dev == ours.st_dev && there.st_ino == ours.st_ino) {
      size_ = ours.st_size;
      return SendResult::Accepted();
    }
    return Open();
  }

  void Close() {
    SetStream(nullptr);
    file_.Close();
  }
  void SetStream(std::unique_ptr<PushTransport> stream) {
    const std::lock_guard lock(stream_mutex_);
    stream_ = std::move(stream);
  }

  SendResult Open() {
    Close();
    file_ = OpenFile(options_.path, O_WRONLY | O_APPEND | O_CREAT, 0640);
    if (!file_) return FileError("open", options_.path, errno);
    struct stat status {};
    if (fstat(file_.get(), &status) != 0) return FileError("open", options_.path, errno);
    if (!S_ISREG(status.st_mode)) {
      SetStream(MakeStream(file_.get(), options_.path, options_.preamble));
      return SendResult::Accepted();
    }
    target_ = TargetOf(options_.path);
    size_ = status.st_size;
    begin_ = options_.clock->Now();
    if (const auto birth = BirthTime(file_.get()); size_ != 0 && birth) begin_ = *birth;
    CutTail();
    return SendResult::Accepted();
  }

  // What is behind the last line feed did not get through.
  void CutTail() {
    if (size_ == 0) return;
    const FileDescriptor reader = OpenFile(options_.path, O_RDONLY);
    const off_t end = EndOfLastLine(reader.get(), size_);
    if (end != size_ && ftruncate(file_.get(), end) == 0) size_ = end;
  }

  bool IsDue(std::size_t more) const {
    if (static_cast<std::uint64_t>(size_) <= options_.preamble.size()) return false;
    if (options_.max_bytes != 0 && static_cast<std::uint64_t>(size_) + more > options_.max_bytes) {
      return true;
    }
    return options_.max_age.count() != 0 && options_.clock->Now() - begin_ >= options_.max_age;
  }

  // A limit that cannot be kept is an error, not a file that grows over it.
  SendResult Rotate() {
    const auto numbered = [&](int n) { return target_ + "." + std::to_string(n); };
    for (int n = options_.keep; n >= 1; --n) {
      const std::string from = n == 1 ? target_ : numbered(n - 1);
      if (std::rename(from.c_str(), numbered(n).c_str()) != 0 && (errno != ENOENT || n == 1)) {
        return FileError("rotate", from, errno);
      }
    }
    if (options_.keep == 0 && unlink(target_.c_str()) != 0) {
      return FileError("rotate", target_, errno);
    }
    return Open();
  }

  // A FIFO, a terminal, a device: its reader may be slow, or gone.
  SendResult WriteStream(std::string_view message, Deadline deadline) {
    SendResult result = stream_->Send(message, deadline);
    const bool open = result.outcome != SendResult::Outcome::kRejected ||
                      result.reason == "slow_reader";  // which gets the rest of the record later
    if (!open) Close();
    return result;
  }

  SendResult Write(std::string_view message) {
    std::string whole;  // one write, the preamble included
    if (size_ == 0 && !options_.preamble.empty()) {
      whole = options_.preamble;
      message = whole.append(message);
    }
    const int error = WriteAll(file_.get(), message);
    if (error == 0) return SendResult::Accepted();
    // A record may have many lines: not only what is behind the last line feed has to go. Where
    // even that fails, the next Open cuts off the half line.
    [[maybe_unused]] const int cut = ftruncate(file_.get(), size_);
    Close();
    return FileError("write", options_.path, error);
  }

  const FileOptions options_;
  FileDescriptor file_;
  std::mutex stream_mutex_;                // of Interrupt, which comes from another thread
  std::unique_ptr<PushTransport> stream_;  // writes to file_ where that is no regular file
  std::string target_;                     // where the links of options_.path lead
  off_t size_ = 0;
  SystemTime begin_{};
};

}  // namespace

std::unique_ptr<PushTransport> MakeAppendingFile(FileOptions options) {
  return std::make_unique<AppendingFile>(std::move(options));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
