// Decides who may read: users with passwords, a bearer token, or either of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/common/security/bcrypt_users.h"
#include "exporters/common/security/token_file.h"
#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct AuthenticatorOptions {
  std::vector<BasicUser> users;
  std::string bearer_token;       // this one
  std::string bearer_token_file;  // or what is in there
  BcryptUsers::Limits password_limits;
  TokenFile::Log log;  // what becomes wrong later; called under no lock
};

// Thread-safe.
class Authenticator {
 public:
  enum class Verdict : std::uint8_t { kAllowed, kDenied, kBusy };

  // Null when the options name nobody: then there is nothing to check. An error says what is
  // accepted.
  static Result<std::unique_ptr<Authenticator>> Make(const AuthenticatorOptions& options);
  // `authorization`: the value of the header; empty when there was none.
  Verdict Check(std::string_view authorization);
  // Values of WWW-Authenticate, one for each way to log in.
  std::vector<std::string_view> Challenges() const;

 private:
  std::string token_;
  std::unique_ptr<TokenFile> token_file_;
  std::unique_ptr<BcryptUsers> users_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
