#include "exporters/common/security/token_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "exporters/common/security/authorization.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

Status TokenFile::Load() {
  const std::lock_guard lock(mutex_);
  stamp_ = Stamp();
  return Read();
}

std::string TokenFile::Current(std::chrono::steady_clock::time_point now) {
  Status status;
  std::string token;
  {
    const std::lock_guard lock(mutex_);
    if (now - looked_ >= std::chrono::seconds(1)) {
      looked_ = now;
      std::vector<std::int64_t> stamp = Stamp();
      const bool changed = stamp != stamp_;
      // What failed may have been no fault of the file: no descriptor was free.
      if (changed || token_.empty()) {
        stamp_ = std::move(stamp);
        Status read = Read();
        if (changed) status = std::move(read);
      }
    }
    token = token_;
  }
  if (!status.ok() && log_) {
    log_(status.message() + "; requests with a token are refused until it is there again");
  }
  return token;
}

Status TokenFile::Read() {
  constexpr std::size_t kMost = 8 * 1024;
  token_.clear();
  std::ifstream file(path_, std::ios::binary);
  if (!file) {
    return Status::Error("bearer token file '" + path_ +
                         "' cannot be read: " + std::generic_category().message(errno));
  }
  std::string text(kMost + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  constexpr const char* kWhite = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kWhite);
  const std::size_t end = text.find_last_not_of(kWhite);
  std::string token = begin == std::string::npos ? "" : text.substr(begin, end + 1 - begin);
  if (text.size() > kMost || !IsBearerToken(token)) {
    return Status::Error("bearer token file '" + path_ +
                         "' does not hold a token: letters, digits, -._~+/ and = at its end are "
                         "accepted, 8 KiB at most");
  }
  token_ = std::move(token);
  return {};
}

std::vector<std::int64_t> TokenFile::Stamp() const {
  struct stat status {};
  if (stat(path_.c_str(), &status) != 0) status = {};
  return {static_cast<std::int64_t>(status.st_ino),         status.st_size,
          static_cast<std::int64_t>(status.st_mtim.tv_sec), status.st_mtim.tv_nsec,
          static_cast<std::int64_t>(status.st_ctim.tv_sec), status.st_ctim.tv_nsec};
}

}  // namespace detail
POLYMETER_END_NAMESPACE
