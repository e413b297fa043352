// A bearer token in a file, which may be replaced while the service runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Thread-safe. The file holds the token alone; white space around it is ignored.
class TokenFile {
 public:
  using Log = std::function<void(std::string_view message)>;

  TokenFile(std::string path, Log log) : path_(std::move(path)), log_(std::move(log)) {}
  // Whether there is a token now.
  Status Load();
  // Empty while the file has none: then nobody has the right one. Looks at the file once a second
  // at most, and logs once what is wrong with it.
  std::string Current(std::chrono::steady_clock::time_point now);

 private:
  Status Read();
  std::vector<std::int64_t> Stamp() const;

  const std::string path_;
  const Log log_;
  std::mutex mutex_;
  std::string token_;
  std::vector<std::int64_t> stamp_;
  std::chrono::steady_clock::time_point looked_{};
};

}  // namespace detail
POLYMETER_END_NAMESPACE
