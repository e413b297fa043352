// What a build without yaml-cpp and libcrypt has: nobody is let in, and whoever asks for users
// hears why.
#include "exporters/common/security/bcrypt_users.h"
#include "exporters/common/security/web_config.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr const char* kNoWebConfig =
    "this build of polymeter reads no web configuration file and knows no users "
    "(POLYMETER_WITH_WEB_CONFIG=OFF)";

}  // namespace

Result<WebConfig> ParseWebConfig(std::string_view, const std::string&) {
  return Status::Error(kNoWebConfig);
}
Result<WebConfig> ReadWebConfig(const std::string&) { return Status::Error(kNoWebConfig); }

Result<std::unique_ptr<BcryptUsers>> BcryptUsers::Make(const std::vector<BasicUser>&, Limits) {
  return Status::Error(kNoWebConfig);
}
BcryptUsers::Verdict BcryptUsers::Check(std::string_view, std::string_view) {
  return Verdict::kWrong;
}
std::uint64_t BcryptUsers::slow_checks() const { return 0; }

}  // namespace detail
POLYMETER_END_NAMESPACE
