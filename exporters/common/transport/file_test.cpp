// The transports of file.h on real files and full devices.
#include "exporters/common/transport/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "exporters/common/transport/file_io.h"
#include "exporters/common/transport/transport_for_test.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::ExpectRejected;
using ::testing::HasSubstr;
using testing::ReadFile;
using testing::Soon;
using ::testing::UnorderedElementsAre;
using Outcome = SendResult::Outcome;

void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Real time, and what the test adds.
class ShiftedClock : public Clock {
 public:
  SystemTime Now() const override { return std::chrono::system_clock::now() + shift; }
  std::chrono::seconds shift{0};
};

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string name = ::testing::TempDir() + "polymeter-file-XXXXXX";
    folder_ = mkdtemp(name.data());
    path_ = folder_ + "/metrics.out";
  }
  ~FileTest() override { fs::remove_all(folder_); }

  std::unique_ptr<PushTransport> Make(FileMode mode) { return Make(mode, path_); }
  std::unique_ptr<PushTransport> Make(FileMode mode, const std::string& path) {
    options_.path = path;
    options_.mode = mode;
    options_.clock = &clock_;
    return MakeFileTransport(options_);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  FileOptions options_;
  ShiftedClock clock_;
  std::string folder_;
  std::string path_;
};

SendResult SendBatch(PushTransport& transport, const std::vector<std::string>& messages) {
  transport.BeginBatch();
  for (const std::string& message : messages) {
    SendResult result = transport.Send(message, Soon());
    if (result.outcome != Outcome::kAccepted) {
      // Says nothing, or the same.
      const SendResult end = transport.EndBatch(true);
      EXPECT_TRUE(end.reason.empty() || end.reason == result.reason) << end.reason;
      return result;
    }
  }
  return transport.EndBatch(true);
}
void ExpectAccepted(const SendResult& result) {
  EXPECT_EQ(result.outcome, Outcome::kAccepted) << result.message;
}

// --- replace ---------------------------------------------------------------------------------

using ReplacingFileTest = FileTest;

TEST_F(ReplacingFileTest, HoldsTheLastBatchAndNothingElse) {
  const auto transport = Make(FileMode::kReplace);
  EXPECT_EQ(transport->endpoint(), path_);
  EXPECT_THAT(Names(), ElementsAre()) << "opens nothing before the first message";
  ExpectAccepted(SendBatch(*transport, {"one ", "two\n"}));
  EXPECT_EQ(ReadFile(path_), "one two\n");
  ExpectAccepted(SendBatch(*transport, {"three\n"}));
  EXPECT_EQ(ReadFile(path_), "three\n");
  ExpectAccepted(SendBatch(*transport, {}));
  EXPECT_EQ(ReadFile(path_), "three\n") << "no message, no change";
  EXPECT_THAT(Names(), ElementsAre("metrics.out"));
}

TEST_F(ReplacingFileTest, ShowsNothingBeforeTheBatchIsWhole) {
  const auto transport = Make(FileMode::kReplace);
  WriteFile(path_, "old\n");
  transport->BeginBatch();
  ExpectAccepted(transport->Send("new ", Soon()));
  EXPECT_EQ(ReadFile(path_), "old\n");
  EXPECT_EQ(transport->EndBatch(false).outcome, Outcome::kRetry) << "nothing of it counts";
  EXPECT_EQ(ReadFile(path_), "old\n");
  EXPECT_THAT(Names(), ElementsAre("metrics.out"));
}

TEST_F(ReplacingFileTest, RemovesWhatDeadProcessesLeftAndNothingElse) {
  WriteFile(folder_ + "/.metrics.out.polymeter-abc123", "half");
  WriteFile(folder_ + "/.metrics.out.polymeter-abc1234", "not ours: seven letters");
  WriteFile(folder_ + "/.other.out.polymeter-abc123", "another file's");
  const FileDescriptor living =
      OpenFile(folder_ + "/.metrics.out.polymeter-living", O_WRONLY | O_CREAT | O_EXCL, 0640);
  ASSERT_EQ(flock(living.get(), LOCK_EX), 0);
  const auto transport = Make(FileMode::kReplace);
  ExpectAccepted(SendBatch(*transport, {"x\n"}));
  EXPECT_THAT(Names(),
              UnorderedElementsAre("metrics.out", ".metrics.out.polymeter-abc1234",
                                   ".other.out.polymeter-abc123", ".metrics.out.polymeter-living"));
}

TEST_F(ReplacingFileTest, RemovesItsTemporaryFileWhenItEndsInABatch) {
  auto transport = Make(FileMode::kReplace);
  transport->BeginBatch();
  ExpectAccepted(transport->Send("half", Soon()));
  EXPECT_EQ(Names().size(), 1u);
  transport.reset();
  EXPECT_THAT(Names(), ElementsAre());
}

TEST_F(ReplacingFileTest, KeepsLinksAndModes) {
  WriteFile(folder_ + "/real.out", "old\n");
  ASSERT_EQ(chmod((folder_ + "/real.out").c_str(), 0604), 0);
  fs::create_symlink("real.out", path_);
  ExpectAccepted(SendBatch(*Make(FileMode::kReplace), {"new\n"}));
  EXPECT_TRUE(fs::is_symlink(path_));
  EXPECT_EQ(ReadFile(folder_ + "/real.out"), "new\n");
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0604u);
}

TEST_F(ReplacingFileTest, MakesTheTargetOfALinkThatLeadsNowhereYet) {
  fs::create_directory(folder_ + "/sub");
  fs::create_symlink("sub/second", path_);
  fs::create_symlink("real.out", folder_ + "/sub/second");
  const auto transport = Make(FileMode::kReplace);
  for (const char* text : {"one\n", "two\n"}) {
    ExpectAccepted(SendBatch(*transport, {text}));
    EXPECT_TRUE(fs::is_symlink(path_));
    EXPECT_EQ(ReadFile(folder_ + "/sub/real.out"), text);
  }
}

TEST_F(ReplacingFileTest, RefusesLinksThatLeadInACircle) {
  fs::create_symlink("metrics.out", folder_ + "/other");
  fs::create_symlink("other", path_);
  ExpectRejected(SendBatch(*Make(FileMode::kReplace), {"x\n"}), "io_error");
  EXPECT_THAT(Names(), UnorderedElementsAre("metrics.out", "other"));
}

TEST_F(ReplacingFileTest, MakesFilesThatOthersDoNotRead) {
  ExpectAccepted(SendBatch(*Make(FileMode::kReplace), {"x\n"}));
  ExpectAccepted(SendBatch(*Make(FileMode::kAppend, folder_ + "/grows"), {"x\n"}));
  for (const std::string& path : {path_, folder_ + "/grows"}) {
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0137u, 0u) << path;
  }
}

TEST_F(ReplacingFileTest, NeverReplacesADeviceOrAFolder) {
  ASSERT_EQ(mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
  for (const std::string& path : {std::string("/dev/null"), folder_ + "/fifo", folder_}) {
    ExpectRejected(SendBatch(*Make(FileMode::kReplace, path), {"x\n"}), "io_error");
  }
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(ReplacingFileTest, SaysWhyAFolderCannotBeHadAndWritesOnceItCan) {
  const std::string path = folder_ + "/missing/metrics.out";
  const auto transport = Make(FileMode::kReplace, path);
  for (int i = 0; i < 2; ++i) {
    const SendResult result = SendBatch(*transport, {"a", "b"});
    ExpectRejected(result, "io_error");
    // The same message each time, so that the log does not fill.
    EXPECT_EQ(result.message,
              "cannot create a file beside " + path + ": No such file or directory");
  }
  fs::create_directory(folder_ + "/missing");
  ExpectAccepted(SendBatch(*transport, {"x\n"}));
  EXPECT_EQ(ReadFile(path), "x\n");
  ExpectRejected(SendBatch(*Make(FileMode::kReplace, "/dev/null/x"), {"x\n"}), "io_error");
}

// --- append ----------------------------------------------------------------------------------

using AppendingFileTest = FileTest;

TEST_F(AppendingFileTest, GrowsByARecordAMessage) {
  WriteFile(path_, "before\n");
  const auto transport = Make(FileMode::kAppend);
  ExpectAccepted(SendBatch(*transport, {"one\n"}));
  ExpectAccepted(SendBatch(*transport, {"two\n", "three\n"}));
  EXPECT_EQ(ReadFile(path_), "before\none\ntwo\nthree\n");
}

TEST_F(AppendingFileTest, BeginsEveryFileWithThePreambleAndOnlyOnce) {
  options_.preamble = "head\n";
  options_.max_bytes = 14;
  ExpectAccepted(SendBatch(*Make(FileMode::kAppend), {"1\n"}));
  const auto again = Make(FileMode::kAppend);
  ExpectAccepted(SendBatch(*again, {"2\n"}));
  EXPECT_EQ(ReadFile(path_), "head\n1\n2\n");
  ExpectAccepted(SendBatch(*again, {"long record\n"}));
  EXPECT_EQ(ReadFile(path_), "head\nlong record\n");
  ExpectAccepted(SendBatch(*again, {"long record\n"}));
  EXPECT_EQ(ReadFile(path_ + ".1"), "head\nlong record\n");
  EXPECT_EQ(ReadFile(path_ + ".2"), "head\n1\n2\n");
}

TEST_F(AppendingFileTest, CutsOffWhatACrashLeft) {
  const std::string many(10000, 'x');
  for (const auto& [left, kept] :
       std::vector<std::pair<std::string, std::string>>{{"whole\nhalf", "whole\n"},
                                                        {"half", ""},
                                                        {"", ""},
                                                        {"whole\n", "whole\n"},
                                                        {many, ""},
                                                        {"whole\n" + many, "whole\n"},
                                                        {many + "\n" + many, many + "\n"},
                                                        {"\n", "\n"}}) {
    WriteFile(path_, left);
    ExpectAccepted(SendBatch(*Make(FileMode::kAppend), {"next\n"}));
    EXPECT_EQ(ReadFile(path_), kept + "next\n");
  }
}

TEST_F(AppendingFileTest, RotatesBeforeItGrowsTooLong) {
  options_.max_bytes = 10;
  options_.keep = 2;
  const auto transport = Make(FileMode::kAppend);
  for (const char* record :
       {"aaaa\n", "bbbb\n", "cccc\n", "dddd\n", "eeee\n", "ffff\n", "gggg\n"}) {
    ExpectAccepted(SendBatch(*transport, {record}));
  }
  EXPECT_EQ(ReadFile(path_), "gggg\n");
  EXPECT_EQ(ReadFile(path_ + ".1"), "eeee\nffff\n");
  EXPECT_EQ(ReadFile(path_ + ".2"), "cccc\ndddd\n");
  EXPECT_THAT(Names(), UnorderedElementsAre("metrics.out", "metrics.out.1", "metrics.out.2"));
  ExpectAccepted(SendBatch(*transport, {"a record that is longer\n"}));
  EXPECT_EQ(ReadFile(path_), "a record that is longer\n") << "a file of its own";
}

TEST_F(AppendingFileTest, RotatesByAgeAlsoOfAFileThatItFound) {
  options_.max_age = 1h;
  auto transport = Make(FileMode::kAppend);
  ExpectAccepted(SendBatch(*transport, {"1\n"}));
  clock_.shift = 59min;
  ExpectAccepted(SendBatch(*transport, {"2\n"}));
  clock_.shift = 61min;
  ExpectAccepted(SendBatch(*transport, {"3\n"}));
  EXPECT_EQ(ReadFile(path_), "3\n");
  EXPECT_EQ(ReadFile(path_ + ".1"), "1\n2\n");
  clock_.shift = -24h;  // set back: later, not never and not at once
  ExpectAccepted(SendBatch(*transport, {"4\n"}));
  EXPECT_EQ(ReadFile(path_), "3\n4\n");
}

TEST_F(AppendingFileTest, KeepsNoneWhereNoneIsWanted) {
  options_.max_bytes = 5;
  options_.keep = 0;
  const auto transport = Make(FileMode::kAppend);
  ExpectAccepted(SendBatch(*transport, {"aaaa\n"}));
  ExpectAccepted(SendBatch(*transport, {"bbbb\n"}));
  EXPECT_EQ(ReadFile(path_), "bbbb\n");
  EXPECT_THAT(Names(), ElementsAre("metrics.out"));
}

TEST_F(AppendingFileTest, RotatesTheTargetOfALinkAndNotTheLink) {
  options_.max_bytes = 5;
  fs::create_directory(folder_ + "/sub");
  fs::create_symlink("sub/real.out", path_);
  for (const int keep : {1, 0}) {
    options_.keep = keep;
    const auto transport = Make(FileMode::kAppend);
    ExpectAccepted(SendBatch(*transport, {"aaaa\n"}));
    ExpectAccepted(SendBatch(*transport, {"bbbb\n"}));
    EXPECT_TRUE(fs::is_symlink(path_));
    EXPECT_THAT(Names(), UnorderedElementsAre("metrics.out", "sub"));
    EXPECT_EQ(ReadFile(folder_ + "/sub/real.out"), "bbbb\n");
  }
  EXPECT_EQ(ReadFile(folder_ + "/sub/real.out.1"), "aaaa\n");
}

TEST_F(AppendingFileTest, RefusesToGrowOverALimitThatItCannotKeep) {
  options_.max_bytes = 5;
  options_.keep = 1;
  fs::create_directories(path_ + ".1/not_empty");
  const auto transport = Make(FileMode::kAppend);
  ExpectAccepted(SendBatch(*transport, {"aaaa\n"}));
  ExpectRejected(SendBatch(*transport, {"bbbb\n"}), "io_error");
  EXPECT_EQ(ReadFile(path_), "aaaa\n");
  fs::remove_all(path_ + ".1");
  ExpectAccepted(SendBatch(*transport, {"cccc\n"}));
  EXPECT_EQ(ReadFile(path_), "cccc\n");
}

TEST_F(AppendingFileTest, MakesTheFileAnewThatSomebodyRenamedOrRemoved) {
  const auto transport = Make(FileMode::kAppend);
  ExpectAccepted(SendBatch(*transport, {"1\n"}));
  fs::rename(path_, path_ + ".moved");
  ExpectAccepted(SendBatch(*transport, {"2\n"}));
  EXPECT_EQ(ReadFile(path_ + ".moved"), "1\n");
  EXPECT_EQ(ReadFile(path_), "2\n");
  fs::remove(path_);
  ExpectAccepted(SendBatch(*transport, {"3\n"}));
  EXPECT_EQ(ReadFile(path_), "3\n");
  fs::resize_file(path_, 0);  // logrotate's copytruncate
  ExpectAccepted(SendBatch(*transport, {"4\n"}));
  EXPECT_EQ(ReadFile(path_), "4\n");
}

TEST_F(AppendingFileTest, CountsAFullDevice) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const auto transport = Make(FileMode::kAppend, "/dev/full");
  for (int i = 0; i < 2; ++i) ExpectRejected(SendBatch(*transport, {"x\n"}), "disk_full");
}

TEST_F(AppendingFileTest, SaysWhyItCannotBeOpenedAndGoesOnOnceItCan) {
  const std::string path = folder_ + "/missing/metrics.out";
  const auto transport = Make(FileMode::kAppend, path);
  ExpectRejected(SendBatch(*transport, {"x\n"}), "io_error");
  fs::create_directory(folder_ + "/missing");
  ExpectAccepted(SendBatch(*transport, {"x\n"}));
  EXPECT_EQ(ReadFile(path), "x\n");
  ExpectRejected(SendBatch(*Make(FileMode::kAppend, folder_), {"x\n"}), "io_error");
  ASSERT_EQ(mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
  ExpectRejected(SendBatch(*Make(FileMode::kAppend, folder_ + "/fifo"), {"x\n"}), "io_error");
}

// More than a pipe holds: what its reader finds is whole, as slow as it may be.
TEST_F(AppendingFileTest, WaitsForTheSlowReaderOfAFifo) {
  options_.preamble = "head\n";
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const FileDescriptor reader = OpenFile(path_, O_RDONLY);
  ASSERT_TRUE(reader);
  const std::string record = std::string(300000, 'x') + "\n";
  const std::string wanted = "head\n" + record + "next\n";
  std::string all;
  std::thread reading([&] {
    pollfd ready{reader.get(), POLLIN, 0};
    char bytes[10000];
    while (all.size() < wanted.size() && poll(&ready, 1, 5000) > 0) {
      const ssize_t got = read(reader.get(), bytes, sizeof(bytes));
      if (got <= 0) break;
      all.append(bytes, static_cast<std::size_t>(got));
      std::this_thread::sleep_for(1ms);
    }
  });
  const auto transport = Make(FileMode::kAppend);
  for (const std::string& message : {record, std::string("next\n")}) {
    const SendResult result = transport->Send(message, Soon());
    EXPECT_EQ(result.outcome, Outcome::kSent) << result.message;
  }
  reading.join();
  EXPECT_TRUE(all == wanted) << all.size() << " bytes";
}

// A limit on file sizes belongs to the process, so a child has it: no room after 100 bytes.
TEST_F(FileTest, LeavesNoPartOfARecordOnAFullDisk) {
  const std::string grows = folder_ + "/grows";
  WriteFile(grows, "first\n");
  WriteFile(path_, "old\n");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);  // as every thread of the library
    const rlimit limit{100, 100};
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::string big = "a line\n" + std::string(300, 'x') + "\n";  // one record
    const auto append = Make(FileMode::kAppend, grows);
    const SendResult appended = append->Send(big, Soon());
    const auto replace = Make(FileMode::kReplace);
    replace->BeginBatch();
    const SendResult replaced = replace->Send(big, Soon());
    const bool goes_on = append->Send("second\n", Soon()).outcome == Outcome::kAccepted;
    _exit(appended.reason == "disk_full" && replaced.reason == "disk_full" && goes_on ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(ReadFile(grows), "first\nsecond\n");
  EXPECT_EQ(ReadFile(path_), "old\n");
}

TEST_F(FileTest, ClosesItsFilesWhenTheProcessExecutesAnotherProgram) {
  const auto transport = Make(FileMode::kAppend);
  ExpectAccepted(SendBatch(*transport, {"x\n"}));
  const auto half = Make(FileMode::kReplace, folder_ + "/other");
  half->BeginBatch();
  ExpectAccepted(half->Send("x", Soon()));
  int files = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (fs::read_symlink(entry.path(), error).string().find(folder_) == std::string::npos) continue;
    ++files;
    const int fd = std::stoi(entry.path().filename().string());
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(files, 2);
}

TEST_F(FileTest, KnowsWhatAPathIs) {
  EXPECT_TRUE(IsFilePath("-"));
  EXPECT_TRUE(IsFilePath("a b/c"));
  EXPECT_FALSE(IsFilePath(""));
  EXPECT_FALSE(IsFilePath("folder/"));
  EXPECT_FALSE(IsFilePath(std::string_view("a\0b", 3)));
  EXPECT_EQ(Make(FileMode::kReplace, "-")->endpoint(), "stdout");
  EXPECT_EQ(Make(FileMode::kAppend, "/dev/stderr")->endpoint(), "stderr");
}

}  // namespace
}  // namespace detail
POLYMETER_END_NAMESPACE
