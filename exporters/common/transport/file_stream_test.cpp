// Standard output as pipes are: with a reader that is slow, gone, or comes back.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "exporters/common/transport/file_io.h"
#include "exporters/common/transport/transport_for_test.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using namespace std::chrono_literals;
using testing::ExpectRejected;
using testing::Soon;
using Outcome = SendResult::Outcome;

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() { EXPECT_EQ(pipe2(pipe_, O_CLOEXEC), 0); }
  ~StreamTest() override {
    CloseReader();
    close(pipe_[1]);
  }
  void CloseReader() {
    if (pipe_[0] >= 0) close(pipe_[0]);
    pipe_[0] = -1;
  }
  std::string ReadSome(std::size_t most) {
    std::string bytes(most, '\0');
    const ssize_t got = read(pipe_[0], bytes.data(), most);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  std::unique_ptr<PushTransport> Make(std::string preamble = {}) {
    return MakeStream(pipe_[1], "pipe", std::move(preamble));
  }
  int pipe_[2] = {-1, -1};
};

TEST_F(StreamTest, WritesThePreambleOnce) {
  const auto stream = Make("head\n");
  EXPECT_EQ(stream->Send("1\n", Soon()).outcome, Outcome::kSent);
  EXPECT_EQ(stream->Send("2\n", Soon()).outcome, Outcome::kSent);
  EXPECT_EQ(ReadSome(100), "head\n1\n2\n");
}

TEST_F(StreamTest, WaitsForAReaderUntilTheDeadlineAndThenFinishesTheRecord) {
  const auto stream = Make();
  std::string record(200000, 'x');
  record += '\n';
  const Deadline begin = std::chrono::steady_clock::now();
  const SendResult slow = stream->Send(record, begin + 100ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  ExpectRejected(slow, "slow_reader");
  // It stopped in the middle; the reader comes back and finds both records whole.
  std::string all;
  std::thread reader([&] {
    while (all.size() < record.size() + 5) all += ReadSome(65536);
  });
  EXPECT_EQ(stream->Send("next\n", Soon()).outcome, Outcome::kSent);
  reader.join();
  EXPECT_EQ(all, record + "next\n");
}

TEST_F(StreamTest, ComesBackWhenInterrupted) {
  const auto stream = Make();
  static_cast<void>(stream->Send(std::string(200000, 'x'), std::chrono::steady_clock::now()));
  std::thread interrupter([&] {
    std::this_thread::sleep_for(50ms);
    stream->Interrupt();
  });
  const Deadline begin = std::chrono::steady_clock::now();
  const SendResult result = stream->Send("y\n", begin + 60s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
  EXPECT_EQ(result.outcome, Outcome::kRetry) << "nothing of it is out";
  interrupter.join();
}

TEST_F(StreamTest, SaysThatTheReaderIsGone) {
  sigset_t broken_pipe;
  sigset_t before;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  CloseReader();
  ExpectRejected(Make()->Send("x\n", Soon()), "io_error");
  const timespec now{0, 0};
  sigtimedwait(&broken_pipe, nullptr, &now);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(StreamTest, CountsAFullDevice) {
  const FileDescriptor full = OpenFile("/dev/full", O_WRONLY);
  if (!full) GTEST_SKIP() << "no /dev/full";
  ExpectRejected(MakeStream(full.get(), "full", {})->Send("x\n", Soon()), "disk_full");
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
