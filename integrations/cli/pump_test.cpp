#include "integrations/cli/pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <stdexcept>
#include <string>

namespace polymeter::cli {
namespace {

struct Pipe {
  Fd read;
  Fd write;
};
Pipe MakePipe(bool wait_to_write = true) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  if (!wait_to_write) fcntl(ends[1], F_SETFL, O_NONBLOCK);
  return {Fd(ends[0]), Fd(ends[1])};
}

// One look at what is ready now.
void Step(Pump& pump) {
  std::vector<pollfd> waits;
  pump.Prepare(waits);
  ASSERT_GE(poll(waits.data(), waits.size(), 0), 0);
  pump.Handle(waits);
}

std::string ReadAll(int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  std::string text;
  char buffer[65536];
  for (ssize_t got = 0; (got = read(fd, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

bool HasEnded(int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  char byte = 0;
  return read(fd, &byte, 1) == 0;
}

std::string Numbered(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + "\n";
  text.resize(size);
  return text;
}

TEST(Pump, ForwardsBeforeItTells) {
  Pipe in = MakePipe();
  Pipe out = MakePipe();
  std::string told;
  std::string there_already;
  int forwarded = 0;
  Pump pump(std::move(in.read), Sink(std::move(out.write)),
            {[&](std::string_view bytes, TimePoint) {
               told += bytes;
               there_already += ReadAll(out.read.get());
             },
             [&](std::chrono::nanoseconds took) {
               EXPECT_GE(took.count(), 0);
               ++forwarded;
             },
             {}});
  ASSERT_EQ(write(in.write.get(), "hello\0x", 7), 7);
  Step(pump);
  EXPECT_EQ(told, std::string("hello\0x", 7));
  EXPECT_EQ(there_already, told);
  EXPECT_EQ(forwarded, 1);
}

TEST(Pump, HoldsNoMoreThanItsBufferAndLosesNothing) {
  Pipe in = MakePipe(/*wait_to_write=*/false);
  Pipe out = MakePipe();
  std::string told;
  Pump pump(std::move(in.read), Sink(std::move(out.write)),
            {[&](std::string_view bytes, TimePoint) { told += bytes; }, {}, {}}, 5000);
  const std::string all = Numbered(1000000);
  std::size_t sent = 0;
  std::string got;
  for (int i = 0; i < 100000 && got.size() < all.size(); ++i) {
    const ssize_t n =
        write(in.write.get(), all.data() + sent, std::min<std::size_t>(7777, all.size() - sent));
    if (n > 0) sent += static_cast<std::size_t>(n);
    for (int k = 0; k < 3; ++k) Step(pump);
    // The reader sleeps most of the time: both pipes and the buffer fill up.
    if (i % 64 == 63) got += ReadAll(out.read.get());
    ASSERT_LE(sent - got.size(), 5000u + 2 * 65536u + 7777u);
  }
  EXPECT_EQ(got, all);
  EXPECT_EQ(told, all);
}

TEST(Pump, PassesTheEndOn) {
  Pipe in = MakePipe();
  Pipe out = MakePipe();
  bool ended = false;
  Pump pump(std::move(in.read), Sink(std::move(out.write)), {{}, {}, [&] { ended = true; }});
  ASSERT_EQ(write(in.write.get(), "bye", 3), 3);
  in.write.Close();
  for (int i = 0; i < 3; ++i) Step(pump);
  EXPECT_TRUE(ended);
  EXPECT_TRUE(pump.done());
  EXPECT_EQ(ReadAll(out.read.get()), "bye");
  EXPECT_TRUE(HasEnded(out.read.get()));
}

TEST(Pump, TellsTheWriterThatTheReaderIsGone) {
  Pipe in = MakePipe();
  Pipe out = MakePipe();
  Pump pump(std::move(in.read), Sink(std::move(out.write)), {});
  out.read.Close();
  Step(pump);  // though nothing was to be written
  EXPECT_TRUE(pump.done());
  pollfd wait{in.write.get(), 0, 0};
  ASSERT_GE(poll(&wait, 1, 0), 0);
  EXPECT_NE(wait.revents & POLLERR, 0);
}

TEST(Pump, GoesOnWhenTheTellingThrows) {
  Pipe in = MakePipe();
  Pipe out = MakePipe();
  int told = 0;
  Pump pump(std::move(in.read), Sink(std::move(out.write)),
            {[&](std::string_view, TimePoint) {
               ++told;
               throw std::runtime_error("no");
             },
             {},
             {}});
  for (const char* const word : {"a", "b", "c"}) {
    ASSERT_EQ(write(in.write.get(), word, 1), 1);
    Step(pump);
  }
  EXPECT_EQ(ReadAll(out.read.get()), "abc");
  EXPECT_EQ(told, 1);
}

TEST(Pump, TakesWhatIsThereThoughTheWriterStays) {
  Pipe in = MakePipe();
  Pipe out = MakePipe();
  Pump pump(std::move(in.read), Sink(std::move(out.write)), {});
  ASSERT_EQ(write(in.write.get(), "last", 4), 4);
  pump.TakeWhatIsThere();
  for (int i = 0; i < 3; ++i) Step(pump);
  EXPECT_TRUE(pump.done());
  EXPECT_EQ(ReadAll(out.read.get()), "last");
}

TEST(Sink, LeavesTheFlagsOfASharedPipeAlone) {
  Pipe out = MakePipe();
  const Fd shared(dup(out.write.get()));
  Sink sink(std::move(out.write));
  std::string text(1 << 20, 'x');
  std::size_t written = 0;
  for (ssize_t n = 0; (n = sink.Write(std::string_view(text).substr(written))) > 0;) {
    written += static_cast<std::size_t>(n);
  }
  EXPECT_GT(written, 4096u);
  EXPECT_LT(written, text.size());  // full, and this has not waited
  EXPECT_EQ(fcntl(shared.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(Sink, DoesNotWaitForASocketEither) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Fd other(ends[1]);
  Sink sink{Fd(ends[0])};
  const std::string text(1 << 20, 'x');
  ssize_t last = 0;
  for (int i = 0; i < 100 && (last = sink.Write(text)) > 0; ++i) {
  }
  EXPECT_EQ(last, 0);
  other.Close();
  EXPECT_EQ(sink.Write(text), -1);
}

TEST(Sink, KeepsAFilesPosition) {
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  std::fputs("begin ", file);
  std::fflush(file);
  Sink sink{Fd(dup(fileno(file)))};
  EXPECT_EQ(sink.Write("end"), 3);
  std::rewind(file);
  char text[32] = {};
  EXPECT_EQ(std::fread(text, 1, sizeof(text), file), 9u);
  EXPECT_STREQ(text, "begin end");
  std::fclose(file);
}

}  // namespace
}  // namespace polymeter::cli
