// A file that holds the last snapshot.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>

#include "exporters/common/transport/file_io.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kMark = ".polymeter-";
constexpr std::size_t kLetters = 6;

std::string RandomLetters() {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  std::uniform_int_distribution<std::size_t> pick(0, kAlphabet.size() - 1);
  std::string letters;
  for (std::size_t i = 0; i < kLetters; ++i) letters += kAlphabet[pick(random)];
  return letters;
}

class ReplacingFile final : public PushTransport {
 public:
  explicit ReplacingFile(FileOptions options) : options_(std::move(options)) {}
  ~ReplacingFile() override { Discard(); }

  void BeginBatch() override {
    Discard();
    state_ = SendResult::Accepted();
  }

  SendResult Send(std::string_view message, Deadline) override {
    if (IsWell() && !temporary_) state_ = Open();
    if (IsWell()) {
      if (const int error = WriteAll(temporary_.get(), message); error != 0) {
        state_ = FileError("write", options_.path, error);
      }
    }
    if (!IsWell()) Discard();  // what follows of the batch is not written either
    return state_;
  }

  SendResult EndBatch(bool complete) override {
    if (!IsWell()) return state_;
    if (!temporary_) return SendResult::Accepted();  // no message: nothing changes
    if (!complete) {
      Discard();
      return SendResult::Retry(options_.path + " was left as it is");
    }
    SendResult result = SendResult::Accepted();
    if (fsync(temporary_.get()) != 0) {
      result = FileError("sync", options_.path, errno);
    } else if (std::rename(temporary_path_.c_str(), target_.c_str()) != 0) {
      result = FileError("replace", options_.path, errno);
    } else {
      temporary_path_.clear();
      // So that the new name survives a loss of power, too; without it the old one does.
      const FileDescriptor folder = OpenFile(FolderOf(target_), O_RDONLY | O_DIRECTORY);
      if (folder) static_cast<void>(fsync(folder.get()));
    }
    Discard();
    return result;
  }

  std::string endpoint() const override { return options_.path; }

 private:
  bool IsWell() const { return state_.outcome == SendResult::Outcome::kAccepted; }

  SendResult Open() {
    mode_t mode = 0640;
    bool is_there = false;
    target_ = TargetOf(options_.path);
    if (struct stat status; stat(options_.path.c_str(), &status) == 0) {
      if (!S_ISREG(status.st_mode)) {
        return SendResult::Rejected("io_error", options_.path + " is not a regular file");
      }
      is_there = true;
      mode = status.st_mode & 0777;
    } else if (errno == ELOOP) {
      return FileError("open", options_.path, errno);
    }
    const std::string stem = "." + NameOf(target_) + std::string(kMark);
    if (!swept_) swept_ = Sweep(FolderOf(target_), stem);
    for (int attempt = 0;; ++attempt) {
      temporary_path_ = FolderOf(target_) + stem + RandomLetters();
      temporary_ = OpenFile(temporary_path_, O_WRONLY | O_CREAT | O_EXCL, mode);
      if (temporary_) break;
      const int error = errno;
      temporary_path_.clear();
      if (error != EEXIST || attempt == 100) {
        return FileError("create a file beside", options_.path, error);
      }
    }
    // Tells Sweep that somebody lives who writes it.
    static_cast<void>(flock(temporary_.get(), LOCK_EX | LOCK_NB));
    // The umask is not asked about a mode that the file has already.
    if (is_there) static_cast<void>(fchmod(temporary_.get(), mode));
    return SendResult::Accepted();
  }

  void Discard() noexcept {
    temporary_.Close();
    if (!temporary_path_.empty()) unlink(temporary_path_.c_str());
    temporary_path_.clear();
  }

  // Removes what dead processes left. A living one holds a lock.
  static bool Sweep(const std::string& folder, std::string_view stem) {
    DIR* const listing = opendir(folder.c_str());
    if (listing == nullptr) return false;
    while (const dirent* const entry = readdir(listing)) {
      const std::string_view name = entry->d_name;
      if (name.size() != stem.size() + kLetters || !name.starts_with(stem)) continue;
      const std::string path = folder + entry->d_name;
      const FileDescriptor left = OpenFile(path, O_RDONLY | O_NOFOLLOW);
      if (left && flock(left.get(), LOCK_EX | LOCK_NB) == 0) unlink(path.c_str());
    }
    closedir(listing);
    return true;
  }

  const FileOptions options_;
  SendResult state_;    // of the batch
  std::string target_;  // where the links of options_.path lead
  FileDescriptor temporary_;
  std::string temporary_path_;  // empty when there is none
  bool swept_ = false;
};

}  // namespace

std::unique_ptr<PushTransport> MakeReplacingFile(FileOptions options) {
  return std::make_unique<ReplacingFile>(std::move(options));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
