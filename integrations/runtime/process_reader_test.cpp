// The reader on captures and on processes that vanish. Its figures are compared with other
// programs' in witness_test.cpp.
#include "integrations/runtime/process_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "integrations/runtime/program_for_test.h"
#include "integrations/runtime/tree_for_test.h"

namespace polymeter::detail {
namespace {

using ::polymeter::testing::CapturedRoot;
using ::polymeter::testing::Program;
using ::polymeter::testing::Tree;
using ::testing::DoubleNear;
using ::testing::Optional;

constexpr pid_t kCaptured = 4711;  // in testdata/threads
const std::string kTask = "proc/4711/task/";

ProcessSample ReadOnce(ProcessReader& reader) {
  ProcessSample sample;
  EXPECT_TRUE(reader.Read(sample));
  return sample;
}

TEST(ProcessReader, ReadsACapturedProcess) {
  ProcessReader reader(CapturedRoot("hybrid"), 0);
  const ProcessSample sample = ReadOnce(reader);
  EXPECT_THAT(sample.cpu_seconds, Optional(0.0));
  EXPECT_THAT(sample.resident_bytes, Optional(405u * static_cast<unsigned>(getpagesize())));
  EXPECT_THAT(sample.virtual_bytes, Optional(765u * static_cast<unsigned>(getpagesize())));
  EXPECT_THAT(sample.threads, Optional(1u));
  EXPECT_THAT(sample.max_fds, Optional(20000u));
  EXPECT_THAT(sample.minor_faults, Optional(116u));
  EXPECT_THAT(sample.major_faults, Optional(0u));
  EXPECT_THAT(sample.start_time_seconds, Optional(DoubleNear(1795225304 + 1536.36, 0.001)));
  ASSERT_TRUE(sample.io);
  EXPECT_EQ(sample.io->read_bytes, 0u);
  // This capture has no folders fd and task.
  EXPECT_EQ(sample.open_fds, std::nullopt);
  EXPECT_EQ(sample.run_delay_seconds, std::nullopt);
  EXPECT_EQ(sample.context_switches, std::nullopt);
}

TEST(ProcessReader, SumsOverThreadsWhereTheProcessFilesShowTheFirstAlone) {
  // Named ") R x"; getrusage said 3615 and 11, status says 6 and 3.
  ProcessReader reader(CapturedRoot("threads"), kCaptured);
  const ProcessSample sample = ReadOnce(reader);
  ASSERT_TRUE(sample.context_switches);
  EXPECT_EQ(sample.context_switches->voluntary, 3615u);
  EXPECT_EQ(sample.context_switches->involuntary, 11u);
  EXPECT_THAT(sample.run_delay_seconds,
              Optional(DoubleNear(1e-9 * (2549156. + 45279143 + 33158302 + 33538934), 1e-12)));
  EXPECT_THAT(sample.threads, Optional(4u));
  EXPECT_THAT(sample.cpu_system_seconds,
              Optional(DoubleNear(5.0 / static_cast<double>(sysconf(_SC_CLK_TCK)), 1e-9)));
}

TEST(ProcessReader, SumsDoNotStepBackWhenThreadsEnd) {
  const Tree tree("threads");
  ProcessReader reader(tree.path(), kCaptured);
  const ProcessSample before = ReadOnce(reader);
  tree.Remove(kTask + "4713");
  tree.Remove(kTask + "4714");
  tree.Write(kTask + "4711/status",
             "voluntary_ctxt_switches:\t8\nnonvoluntary_ctxt_switches:\t3\n");
  const ProcessSample after = ReadOnce(reader);
  EXPECT_EQ(after.context_switches->voluntary, before.context_switches->voluntary + 2);
  EXPECT_EQ(after.context_switches->involuntary, before.context_switches->involuntary);
  EXPECT_EQ(after.run_delay_seconds, before.run_delay_seconds);
}

TEST(ProcessReader, AThreadWhoseFileCannotBeReadDoesNotMakeSumsStepBack) {
  const Tree tree("threads");
  ProcessReader reader(tree.path(), kCaptured);
  const ProcessSample before = ReadOnce(reader);
  tree.Remove(kTask + "4713/status");
  EXPECT_EQ(ReadOnce(reader).context_switches->voluntary, before.context_switches->voluntary);
}

TEST(ProcessReader, AFileThatCannotBeReadCostsItsOwnMetrics) {
  struct Case {
    std::string file;
    std::optional<std::uint64_t> ProcessSample::*number;
  };
  for (const Case& c :
       {Case{"statm", &ProcessSample::resident_bytes}, Case{"statm", &ProcessSample::virtual_bytes},
        Case{"limits", &ProcessSample::max_fds}}) {
    const Tree tree("threads");
    tree.Remove("proc/4711/" + c.file);
    tree.Write("proc/4711/" + c.file + "/in_its_place", "");  // opens, but cannot be read
    ProcessReader reader(tree.path(), kCaptured);
    ProcessSample sample = ReadOnce(reader);
    EXPECT_EQ(sample.*c.number, std::nullopt) << c.file;
    EXPECT_TRUE(sample.io);
    EXPECT_TRUE(sample.cpu_seconds);
    EXPECT_TRUE(sample.context_switches);
  }
  const Tree tree("threads");
  for (const char* const file : {"io", "task", "fd"}) tree.Remove(std::string("proc/4711/") + file);
  tree.Remove("proc/stat");
  ProcessReader reader(tree.path(), kCaptured);
  const ProcessSample sample = ReadOnce(reader);
  EXPECT_FALSE(sample.io);
  EXPECT_FALSE(sample.context_switches);
  EXPECT_FALSE(sample.run_delay_seconds);
  EXPECT_FALSE(sample.open_fds);
  EXPECT_FALSE(sample.start_time_seconds);
  EXPECT_TRUE(sample.cpu_seconds);
  EXPECT_TRUE(sample.resident_bytes);
}

TEST(ProcessReader, CountsDescriptorsAndKnowsNoUnlimited) {
  const Tree tree("threads");
  tree.Remove("proc/4711/fd");
  for (const char* const fd : {"0", "1", "17"}) tree.Write(std::string("proc/4711/fd/") + fd, "");
  tree.Write("proc/4711/limits",
             "Max open files            unlimited            unlimited   files\n");
  ProcessReader reader(tree.path(), kCaptured);
  const ProcessSample sample = ReadOnce(reader);
  EXPECT_THAT(sample.open_fds, Optional(3u));
  EXPECT_EQ(sample.max_fds, std::nullopt);
}

TEST(ProcessReader, KeepsTheStartTimeWhenTheClockIsSet) {
  const Tree tree("threads");
  ProcessReader reader(tree.path(), kCaptured);
  const std::optional<double> start = ReadOnce(reader).start_time_seconds;
  ASSERT_TRUE(start);
  tree.Write("proc/stat", "btime 1\n");
  EXPECT_EQ(ReadOnce(reader).start_time_seconds, start);
}

// --- processes that go --------------------------------------------------------------------------

TEST(ProcessReader, AReusedPidIsNeverTakenForTheProcess) {
  const Tree tree("threads");
  ProcessReader reader(tree.path(), kCaptured);
  ReadOnce(reader);
  const std::string ours = tree.Read("proc/4711/stat");
  std::string other = ours;
  other.replace(other.find(" 2613999 "), 9, " 2614000 ");
  tree.Write("proc/4711/stat", other);
  ProcessSample sample;
  EXPECT_FALSE(reader.Read(sample));
  EXPECT_TRUE(reader.gone());
  // For ever, whatever comes next.
  tree.Write("proc/4711/stat", ours);
  EXPECT_FALSE(reader.Read(sample));
}

TEST(ProcessReader, AProcessThatIsNotThereAtFirstIsNeverThere) {
  const Tree tree("threads");
  ProcessReader reader(tree.path(), 4712);
  tree.Write("proc/4712/stat", tree.Read("proc/4711/stat"));
  ProcessSample sample;
  EXPECT_FALSE(reader.Read(sample));
  EXPECT_FALSE(ProcessReader("/", -1).Read(sample));
}

TEST(ProcessReader, AProcessWithoutAReadableStatHasNoValuesThisTime) {
  const Tree tree("threads");
  ProcessReader reader(tree.path(), kCaptured);
  const std::string stat = tree.Read("proc/4711/stat");
  tree.Write("proc/4711/stat", "4711 (");
  ProcessSample sample;
  EXPECT_FALSE(reader.Read(sample));
  EXPECT_FALSE(reader.gone());
  tree.Write("proc/4711/stat", stat);
  EXPECT_TRUE(reader.Read(sample));
  tree.Remove("proc/4711");
  EXPECT_FALSE(reader.Read(sample));
  EXPECT_TRUE(reader.gone());
}

TEST(ProcessReader, AChildThatEndsIsGone) {
  Program child({POLYMETER_TEST_CHILD});
  ASSERT_EQ(child.ReadLine(), "ready");
  ProcessReader reader("/", child.pid());
  ProcessSample sample;
  EXPECT_TRUE(reader.Read(sample));
  child.Kill();
  EXPECT_FALSE(reader.Read(sample));
  EXPECT_TRUE(reader.gone());
}

TEST(ProcessReader, AZombieHasItsLastCounters) {
  Program child({POLYMETER_TEST_CHILD});
  ASSERT_EQ(child.ReadLine(), "ready");
  ProcessReader reader("/", child.pid());
  EXPECT_EQ(child.Ask("spin 60"), "done");
  child.CloseInput();
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
  const ProcessSample sample = ReadOnce(reader);
  EXPECT_THAT(sample.cpu_seconds, Optional(::testing::Ge(0.05)));
  EXPECT_THAT(sample.resident_bytes, Optional(0u));
  child.Wait();
}

// --- the own process -----------------------------------------------------------------------------

TEST(ProcessReader, TheOwnPidIsTheOwnProcess) {
  EXPECT_TRUE(ProcessReader("/", getpid()).own());
  EXPECT_TRUE(ProcessReader("/", 0).own());
  EXPECT_EQ(ProcessReader("/", getpid()).folder(), "/proc/self");
  EXPECT_FALSE(ProcessReader("/", getppid()).own());
}

TEST(ProcessReader, TheDescriptorThatListsIsNotCounted) {
  ProcessReader reader("/", 0);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  std::uint64_t open = 0;
  for (rlim_t fd = 0; fd < std::min<rlim_t>(limit.rlim_cur, 65536); ++fd) {
    open += fcntl(static_cast<int>(fd), F_GETFD) >= 0;
  }
  EXPECT_THAT(ReadOnce(reader).open_fds, Optional(open));
}

TEST(ProcessReader, AForkedChildReadsItself) {
  ProcessReader reader("/", 0);
  const double parent_start = ReadOnce(reader).start_time_seconds.value();
  usleep(50000);  // some ticks, in which start times are
  const pid_t child = fork();
  if (child == 0) {
    ProcessSample sample;
    const bool right = reader.Read(sample) && sample.start_time_seconds > parent_start;
    _exit(right ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ProcShowsOurNamespace, ComparesWithProcSelf) {
  EXPECT_TRUE(ProcShowsOurNamespace("/"));
  const Tree tree;
  EXPECT_FALSE(ProcShowsOurNamespace(tree.path()));
  std::filesystem::create_directories(tree.path() + "/proc");
  std::filesystem::create_symlink("1000000000", tree.path() + "/proc/self");
  EXPECT_FALSE(ProcShowsOurNamespace(tree.path()));
}

}  // namespace
}  // namespace polymeter::detail
