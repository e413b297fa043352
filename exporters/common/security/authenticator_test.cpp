// Who is let in, and a token that changes while the service runs.
#include "exporters/common/security/authenticator.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/common/security/http_guard.h"
#include "exporters/common/security/token_file.h"
#include "sdk/testing/sanitizer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using Verdict = Authenticator::Verdict;

constexpr const char* kAnna = "Basic YW5uYTpzZWNyZXQ=";  // anna:secret
const BasicUser kUser{"anna", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"};

std::unique_ptr<Authenticator> Guard(const AuthenticatorOptions& options) {
  auto made = Authenticator::Make(options);
  EXPECT_TRUE(made.ok()) << made.message();
  return std::move(made.value());
}

TEST(Authenticator, IsThereOnlyWhereSomebodyIsNamed) {
  const auto none = Authenticator::Make({});
  EXPECT_TRUE(none.ok());
  EXPECT_EQ(none.value(), nullptr);
}

TEST(Authenticator, LetsInUsersAndTokensAndNobodyElse) {
  AuthenticatorOptions options;
  options.users = {kUser};
  options.bearer_token = "t0ken==";
  const auto guard = Guard(options);
  EXPECT_EQ(guard->Check(kAnna), Verdict::kAllowed);
  EXPECT_EQ(guard->Check("Bearer t0ken=="), Verdict::kAllowed);
  for (const char* const header :
       {"", "Bearer t0ken=", "Bearer T0ken==", "Bearer",
        "Basic YW5uYTpzZWNyZQ==", "t0ken==", "Basic t0ken===", "Bearer YW5uYTpzZWNyZXQ="}) {
    EXPECT_EQ(guard->Check(header), Verdict::kDenied) << header;
  }
  EXPECT_EQ(guard->Challenges().size(), 2u);
}

TEST(Authenticator, TakesEachWayOnlyWhereItIsConfigured) {
  AuthenticatorOptions token;
  token.bearer_token = "t";
  EXPECT_EQ(Guard(token)->Check(kAnna), Verdict::kDenied);
  EXPECT_EQ(Guard(token)->Challenges(), std::vector<std::string_view>{"Bearer realm=\"metrics\""});
  AuthenticatorOptions user;
  user.users = {kUser};
  EXPECT_EQ(Guard(user)->Check("Bearer t"), Verdict::kDenied);
  EXPECT_EQ(Guard(user)->Check("Bearer "), Verdict::kDenied);
  EXPECT_EQ(Guard(user)->Challenges(),
            std::vector<std::string_view>{"Basic realm=\"metrics\", charset=\"UTF-8\""});
}

TEST(Authenticator, SaysWhatIsNoToken) {
  AuthenticatorOptions options;
  options.bearer_token = "two words";
  const auto made = Authenticator::Make(options);
  EXPECT_FALSE(made.ok());
  EXPECT_EQ(made.message().find("two words"), std::string::npos);  // it is a secret
  options.bearer_token = "t";
  options.bearer_token_file = "/nowhere";
  EXPECT_FALSE(Authenticator::Make(options).ok());
  options.bearer_token.clear();
  const auto missing = Authenticator::Make(options);
  EXPECT_NE(missing.message().find("'/nowhere' cannot be read: No such file"), std::string::npos)
      << missing.message();
}

TEST(Authenticator, FollowsTheFileWithTheToken) {
  const std::string path = ::testing::TempDir() + "polymeter-token-" + std::to_string(getpid());
  const auto write = [&](const std::string& text) { std::ofstream(path) << text; };
  const auto wait = [] { std::this_thread::sleep_for(std::chrono::milliseconds(1050)); };
  write("  first\n");
  std::vector<std::string> messages;
  AuthenticatorOptions options;
  options.bearer_token_file = path;
  options.log = [&](std::string_view message) { messages.emplace_back(message); };
  const auto guard = Guard(options);
  EXPECT_EQ(guard->Check("Bearer first"), Verdict::kAllowed);
  write("second");
  wait();
  EXPECT_EQ(guard->Check("Bearer first"), Verdict::kDenied);
  EXPECT_EQ(guard->Check("Bearer second"), Verdict::kAllowed);
  EXPECT_TRUE(messages.empty());
  for (const std::string& bad : {std::string(), std::string("two words"), std::string(9000, 'x')}) {
    messages.clear();
    write(bad);
    wait();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(guard->Check("Bearer second"), Verdict::kDenied);
    ASSERT_EQ(messages.size(), 1u);  // once
    EXPECT_NE(messages[0].find(path), std::string::npos) << messages[0];
  }
  std::filesystem::remove(path);
  wait();
  EXPECT_EQ(guard->Check("Bearer second"), Verdict::kDenied);
  write("third");
  wait();
  EXPECT_EQ(guard->Check("Bearer third"), Verdict::kAllowed);
  std::filesystem::remove(path);
}

// The file's stamp is the same at both times.
TEST(TokenFile, POLYMETER_PLAIN(IsReadAgainWhenNoDescriptorWasFree)) {
  const std::string path = ::testing::TempDir() + "polymeter-scarce-" + std::to_string(getpid());
  std::ofstream(path) << "first";
  std::vector<std::string> messages;
  TokenFile file(path, [&](std::string_view message) { messages.emplace_back(message); });
  ASSERT_TRUE(file.Load().ok());
  auto now = std::chrono::steady_clock::now();
  const auto later = [&] { return now += std::chrono::seconds(2); };
  EXPECT_EQ(file.Current(later()), "first");
  std::ofstream(path) << "second";
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(file.Current(later()), "");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_EQ(messages.size(), 1u);  // once
  EXPECT_NE(messages[0].find("cannot be read: Too many open files"), std::string::npos)
      << messages[0];
  EXPECT_EQ(file.Current(later()), "second");
  EXPECT_EQ(messages.size(), 1u);
  std::filesystem::remove(path);
}

// --- over HTTP ----------------------------------------------------------------------------------

std::string AnswerOf(Authenticator& guard, const HttpRequest& request, bool* admitted = nullptr) {
  std::string sent;
  HttpResponse response(HttpResponse::Version::kHttp11, false, [&](std::string_view bytes) {
    sent += bytes;
    return true;
  });
  const bool may = AdmitRequest(guard, request, response);
  if (admitted != nullptr) *admitted = may;
  if (!may) response.Finish();
  return sent;
}

TEST(HttpGuard, AnswersWithEveryWayToLogIn) {
  AuthenticatorOptions options;
  options.users = {kUser};
  options.bearer_token = "t";
  const auto guard = Guard(options);
  HttpRequest request;
  const std::string answer = AnswerOf(*guard, request);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << answer;
  EXPECT_NE(answer.find("\r\nWWW-Authenticate: Basic realm=\"metrics\""), std::string::npos);
  EXPECT_NE(answer.find("\r\nWWW-Authenticate: Bearer realm=\"metrics\""), std::string::npos);
  bool admitted = false;
  request.headers = {{"aUTHORIZATION", "Bearer t"}};
  EXPECT_EQ(AnswerOf(*guard, request, &admitted), "");
  EXPECT_TRUE(admitted);
  // Two of them: whatever is in front of this server may have checked the other one.
  request.headers = {{"Authorization", "Bearer t"}, {"Authorization", "Bearer t"}};
  EXPECT_TRUE(AnswerOf(*guard, request, &admitted).starts_with("HTTP/1.1 401 "));
  EXPECT_FALSE(admitted);
}

TEST(HttpGuard, SaysThatTooManyPasswordsAreBeingChecked) {
  AuthenticatorOptions options;
  options.users = {{"anna", "$2y$12$abcdefghijklmnopqrstuuT1Iwu6o8Wx7BoOyIMHfgVJq6JO/IJhW"}};
  options.password_limits = {1, std::chrono::milliseconds(1)};
  const auto guard = Guard(options);
  HttpRequest request;
  request.headers = {{"Authorization", "Basic YW5uYTpndWVzcw=="}};  // anna:guess
  std::string first;
  std::string second;
  std::thread other([&] { first = AnswerOf(*guard, request); });
  second = AnswerOf(*guard, request);
  other.join();
  if (first.starts_with("HTTP/1.1 401 ")) std::swap(first, second);
  EXPECT_TRUE(first.starts_with("HTTP/1.1 503 ")) << first;
  EXPECT_NE(first.find("\r\nRetry-After: 1\r\n"), std::string::npos);
  EXPECT_TRUE(second.starts_with("HTTP/1.1 401 ")) << second;
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
