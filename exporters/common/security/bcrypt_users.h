// Users with bcrypt hashes of their passwords, and a check that stays cheap for those who scrape
// every few seconds.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct BasicUser {
  std::string name;
  std::string bcrypt;  // "$2y$10$..." with a cost of 4 to 16
};

// Thread-safe.
//
// bcrypt of cost 10 takes about 50 ms, so a password that was right is kept, salted and hashed by
// SHA-256-crypt (under a millisecond), one for each user. One bcrypt runs at a time and a few wait:
// wrong passwords cannot hold every worker of a server. An unknown user takes as long as a wrong
// password.
class BcryptUsers {
 public:
  enum class Verdict : std::uint8_t {
    kRight,
    kWrong,
    kBusy,  // too many others are being checked
  };
  struct Limits {
    int checks = 2;                            // that run or wait
    std::chrono::milliseconds patience{5000};  // of one that waits
  };

  // An error: a user twice, what is no bcrypt hash, a libcrypt that knows no bcrypt.
  static Result<std::unique_ptr<BcryptUsers>> Make(const std::vector<BasicUser>& users,
                                                   Limits limits);
  Verdict Check(std::string_view name, std::string_view password);
  std::uint64_t slow_checks() const;  // bcrypt runs so far

 private:
  struct User {
    std::string bcrypt;
    std::string kept;  // what was right last, in SHA-256-crypt; or none
  };
  explicit BcryptUsers(Limits limits) : limits_(limits) {}

  const Limits limits_;
  std::string nobody_;       // a hash of nobody's, of the highest cost
  std::string kept_salt_;    // "$5$rounds=1000$..."
  std::string kept_nobody_;  // in the form of User::kept
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, User, std::less<>> users_;
  int checks_ = 0;
  bool running_ = false;
  std::uint64_t slow_checks_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
