// Forks while other threads record, install and resolve: no lock is held in the child.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "polymeter/recorder.h"
#include "polymeter/testing.h"
#include "sdk/testing/sanitizer.h"
#include "test/concurrency/crowd.h"
#include "test/lifetimes/process.h"

namespace {

using polymeter::InstallDefault;
using polymeter::Metrics;
using polymeter::Options;
using polymeter::RecorderReport;
using polymeter::testing::ValueOf;
using process::Child;
using process::Tell;

polymeter::Counter Site() { return POLYMETER_COUNTER("site_total", "S."); }

TEST(RecorderFork, AChildBeginsAtZeroAndRecordsInTheSameDefault) {
  polymeter::RecordCount("dropped");
  const Metrics metrics{Options().Consumer()};
  const auto installed = InstallDefault(metrics);
  polymeter::RecordCount("jobs", 5);
  Site().Increment(5);
  const auto outcome = Child::Fork([&](int fd) {
                         alarm(50);
                         const auto drops = RecorderReport();
                         if (drops.before_installation + drops.after_shutdown != 0) return 2;
                         polymeter::RecordCount("jobs", 2);
                         Site().Increment(3);
                         polymeter::RecordCount("made_in_child");
                         if (ValueOf(metrics, "jobs_total") != 2) return 3;
                         if (ValueOf(metrics, "site_total") != 3) return 4;
                         if (ValueOf(metrics, "made_in_child_total") != 1) return 5;
                         const Metrics own{Options().Consumer()};
                         {
                           const auto hides = InstallDefault(own);
                           Site().Increment();
                           if (ValueOf(own, "site_total") != 1) return 6;
                         }
                         Site().Increment();
                         if (ValueOf(metrics, "site_total") != 4) return 7;
                         Tell(fd, "good");
                         return 0;
                       }).Wait();
  EXPECT_EQ(outcome.output, "good") << outcome.exit_code << " signal " << outcome.signal;
  EXPECT_EQ(ValueOf(metrics, "jobs_total"), 5);
  EXPECT_EQ(ValueOf(metrics, "site_total"), 5);
}

// A child of a busy process may wait for ever for a lock of AddressSanitizer's allocator.
TEST(RecorderFork, POLYMETER_PLAIN(ChildrenOfABusyProcessGoOn)) {
  const Metrics metrics{Options().Consumer()};
  const auto installed = InstallDefault(metrics);
  std::atomic<int> names{0};
  std::vector<std::unique_ptr<crowd::Loop>> loops;  // after what they use
  for (int i = 0; i < 3; ++i) {
    loops.push_back(std::make_unique<crowd::Loop>([&] {
      polymeter::RecordCount("jobs");
      Site().Increment();
      polymeter::RecordCount("name_" + std::to_string(names++ % 5000));
    }));
  }
  loops.push_back(std::make_unique<crowd::Loop>([&] {
    const auto hides = InstallDefault(metrics);
    Site().Increment();
  }));
  for (int i = 0; i < 30; ++i) {
    const auto outcome = Child::Fork([&](int) {
                           alarm(50);
                           for (int j = 0; j < 20; ++j) {
                             polymeter::RecordCount("jobs");
                             Site().Increment();
                             polymeter::RecordCount("child_" + std::to_string(j));
                             const auto hides = InstallDefault(metrics);
                             polymeter::RecordCount("jobs");
                           }
                           // Nothing that the exit of a copy of the parent would do.
                           return ValueOf(metrics, "jobs_total") == 40 ? 0 : 1;
                         }).Wait();
    ASSERT_EQ(outcome.exit_code, 0) << "round " << i << " signal " << outcome.signal;
  }
}

}  // namespace
