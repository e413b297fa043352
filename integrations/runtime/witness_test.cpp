// The figures against independent witnesses: getrusage, ps, time, and a program that starts and
// ends threads, allocates and switches contexts by the thousand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "integrations/runtime/process_reader.h"
#include "integrations/runtime/program_for_test.h"

namespace polymeter::detail {
namespace {

using ::polymeter::testing::Program;

// A program that is not there: skipped by name, a failure in CI.
#define REQUIRE_PROGRAM(name, package)                              \
  if (!Program({"sh", "-c", "command -v " name}).Found()) {         \
    const char* const ci = getenv("CI");                            \
    if (ci != nullptr && std::string_view(ci) == "true") {          \
      FAIL() << name " is not installed (Debian: " package ")";     \
    }                                                               \
    GTEST_SKIP() << name " is not installed (Debian: " package ")"; \
  }

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

ProcessSample Read(ProcessReader& reader) {
  ProcessSample sample;
  EXPECT_TRUE(reader.Read(sample));
  return sample;
}

// What getrusage tells the process of itself.
struct Usage {
  std::uint64_t voluntary = 0, involuntary = 0, minor = 0, major = 0;
  double user = 0, system = 0;
};
Usage UsageOf(Program& child) {
  Usage u;
  std::istringstream(child.Ask("usage")) >> u.voluntary >> u.involuntary >> u.minor >> u.major >>
      u.user >> u.system;
  return u;
}

// --- the own process --------------------------------------------------------------------------

TEST(Witness, GetrusageOfTheOwnProcessBracketsTheReading) {
  // Threads that ended must stay counted: their switches are in no file of task/*.
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([] {
      for (int k = 0; k < 1200; ++k) usleep(1);
    });
  }
  for (std::thread& thread : threads) thread.join();

  ProcessReader reader("/", 0);
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  const ProcessSample sample = Read(reader);
  getrusage(RUSAGE_SELF, &after);
  const auto between = [](auto low, auto value, auto high) {
    EXPECT_GE(value, static_cast<decltype(value)>(low));
    EXPECT_LE(value, static_cast<decltype(value)>(high));
  };
  ASSERT_TRUE(sample.context_switches);
  EXPECT_GE(sample.context_switches->voluntary, 3000u);
  between(before.ru_nvcsw, sample.context_switches->voluntary, after.ru_nvcsw);
  between(before.ru_nivcsw, sample.context_switches->involuntary, after.ru_nivcsw);
  between(before.ru_minflt, *sample.minor_faults, after.ru_minflt);
  between(before.ru_majflt, *sample.major_faults, after.ru_majflt);
  between(Seconds(before.ru_utime), *sample.cpu_user_seconds, Seconds(after.ru_utime));
  between(Seconds(before.ru_stime), *sample.cpu_system_seconds, Seconds(after.ru_stime));
  // getrusage cuts off at microseconds.
  between(Seconds(before.ru_utime) + Seconds(before.ru_stime) - 2e-6, *sample.cpu_seconds,
          Seconds(after.ru_utime) + Seconds(after.ru_stime) + 2e-6);
}

TEST(Witness, RunDelayOfTheOwnProcessCoversAllThreadsAndNeverStepsBack) {
  ProcessReader reader("/", 0);
  double last = Read(reader).run_delay_seconds.value_or(-1);
  ASSERT_GE(last, 0);
  for (int round = 0; round < 5; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int k = 0; k < 200; ++k) usleep(1);
      });
    }
    const double during = Read(reader).run_delay_seconds.value();
    EXPECT_GE(during, last);
    for (std::thread& thread : threads) thread.join();
    const double after = Read(reader).run_delay_seconds.value();
    EXPECT_GE(after, during);
    last = after;
  }
}

// --- a child ----------------------------------------------------------------------------------

class ChildTest : public ::testing::Test {
 protected:
  ChildTest() : child_({POLYMETER_TEST_CHILD}) { EXPECT_EQ(child_.ReadLine(), "ready"); }

  Program child_;
};

TEST_F(ChildTest, ContextSwitchesOfAllThreadsAgreeWithGetrusage) {
  // What happens between two readings: threads that ended before the first one are in getrusage
  // alone.
  ProcessReader reader("/", child_.pid());
  const Usage first_low = UsageOf(child_);
  const ProcessSample first = Read(reader);
  const Usage first_high = UsageOf(child_);
  EXPECT_EQ(child_.Ask("switch 3 1200"), "done");
  const Usage low = UsageOf(child_);
  const ProcessSample sample = Read(reader);
  const Usage high = UsageOf(child_);
  ASSERT_TRUE(first.context_switches && sample.context_switches);
  const std::uint64_t voluntary =
      sample.context_switches->voluntary - first.context_switches->voluntary;
  EXPECT_GE(voluntary, 3000u);
  EXPECT_GE(voluntary, low.voluntary - first_high.voluntary);
  EXPECT_LE(voluntary, high.voluntary - first_low.voluntary);
  const std::uint64_t involuntary =
      sample.context_switches->involuntary - first.context_switches->involuntary;
  EXPECT_GE(involuntary, low.involuntary - first_high.involuntary);
  EXPECT_LE(involuntary, high.involuntary - first_low.involuntary);
  // These the kernel keeps for the whole process.
  EXPECT_GE(sample.minor_faults, low.minor);
  EXPECT_LE(sample.minor_faults, high.minor);
}

TEST_F(ChildTest, ContextSwitchesDoNotStepBackWhenThreadsEnd) {
  ProcessReader reader("/", child_.pid());
  const std::uint64_t alone = Read(reader).threads.value();
  EXPECT_EQ(child_.Ask("switch 3 1200"), "done");
  const std::uint64_t with = Read(reader).context_switches.value().voluntary;
  EXPECT_EQ(child_.Ask("release"), "done");
  const ProcessSample after = Read(reader);
  EXPECT_EQ(after.threads, alone);
  EXPECT_GE(after.context_switches.value().voluntary, with);
  // A second crowd, perhaps with the ids of the first. (A sleep now and then is no switch.)
  EXPECT_EQ(child_.Ask("switch 3 500"), "done");
  EXPECT_GE(Read(reader).context_switches.value().voluntary, with + 1000);
}

TEST_F(ChildTest, CpuTimeAgreesWithGetrusageWithinItsTicks) {
  EXPECT_EQ(child_.Ask("spin 150"), "done");
  ProcessReader reader("/", child_.pid());
  const Usage before = UsageOf(child_);
  const ProcessSample sample = Read(reader);
  const Usage after = UsageOf(child_);
  const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  EXPECT_GE(*sample.cpu_seconds, before.user + before.system - 2 * tick);
  EXPECT_LE(*sample.cpu_seconds, after.user + after.system + 1e-6);
  EXPECT_GE(*sample.cpu_seconds, 0.13);
}

TEST_F(ChildTest, MemoryDescriptorsAndThreadsFollowWhatItDoes) {
  ProcessReader reader("/", child_.pid());
  const ProcessSample before = Read(reader);
  EXPECT_EQ(child_.Ask("allocate 50"), "done");
  EXPECT_EQ(child_.Ask("open 17"), "done");
  EXPECT_EQ(child_.Ask("switch 5 1"), "done");
  const ProcessSample after = Read(reader);
  const std::uint64_t bytes = std::uint64_t{50} << 20;
  // The kernel keeps small differences for itself for a while.
  EXPECT_GE(*after.resident_bytes + (1 << 20), *before.resident_bytes + bytes);
  EXPECT_GE(*after.virtual_bytes, *before.virtual_bytes + bytes);
  EXPECT_EQ(*after.open_fds, *before.open_fds + 17);
  EXPECT_EQ(*after.threads, *before.threads + 5);
  EXPECT_GE(*after.minor_faults, *before.minor_faults + 5);
}

TEST_F(ChildTest, AgreesWithPs) {
  REQUIRE_PROGRAM("ps", "procps");
  EXPECT_EQ(child_.Ask("allocate 50"), "done");
  EXPECT_EQ(child_.Ask("switch 3 100"), "done");
  EXPECT_EQ(child_.Ask("spin 100"), "done");
  ProcessReader reader("/", child_.pid());
  // It waits for a command: nothing moves but what the kernel settles late.
  const ProcessSample sample = Read(reader);
  Program ps({"ps", "-o", "rss=,vsz=,nlwp=,min_flt=,maj_flt=,cputimes=,etimes=", "-p",
              std::to_string(child_.pid())});
  ps.CloseInput();
  std::uint64_t rss = 0;
  std::uint64_t vsz = 0;
  std::uint64_t threads = 0;
  std::uint64_t minor = 0;
  std::uint64_t major = 0;
  std::uint64_t cpu = 0;
  double age = 0;
  const std::string line = ps.ReadAll();
  std::istringstream(line) >> rss >> vsz >> threads >> minor >> major >> cpu >> age;
  EXPECT_EQ(ps.Wait(), 0);
  EXPECT_EQ(*sample.resident_bytes, rss * 1024) << line;
  EXPECT_EQ(*sample.virtual_bytes, vsz * 1024) << line;
  EXPECT_EQ(*sample.threads, threads) << line;
  EXPECT_EQ(*sample.minor_faults, minor) << line;
  EXPECT_EQ(*sample.major_faults, major) << line;
  EXPECT_EQ(static_cast<std::uint64_t>(*sample.cpu_seconds), cpu) << line;
  // Its age is in whole seconds, and the boot time, too.
  EXPECT_NEAR(static_cast<double>(time(nullptr)) - *sample.start_time_seconds, age, 3) << line;
}

TEST(Witness, AgreesWithTime) {
  REQUIRE_PROGRAM("/usr/bin/time", "time");
  // Process of time, whose child tells its own pid.
  Program timed({"/usr/bin/time", "-o", "/dev/stdout", "-f", "%U %S %R %F %w %c", "sh", "-c",
                 "echo $$; exec " POLYMETER_TEST_CHILD});
  const pid_t pid = std::stoi(timed.ReadLine());
  ASSERT_EQ(timed.ReadLine(), "ready");
  EXPECT_EQ(timed.Ask("switch 3 1000"), "done");
  EXPECT_EQ(timed.Ask("spin 200"), "done");
  EXPECT_EQ(timed.Ask("allocate 50"), "done");
  ProcessReader reader("/", pid);
  const ProcessSample sample = Read(reader);
  timed.Tell("leave");
  double user = 0;
  double system = 0;
  std::uint64_t minor = 0;
  std::uint64_t major = 0;
  std::uint64_t voluntary = 0;
  std::uint64_t involuntary = 0;
  const std::string line = timed.ReadAll();
  std::istringstream(line) >> user >> system >> minor >> major >> voluntary >> involuntary;
  EXPECT_EQ(timed.Wait(), 0);
  ASSERT_GT(voluntary, 2500u) << line;
  // Its end comes on top: no faults of its own, its threads' last switches, and CPU time without a
  // limit, for what a virtual machine's host takes away may count as used. So at least it is what
  // was asked for, less a tick each of user and system.
  const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  EXPECT_LE(*sample.cpu_seconds, user + system + 0.02) << line;
  EXPECT_GE(*sample.cpu_seconds, 0.2 - 2 * tick) << line;
  EXPECT_LE(*sample.minor_faults, minor) << line;
  EXPECT_GE(*sample.minor_faults + 100, minor) << line;
  EXPECT_LE(sample.context_switches->voluntary, voluntary) << line;
  EXPECT_GE(sample.context_switches->voluntary + 100, voluntary) << line;
  EXPECT_LE(sample.context_switches->involuntary, involuntary) << line;
  EXPECT_GE(sample.context_switches->involuntary + 100, involuntary) << line;
}

}  // namespace
}  // namespace polymeter::detail
