#include "exporters/common/security/http_guard.h"

#include <algorithm>
#include <string_view>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// The one header of that name; with two, what stands before this server may have looked at the
// other one.
std::string_view OnlyAuthorization(const HttpRequest& request) {
  constexpr std::string_view kName = "authorization";
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  };
  std::string_view only;
  int count = 0;
  for (const auto& [name, value] : request.headers) {
    if (!std::equal(name.begin(), name.end(), kName.begin(), kName.end(), same)) continue;
    only = value;
    ++count;
  }
  return count == 1 ? only : std::string_view();
}

}  // namespace

bool AdmitRequest(Authenticator& authenticator, const HttpRequest& request,
                  HttpResponse& response) {
  switch (authenticator.Check(OnlyAuthorization(request))) {
    case Authenticator::Verdict::kAllowed:
      return true;
    case Authenticator::Verdict::kBusy:
      response.AddHeader("Retry-After", "1");
      response.Answer(503, "too many passwords are being checked\n");
      return false;
    case Authenticator::Verdict::kDenied:
      break;
  }
  for (const std::string_view challenge : authenticator.Challenges()) {
    response.AddHeader("WWW-Authenticate", challenge);
  }
  response.Answer(401, "unauthorized\n");
  return false;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
