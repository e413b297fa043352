#include "exporters/common/security/bcrypt_users.h"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <utility>
#include <vector>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using PasswordVerdict = BcryptUsers::Verdict;
using std::chrono::milliseconds;

// "secret" at costs 4, 10 and 12, "other" at 4; the middle one as `htpasswd -nBC 10` writes it.
constexpr const char* kSecret4 = "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
constexpr const char* kSecret10 = "$2y$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u";
constexpr const char* kSecret12 = "$2y$12$abcdefghijklmnopqrstuuT1Iwu6o8Wx7BoOyIMHfgVJq6JO/IJhW";
constexpr const char* kOther4 = "$2b$04$ABCDEFGHIJKLMNOPQRSTUOcPgI1F8tutGoTYt1wfsuySS7J2IHA0W";

std::unique_ptr<BcryptUsers> Users(const std::vector<BasicUser>& users,
                                   BcryptUsers::Limits limits = {}) {
  auto made = BcryptUsers::Make(users, limits);
  EXPECT_TRUE(made.ok()) << made.message();
  return std::move(made.value());
}

std::string Refusal(const std::vector<BasicUser>& users) {
  return BcryptUsers::Make(users, {}).message();
}

TEST(BcryptUsers, KnowsWhoHasTheRightPassword) {
  const auto users = Users({{"anna", kSecret4}, {"ben", kOther4}});
  for (int round = 0; round < 2; ++round) {  // the second time from what is kept
    EXPECT_EQ(users->Check("anna", "secret"), PasswordVerdict::kRight);
    EXPECT_EQ(users->Check("ben", "other"), PasswordVerdict::kRight);
    EXPECT_EQ(users->Check("anna", "other"), PasswordVerdict::kWrong);
    EXPECT_EQ(users->Check("ben", "secret"), PasswordVerdict::kWrong);
    EXPECT_EQ(users->Check("carl", "secret"), PasswordVerdict::kWrong);
    EXPECT_EQ(users->Check("Anna", "secret"), PasswordVerdict::kWrong);
    EXPECT_EQ(users->Check("anna", ""), PasswordVerdict::kWrong);
    EXPECT_EQ(users->Check("", ""), PasswordVerdict::kWrong);
    EXPECT_EQ(users->Check("anna", std::string("secret\0x", 8)), PasswordVerdict::kWrong);
    EXPECT_EQ(users->Check("anna", std::string(100'000, 's')), PasswordVerdict::kWrong);
  }
}

TEST(BcryptUsers, RunsBcryptOnceForAPasswordThatStaysRight) {
  const auto users = Users({{"anna", kSecret4}});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(users->Check("anna", "secret"), PasswordVerdict::kRight);
  EXPECT_EQ(users->slow_checks(), 1u);
  EXPECT_EQ(users->Check("anna", "wrong"), PasswordVerdict::kWrong);
  EXPECT_EQ(users->slow_checks(), 2u);
  EXPECT_EQ(users->Check("anna", "secret"),
            PasswordVerdict::kRight);  // a wrong one does not push it out
  EXPECT_EQ(users->slow_checks(), 2u);
}

// In time of the processor: other processes do not enter it.
double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

TEST(BcryptUsers, TakeAsLongForAnUnknownNameAsForAWrongPassword) {
  const auto users = Users({{"anna", kSecret10}, {"ben", kOther4}});
  double known = HUGE_VAL;
  double unknown = HUGE_VAL;
  for (int i = 0; i < 5; ++i) {
    for (auto [name, best] : {std::pair("anna", &known), std::pair("nobody", &unknown)}) {
      const double begin = ThreadSeconds();
      EXPECT_EQ(users->Check(name, "wrong"), PasswordVerdict::kWrong);
      *best = std::min(*best, ThreadSeconds() - begin);
    }
  }
  EXPECT_GT(known, 0.005);
  EXPECT_GT(unknown, known / 2);
  EXPECT_LT(unknown, known * 2);
}

TEST(BcryptUsers, CheckOneAtATimeAndTurnAwayWhatIsTooMuch) {
  const auto users = Users({{"anna", kSecret12}, {"ben", kOther4}}, {2, milliseconds(5000)});
  EXPECT_EQ(users->Check("ben", "other"), PasswordVerdict::kRight);
  std::atomic<int> busy{0};
  std::atomic<int> wrong{0};
  std::atomic<int> begun{0};
  std::vector<std::thread> guessing;
  for (int i = 0; i < 6; ++i) {
    guessing.emplace_back([&] {
      ++begun;
      const PasswordVerdict verdict = users->Check("anna", "guess");
      ++(verdict == PasswordVerdict::kBusy ? busy : wrong);
    });
  }
  while (begun < 6) std::this_thread::yield();
  // Who is known already is not held up.
  EXPECT_EQ(users->Check("ben", "other"), PasswordVerdict::kRight);
  for (std::thread& thread : guessing) thread.join();
  EXPECT_GE(wrong, 2);
  EXPECT_GE(busy, 1);
  EXPECT_EQ(wrong + busy, 6);
  EXPECT_EQ(users->Check("anna", "secret"), PasswordVerdict::kRight);  // and afterwards all is well
}

TEST(BcryptUsers, WaitNoLongerThanTheyMay) {
  const auto users = Users({{"anna", kSecret12}}, {4, milliseconds(10)});
  std::thread first([&] { users->Check("anna", "guess"); });
  while (users->slow_checks() == 0) std::this_thread::yield();
  EXPECT_EQ(users->Check("anna", "secret"), PasswordVerdict::kBusy);
  first.join();
  EXPECT_EQ(users->Check("anna", "secret"), PasswordVerdict::kRight);
}

TEST(BcryptUsers, SayWhatIsNoHashOrNoName) {
  for (const std::string hash :
       {"", "secret", "$5$salt$hash", "$2y$10$short", "$2x$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa",
        "$2y$03$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$31$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$0a$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIr!",
        "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrWW"}) {
    EXPECT_NE(Refusal({{"anna", hash}}).find("'anna' is not a bcrypt hash"), std::string::npos)
        << hash;
  }
  EXPECT_NE(Refusal({{"", kSecret4}}).find("cannot log in"), std::string::npos);
  EXPECT_NE(Refusal({{"a:b", kSecret4}}).find("cannot log in"), std::string::npos);
  EXPECT_NE(Refusal({{"a", kSecret4}, {"a", kOther4}}).find("twice"), std::string::npos);
  EXPECT_EQ(Refusal({{"anna", "wrong secret"}}).find("wrong secret"), std::string::npos);
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
