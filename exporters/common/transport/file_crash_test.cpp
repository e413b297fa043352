// kill -9 at any moment leaves files that read.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>

#include "exporters/common/transport/file.h"
#include "exporters/common/transport/transport_for_test.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

namespace fs = std::filesystem;
using testing::ReadFile;

// "<n> <n> <n> ...\n": a reader sees whether it is whole.
std::string Record(int n) {
  std::string record;
  const std::string word = std::to_string(n) + " ";
  while (record.size() < 100000) record += word;
  return record + "\n";
}
bool IsRecord(std::string_view line) {
  return line == Record(std::atoi(std::string(line.substr(0, 12)).c_str()));
}

// Writes until it is killed; says on `written` that the first record is.
[[noreturn]] void WriteForEver(const FileOptions& options, int from, int written) {
  const auto transport = MakeFileTransport(options);
  for (int n = from;; ++n) {
    const std::string record = Record(n);
    const std::size_t half = options.mode == FileMode::kReplace ? record.size() / 2 : 0;
    transport->BeginBatch();
    static_cast<void>(transport->Send(record.substr(0, half), Deadline::max()));
    static_cast<void>(transport->Send(record.substr(half), Deadline::max()));
    static_cast<void>(transport->EndBatch(true));
    if (n == from && write(written, "w", 1) != 1) _exit(1);
  }
}

// `check` after each of many deaths: every other one at any moment, the others after a record.
template <class Check>
void KillOften(const FileOptions& options, Check check) {
  std::mt19937 random(9);
  for (int round = 0; round < 40; ++round) {
    int written[2];
    ASSERT_EQ(pipe(written), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) WriteForEver(options, 1 + round * 1000000, written[1]);
    close(written[1]);
    char first = 0;
    if (round % 2 == 0) {
      ASSERT_EQ(read(written[0], &first, 1), 1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(1000 + random() % 20000));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    close(written[0]);
    check(round);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

class FileCrashTest : public ::testing::Test {
 protected:
  FileCrashTest() {
    std::string name = ::testing::TempDir() + "polymeter-crash-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~FileCrashTest() override { fs::remove_all(folder_); }
  std::string folder_;
};

TEST_F(FileCrashTest, AReplacedFileIsAlwaysOneWholeSnapshot) {
  FileOptions options;
  options.path = folder_ + "/last.json";
  KillOften(options, [&](int round) {
    const std::string content = ReadFile(options.path);
    ASSERT_TRUE(IsRecord(content)) << "round " << round;
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder_)) files += entry.exists() ? 1 : 0;
    ASSERT_LE(files, 2u) << "temporary files pile up";
  });
  const auto next = MakeFileTransport(options);
  next->BeginBatch();
  EXPECT_EQ(next->Send(Record(7), Deadline::max()).outcome, SendResult::Outcome::kAccepted);
  EXPECT_EQ(next->EndBatch(true).outcome, SendResult::Outcome::kAccepted);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(FileCrashTest, AGrowingFileReadsLineByLineWithAtMostAnUnterminatedTail) {
  FileOptions options;
  options.path = folder_ + "/all.jsonl";
  options.mode = FileMode::kAppend;
  options.max_bytes = 1000000;
  options.keep = 1;
  std::size_t lines = 0;
  KillOften(options, [&](int round) {
    for (const std::string& path : {options.path, options.path + ".1"}) {
      const std::string content = ReadFile(path);
      std::string_view rest = content;
      for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; ++lines) {
        ASSERT_TRUE(IsRecord(rest.substr(0, end + 1))) << path << ", round " << round;
        rest.remove_prefix(end + 1);
      }
      // Rotated files have been cut when they were opened after the crash.
      if (path != options.path) {
        ASSERT_TRUE(rest.empty()) << "round " << round;
      }
    }
  });
  EXPECT_GT(lines, 40u);
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
