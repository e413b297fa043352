#include "exporters/common/security/authenticator.h"

#include <utility>

#include "exporters/common/security/authorization.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

Result<std::unique_ptr<Authenticator>> Authenticator::Make(const AuthenticatorOptions& options) {
  auto made = std::make_unique<Authenticator>();
  if (!options.bearer_token.empty() && !options.bearer_token_file.empty()) {
    return Status::Error("a bearer token and a file with one are given; one of them is accepted");
  }
  if (!options.bearer_token.empty()) {
    if (!IsBearerToken(options.bearer_token)) {
      return Status::Error(
          "the bearer token is none: letters, digits, -._~+/ and = at its end are accepted");
    }
    made->token_ = options.bearer_token;
  }
  if (!options.bearer_token_file.empty()) {
    made->token_file_ = std::make_unique<TokenFile>(options.bearer_token_file, options.log);
    Status status = made->token_file_->Load();
    if (!status.ok()) return status;
  }
  if (!options.users.empty()) {
    auto users = BcryptUsers::Make(options.users, options.password_limits);
    if (!users.ok()) return users.status();
    made->users_ = std::move(users.value());
  }
  if (made->token_.empty() && made->token_file_ == nullptr && made->users_ == nullptr) {
    made.reset();
  }
  return made;
}

Authenticator::Verdict Authenticator::Check(std::string_view authorization) {
  const Credentials credentials = ParseAuthorization(authorization);
  switch (credentials.scheme) {
    case Credentials::Scheme::kNone:
      break;
    case Credentials::Scheme::kBearer: {
      const std::string wanted =
          token_file_ == nullptr ? token_ : token_file_->Current(std::chrono::steady_clock::now());
      if (!wanted.empty() && SameSecret(credentials.token, wanted)) return Verdict::kAllowed;
      break;
    }
    case Credentials::Scheme::kBasic:
      if (users_ == nullptr) break;
      switch (users_->Check(credentials.name, credentials.password)) {
        case BcryptUsers::Verdict::kRight:
          return Verdict::kAllowed;
        case BcryptUsers::Verdict::kBusy:
          return Verdict::kBusy;
        case BcryptUsers::Verdict::kWrong:
          break;
      }
      break;
  }
  return Verdict::kDenied;
}

std::vector<std::string_view> Authenticator::Challenges() const {
  std::vector<std::string_view> challenges;
  if (users_ != nullptr) challenges.emplace_back("Basic realm=\"metrics\", charset=\"UTF-8\"");
  if (!token_.empty() || token_file_ != nullptr) {
    challenges.emplace_back("Bearer realm=\"metrics\"");
  }
  return challenges;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
