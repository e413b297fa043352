#include "polymeter/section_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <time.h>

#include <chrono>
#include <thread>

#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using testing::ValueOf;

double ThreadCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Spin(double seconds) {
  const double end = ThreadCpuSeconds() + seconds;
  while (ThreadCpuSeconds() < end) {
  }
}

std::optional<double> OfSection(const Metrics& metrics, std::string_view family,
                                std::string_view section = "decode") {
  return ValueOf(metrics.TakeSnapshot(), family, {{"section", section}});
}

TEST(SectionTimes, AgreesWithGetrusageOnTheThreadsCpuTime) {
  const Metrics metrics(Options().Consumer());
  const SectionTimes sections(metrics);
  const auto wall_before = std::chrono::steady_clock::now();
  const double before = ThreadCpuSeconds();
  {
    const auto guard = sections.Enter("decode");
    Spin(0.05);
  }
  const double used = ThreadCpuSeconds() - before;
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - wall_before;
  const double cpu = OfSection(metrics, "section_cpu_seconds_total").value_or(0);
  const double wall = OfSection(metrics, "section_wall_seconds_total").value_or(0);
  EXPECT_NEAR(cpu, used, 0.01);  // getrusage scales ticks
  EXPECT_GE(cpu, 0.04);
  EXPECT_LE(cpu, wall + 1e-6);
  EXPECT_LE(wall, passed.count());
  EXPECT_EQ(OfSection(metrics, "section_runs_total"), 1);
  EXPECT_EQ(OfSection(metrics, "section_refused_total"), 0);
}

TEST(SectionTimes, SleepingIsWallTimeOnlyAndOtherThreadsDoNotCount) {
  const Metrics metrics(Options().Consumer());
  const Section decode = SectionTimes(metrics).Get("decode");
  {
    const auto guard = decode.Enter();
    std::thread([] { Spin(0.03); }).join();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_GE(OfSection(metrics, "section_wall_seconds_total"), 0.02);
  EXPECT_LT(OfSection(metrics, "section_cpu_seconds_total"), 0.02);
}

TEST(SectionTimes, ARunThatEndsOnAnotherThreadIsRefusedAndCounted) {
  const Metrics metrics(Options().Consumer());
  const SectionTimes sections(metrics);
  {
    CpuScope guard = sections.Enter("decode");
    std::thread([moved = std::move(guard)]() mutable { moved.Finish(); }).join();
  }  // the one that was moved from says nothing
  // The first thread is gone when the guard ends: its id may have been given to the second.
  std::unique_ptr<CpuScope> left;
  std::thread([&] { left = std::make_unique<CpuScope>(sections.Enter("decode")); }).join();
  std::thread([&] { left.reset(); }).join();
  EXPECT_EQ(OfSection(metrics, "section_refused_total"), 2);
  EXPECT_EQ(OfSection(metrics, "section_runs_total"), 0);
  EXPECT_EQ(OfSection(metrics, "section_cpu_seconds_total"), 0);
  EXPECT_EQ(OfSection(metrics, "section_wall_seconds_total"), 0);
}

TEST(SectionTimes, FinishObservesOnceAndDiscardNothing) {
  const Metrics metrics(Options().Consumer());
  const SectionTimes sections(metrics);
  {
    auto guard = sections.Enter("decode");
    guard.Finish();
    guard.Finish();
    auto other = sections.Enter("decode");
    other.Discard();
  }
  EXPECT_EQ(OfSection(metrics, "section_runs_total"), 1);
}

TEST(SectionTimes, NestedSectionsEachCountWhatLiesWithin) {
  const Metrics metrics(Options().Consumer());
  const SectionTimes sections(metrics);
  {
    const auto outer = sections.Enter("outer");
    const auto inner = sections.Enter("inner");
    Spin(0.01);
  }
  EXPECT_GE(OfSection(metrics, "section_cpu_seconds_total", "outer"),
            OfSection(metrics, "section_cpu_seconds_total", "inner"));
  EXPECT_GT(OfSection(metrics, "section_cpu_seconds_total", "inner"), 0);
}

TEST(SectionTimes, DoesNothingWhenNothingIsRecorded) {
  const SectionTimes sections{Metrics()};
  { const auto guard = sections.Enter("decode"); }
  { const auto guard = Section().Enter(); }
  { const auto guard = CpuScope(detail::SectionCells()); }
}

}  // namespace
}  // namespace polymeter
