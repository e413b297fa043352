#include "exporters/common/security/bcrypt_users.h"

#include <crypt.h>
#include <string.h>  // explicit_bzero

#include <algorithm>
#include <exception>
#include <random>
#include <utility>

#include "exporters/common/security/authorization.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kCryptDigits =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr int kLowestCost = 4;
constexpr int kHighestCost = 16;               // seconds; a scrape does not wait for more
constexpr std::size_t kLongestPassword = 511;  // crypt(3) takes no longer one

// "$2y$10$" and 53 digits; 0 for anything else.
int CostOf(std::string_view hash) {
  if (hash.size() != 60 || hash[0] != '$' || hash[1] != '2' || hash[3] != '$' || hash[6] != '$') {
    return 0;
  }
  const bool digits = std::all_of(hash.begin() + 7, hash.end(), [](char c) {
    return kCryptDigits.find(c) != std::string_view::npos;
  });
  if (std::string_view("aby").find(hash[2]) == std::string_view::npos || !digits) return 0;
  if (hash[4] < '0' || hash[4] > '9' || hash[5] < '0' || hash[5] > '9') return 0;
  return (hash[4] - '0') * 10 + (hash[5] - '0');
}

// crypt(3) of a setting or a hash; empty when libcrypt does not know its kind.
std::string Crypt(const std::string& password, const std::string& setting) {
  const auto data = std::make_unique<crypt_data>();
  const char* const result = crypt_r(password.c_str(), setting.c_str(), data.get());
  std::string hash = result == nullptr || result[0] == '*' ? "" : result;
  explicit_bzero(data.get(), sizeof(*data));
  return hash;
}

}  // namespace

Result<std::unique_ptr<BcryptUsers>> BcryptUsers::Make(const std::vector<BasicUser>& users,
                                                       Limits limits) try {
  std::unique_ptr<BcryptUsers> made(new BcryptUsers(limits));
  int highest = kLowestCost;
  for (const BasicUser& user : users) {
    const int cost = CostOf(user.bcrypt);
    if (cost < kLowestCost || cost > kHighestCost) {
      return Status::Error("the password of user '" + user.name +
                           "' is not a bcrypt hash ($2a$, $2b$ or $2y$ with a cost from 4 to 16, "
                           "as `htpasswd -nBC 10 USER` prints)");
    }
    if (user.name.empty() || user.name.find(':') != std::string::npos) {
      return Status::Error("user '" + user.name +
                           "' cannot log in: a name is not empty and has no :");
    }
    if (!made->users_.emplace(user.name, User{user.bcrypt, {}}).second) {
      return Status::Error("user '" + user.name + "' is there twice");
    }
    highest = std::max(highest, cost);
  }
  made->nobody_ = std::string("$2b$") + (highest < 10 ? "0" : "") + std::to_string(highest) + "$" +
                  std::string(53, '.');
  std::random_device random;
  made->kept_salt_ = "$5$rounds=1000$";
  for (int i = 0; i < 16; ++i) made->kept_salt_ += kCryptDigits[random() % kCryptDigits.size()];
  made->kept_nobody_ = made->kept_salt_ + "$" + std::string(43, '.');
  if (Crypt("", "$2b$04$" + std::string(22, '.')).empty() || Crypt("", made->kept_salt_).empty()) {
    return Status::Error("this system's libcrypt knows no bcrypt or no SHA-256-crypt");
  }
  return made;
} catch (const std::exception& e) {
  return Status::Error(std::string("no users can be kept: ") + e.what());
}

BcryptUsers::Verdict BcryptUsers::Check(std::string_view name, std::string_view password) {
  if (password.size() > kLongestPassword || password.find('\0') != std::string_view::npos) {
    return Verdict::kWrong;
  }
  const std::string typed(password);
  std::string hash = nobody_;
  std::string kept = kept_nobody_;
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    const auto user = users_.find(name);
    if (user != users_.end()) {
      known = true;
      hash = user->second.bcrypt;
      if (!user->second.kept.empty()) kept = user->second.kept;
    }
  }
  const std::string typed_kept = Crypt(typed, kept_salt_);
  if (SameSecret(typed_kept, kept) && known) return Verdict::kRight;

  {
    std::unique_lock lock(mutex_);
    if (checks_ >= std::max(1, limits_.checks)) return Verdict::kBusy;
    ++checks_;
    const auto until = std::chrono::steady_clock::now() + limits_.patience;
    if (!changed_.wait_until(lock, until, [this] { return !running_; })) {
      --checks_;
      return Verdict::kBusy;
    }
    running_ = true;
    ++slow_checks_;
  }
  bool right = false;
  try {
    right = SameSecret(Crypt(typed, hash), hash);
  } catch (const std::exception&) {  // no memory
  }
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    --checks_;
    right = right && known;
    const auto user = users_.find(name);
    if (right && user != users_.end()) user->second.kept.assign(typed_kept);
  }
  changed_.notify_one();
  return right ? Verdict::kRight : Verdict::kWrong;
}

std::uint64_t BcryptUsers::slow_checks() const {
  const std::lock_guard lock(mutex_);
  return slow_checks_;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
