#include "sdk/src/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <stdexcept>

#include "sdk/testing/log_capture.h"
#include "sdk/testing/manual_clock.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using namespace std::chrono_literals;
using detail::Logger;
using ::testing::ElementsAre;

TEST(Logger, GivesTheSameTextOnceAMinute) {
  testing::LogCapture capture;
  testing::SteppedClock clock;
  Logger logger(capture.callback(), clock);
  for (int i = 0; i < 3; ++i) logger.Log(LogLevel::kWarning, "busy");
  clock.Advance(59s);
  logger.Log(LogLevel::kWarning, "busy");
  clock.Advance(1s);
  logger.Log(LogLevel::kWarning, "busy");
  EXPECT_THAT(capture.messages(), ElementsAre("busy", "busy (3 messages were held back before)"));
}

TEST(Logger, GivesNoMoreThanTenTextsASecond) {
  testing::LogCapture capture;
  testing::SteppedClock clock;
  Logger logger(capture.callback(), clock);
  for (int i = 0; i < 100; ++i) logger.Log(LogLevel::kError, std::to_string(i));
  EXPECT_EQ(capture.messages().size(), 10u);
  clock.Advance(1s);
  logger.Log(LogLevel::kError, "next");
  EXPECT_EQ(capture.messages().back(), "next (90 messages were held back before)");
}

TEST(Logger, SurvivesACallbackThatThrows) {
  Logger logger([](LogLevel, std::string_view) { throw std::runtime_error("no"); });
  logger.Log(LogLevel::kInfo, "a");
  logger.Log(LogLevel::kInfo, "b");
}

TEST(Logger, LetsTheCallbackLog) {
  Logger* self = nullptr;
  int calls = 0;
  Logger logger([&](LogLevel, std::string_view) {
    ++calls;
    if (calls < 5) self->Log(LogLevel::kInfo, "from within " + std::to_string(calls));
  });
  self = &logger;
  logger.Log(LogLevel::kInfo, "outer");
  EXPECT_EQ(calls, 5);
}

// fd 2 while the object lives.
class StderrTo {
 public:
  explicit StderrTo(int fd) : saved_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) {
    dup2(fd, STDERR_FILENO);
  }
  ~StderrTo() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
  }

 private:
  int saved_;
};

TEST(Logger, WritesALineToStderrWithoutACallback) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  {
    const StderrTo to(ends[1]);
    Logger(nullptr).Log(LogLevel::kWarning, "something");
  }
  char text[100];
  const ssize_t length = read(ends[0], text, sizeof(text));
  ASSERT_GT(length, 0);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(length)), "polymeter: warning: something\n");
  close(ends[0]);
  close(ends[1]);
}

TEST(Logger, SurvivesAStderrWithoutAReader) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  close(ends[0]);
  {
    const StderrTo to(ends[1]);
    Logger(nullptr).Log(LogLevel::kWarning, "nobody reads this");
  }
  close(ends[1]);
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0) << "the signal of our write stayed behind";
}

}  // namespace
POLYMETER_END_NAMESPACE
