// RuntimeMetrics in a Metrics: which families there are, with which labels, and when.
#include "polymeter/runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "integrations/runtime/program_for_test.h"
#include "integrations/runtime/runtime_families.h"
#include "integrations/runtime/tree_for_test.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/sanitizer.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::CapturedRoot;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using testing::LogCapture;
using ::testing::Not;
using testing::Program;
using testing::Tree;
using testing::ValueOf;

// A busy machine may take long for a snapshot; the default budget would then give old values.
Options Patient() { return Options().Consumer().ProducerBudget(std::chrono::seconds(20)); }

std::set<std::string> Families(const Metrics& metrics) {
  std::set<std::string> names;
  const Snapshot snapshot = metrics.TakeSnapshot();
  for (const FamilyView& family : snapshot.families()) {
    const std::string name(family.name);
    if (name.rfind("polymeter_", 0) != 0 && name != "target_info") names.insert(name);
  }
  return names;
}

TEST(RuntimeMetrics, HasTheFamiliesOfTheOwnProcess) {
  const Metrics metrics(Patient());
  const RuntimeMetrics runtime(metrics);
  EXPECT_THAT(Families(metrics),
              IsSupersetOf({"process_cpu_seconds_total", "process_resident_memory_bytes",
                            "process_virtual_memory_bytes", "process_open_fds", "process_threads",
                            "process_start_time_seconds", "process_context_switches_total",
                            "process_page_faults_total"}));
  if (!testing::kSanitized) {
    EXPECT_GT(
        ValueOf(metrics.TakeSnapshot(), "allocator_allocated_bytes", {{"allocator", "glibc"}}), 0);
  }
  EXPECT_TRUE(ValueOf(metrics.TakeSnapshot(), "process_cpu_seconds_total"));
}

TEST(RuntimeMetrics, EveryFamilyComesFromTheTable) {
  std::set<std::string> rows;
  for (const detail::FamilyRow& row : detail::kRuntimeFamilies) rows.emplace(row.name);
  EXPECT_EQ(rows.size(), detail::kRuntimeFamilyCount);
  const Metrics metrics(Patient());
  const RuntimeMetrics runtime(metrics);
  for (const std::string& name : Families(metrics)) EXPECT_TRUE(rows.count(name)) << name;
}

TEST(RuntimeMetrics, CarriesTypesUnitsAndOpenTelemetryNames) {
  const Metrics metrics(Patient());
  const RuntimeMetrics runtime(metrics, RuntimeOptions().Root(CapturedRoot("threads")).Pid(4711));
  const Snapshot snapshot = metrics.TakeSnapshot();
  const FamilyView* const memory = testing::FindFamily(snapshot, "process_resident_memory_bytes");
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(memory->unit, "bytes");
  EXPECT_EQ(memory->otel_name, "process.memory.usage");
  EXPECT_TRUE(memory->additive);
  EXPECT_EQ(ValueOf(snapshot, "process_context_switches_total", {{"type", "voluntary"}}), 3615);
  EXPECT_EQ(ValueOf(snapshot, "process_context_switches_total", {{"type", "involuntary"}}), 11);
  EXPECT_EQ(ValueOf(snapshot, "process_page_faults_total", {{"type", "minor"}}), 128);
  EXPECT_EQ(ValueOf(snapshot, "process_page_faults_total", {{"type", "major"}}), 0);
  EXPECT_EQ(ValueOf(snapshot, "process_disk_io_bytes_total", {{"direction", "read"}}), 0);
  EXPECT_EQ(ValueOf(snapshot, "process_max_fds"), 20000);
  // Another process' malloc cannot be asked.
  EXPECT_EQ(testing::FindFamily(snapshot, "allocator_allocated_bytes"), nullptr);
}

TEST(RuntimeMetrics, SplitsCpuTimeByModeWhenAsked) {
  const Metrics metrics(Patient());
  const RuntimeMetrics runtime(metrics, RuntimeOptions().CpuByMode());
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_GE(ValueOf(snapshot, "process_cpu_seconds_total", {{"mode", "user"}}), 0);
  EXPECT_GE(ValueOf(snapshot, "process_cpu_seconds_total", {{"mode", "system"}}), 0);
  EXPECT_FALSE(ValueOf(snapshot, "process_cpu_seconds_total"));
}

TEST(RuntimeMetrics, LabelsTellTwoProcessesApart) {
  const Metrics metrics(Patient());
  const RuntimeMetrics own(metrics, RuntimeOptions().Labels({{"process", "own"}}));
  const RuntimeMetrics other(
      metrics,
      RuntimeOptions().Root(CapturedRoot("threads")).Pid(4711).Labels({{"process", "other"}}));
  const Snapshot snapshot = metrics.TakeSnapshot();
  EXPECT_EQ(ValueOf(snapshot, "process_threads", {{"process", "other"}}), 4);
  EXPECT_GE(ValueOf(snapshot, "process_threads", {{"process", "own"}}), 1);
  EXPECT_EQ(ValueOf(snapshot, "process_context_switches_total",
                    {{"process", "other"}, {"type", "involuntary"}}),
            11);
}

TEST(RuntimeMetrics, AVanishedChildHasNoFamiliesAnyMore) {
  const LogCapture log;
  const Metrics metrics(Patient().Log(log.callback()));
  Program child({POLYMETER_TEST_CHILD});
  ASSERT_EQ(child.ReadLine(), "ready");
  const RuntimeMetrics runtime(metrics, RuntimeOptions().Pid(child.pid()));
  EXPECT_FALSE(Families(metrics).empty());
  child.Kill();
  EXPECT_TRUE(Families(metrics).empty());
  EXPECT_TRUE(log.messages().empty());
}

TEST(RuntimeMetrics, APidThatCannotBeReadIsOneMessage) {
  const LogCapture log;
  const Metrics metrics(Patient().Log(log.callback()));
  const Tree empty;
  const RuntimeMetrics runtime(metrics, RuntimeOptions().Root(empty.path()).Pid(77));
  EXPECT_TRUE(Families(metrics).empty());
  EXPECT_EQ(log.Count("process 77 cannot be read"), 1);
}

TEST(RuntimeMetrics, NoFileAtAllCostsNothingElse) {
  const LogCapture log;
  const Metrics metrics(Patient().Log(log.callback()));
  const Tree empty;
  const RuntimeMetrics runtime(metrics, RuntimeOptions().Root(empty.path()));
  for (const std::string& name : Families(metrics)) EXPECT_THAT(name, HasSubstr("allocator_"));
  EXPECT_TRUE(log.messages().empty());
}

TEST(RuntimeMetrics, DetachesInItsDestructor) {
  const Metrics metrics(Patient());
  { const RuntimeMetrics runtime(metrics); }
  EXPECT_TRUE(Families(metrics).empty());
}

TEST(RuntimeMetrics, DoesNothingWhenNothingIsRecorded) {
  const RuntimeMetrics runtime{Metrics()};
  const RuntimeMetrics child(Metrics(), RuntimeOptions().Pid(-5));
}

// --- in circumstances of their own ------------------------------------------------------------

std::string PageOf(std::vector<std::string> command) {
  Program program(std::move(command));
  if (!program.started()) return {};
  program.CloseInput();
  std::string page = program.ReadAll();
  return program.Wait() == 0 ? page : std::string();
}

double ValueIn(const std::string& page, const std::string& series) {
  const std::size_t at = ("\n" + page).find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(page.substr(at + series.size() + 1));
}

constexpr double kHeld = 50 << 20;  // by testdata/page_for_test.cpp

TEST(RuntimeMetrics, ReadsItselfInAPidNamespaceWithoutAProcOfItsOwn) {
  // Process 1 of the namespace; /proc/1 is the system's first process.
  const std::string page = PageOf(
      {"unshare", "--pid", "--fork", "sh", "-c", "ulimit -n 123; exec " POLYMETER_TEST_PAGE});
  if (page.empty()) GTEST_SKIP() << "no right to make a pid namespace (unshare --pid)";
  EXPECT_EQ(ValueIn(page, "process_max_fds"), 123);
  EXPECT_GE(ValueIn(page, "process_resident_memory_bytes"), kHeld);
  EXPECT_LT(ValueIn(page, "process_resident_memory_bytes"), 4 * kHeld);
}

TEST(RuntimeMetrics, DoesNotTakeSomebodyElseForAChildThere) {
  EXPECT_THAT(PageOf({POLYMETER_TEST_PAGE, "child"}), HasSubstr("process_threads "));
  const std::string page =
      PageOf({"unshare", "--pid", "--fork", "sh", "-c", POLYMETER_TEST_PAGE " child; echo end"});
  if (page.empty()) GTEST_SKIP() << "no right to make a pid namespace (unshare --pid)";
  EXPECT_THAT(page, Not(HasSubstr("process_")));
}

POLYMETER_MALLOC_TEST(RuntimeMetrics, AsksJemallocWhereItIsUsed) {
  const std::string page = PageOf({"env", "LD_PRELOAD=libjemalloc.so.2", POLYMETER_TEST_PAGE});
  const bool there = page.find("allocator_allocated_bytes jemalloc ") != std::string::npos;
  if (!there && PageOf({"sh", "-c", "ldconfig -p | grep libjemalloc.so.2"}).empty()) {
    if (getenv("CI") != nullptr && getenv("CI") == std::string_view("true")) {
      FAIL() << "libjemalloc.so.2 is not installed (Debian: libjemalloc2)";
    }
    GTEST_SKIP() << "libjemalloc.so.2 is not installed (Debian: libjemalloc2)";
  }
  EXPECT_GE(ValueIn(page, "allocator_allocated_bytes jemalloc"), kHeld);
  EXPECT_LT(ValueIn(page, "allocator_allocated_bytes jemalloc"), 1.5 * kHeld);
  EXPECT_GE(ValueIn(page, "allocator_free_bytes jemalloc"), 0);
  EXPECT_EQ(page.find("glibc"), std::string::npos);
}

POLYMETER_MALLOC_TEST(RuntimeMetrics, AsksGlibcOtherwise) {
  const std::string page = PageOf({POLYMETER_TEST_PAGE});
  EXPECT_GE(ValueIn(page, "allocator_allocated_bytes glibc"), kHeld);
  EXPECT_LT(ValueIn(page, "allocator_allocated_bytes glibc"), 1.5 * kHeld);
}

}  // namespace
}  // namespace polymeter
