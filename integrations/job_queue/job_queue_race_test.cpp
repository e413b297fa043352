// Many threads on the same jobs: of those that want to end one, exactly one wins, and in the end
// the numbers add up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "polymeter/job_queue.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

constexpr int kThreads = 4;

Metrics Quiet() {
  return Metrics(Options().Consumer().Log([](LogLevel, std::string_view) {}));
}

template <class Work>
void Together(int count, Work work) {
  std::latch ready(count);
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      ready.arrive_and_wait();
      work(i);
    });
  }
}

TEST(JobQueueRaces, OneEndWins) {
  const Metrics metrics = Quiet();
  const JobQueueMetrics queue(metrics);
  constexpr int kRounds = 2000;
  std::atomic<std::uint64_t> completed{0};
  std::atomic<std::uint64_t> cancelled{0};
  std::atomic<std::uint64_t> failed{0};
  // Jobs that all threads have; the owner drops them while others still end them.
  std::vector<Job> jobs(kRounds);
  std::vector<JobRef> refs(kRounds);
  for (int i = 0; i < kRounds; ++i) {
    jobs[static_cast<std::size_t>(i)] = queue.Submit();
    jobs[static_cast<std::size_t>(i)].Start();
    refs[static_cast<std::size_t>(i)] = jobs[static_cast<std::size_t>(i)].ref();
  }
  Together(kThreads, [&](int thread) {
    for (std::size_t i = 0; i < kRounds; ++i) {
      if (thread == 0) {
        completed += jobs[i].Complete();
      } else if (thread == 1) {
        cancelled += refs[i].Cancel();
      } else if (thread == 2) {
        failed += refs[i].Fail("timeout");
      } else if (i >= 1) {
        if (queue.Tally().accepted() < queue.Tally().ended()) ADD_FAILURE();
        i += 50;
      }
    }
  });
  const JobTally tally = queue.Tally();
  EXPECT_EQ(completed + cancelled + failed, kRounds);
  EXPECT_EQ(tally.completed, completed);
  EXPECT_EQ(tally.cancelled, cancelled);
  EXPECT_EQ(tally.failed, failed);
  EXPECT_EQ(tally.live(), 0u);
  EXPECT_TRUE(tally.balanced());
}

// Every thread submits, works, gives its jobs' refs to the others and drops its jobs; one
// reads the page all the while.
TEST(JobQueueRaces, NumbersAddUpWhateverHappens) {
  const Metrics metrics = Quiet();
  const JobQueueMetrics queue(
      metrics, JobQueueOptions::Whisper().Workers(kThreads).Lease(std::chrono::microseconds(200)));
  constexpr int kSteps = 20'000;
  constexpr std::size_t kShared = 64;
  std::mutex mutex;
  std::vector<JobRef> shared(kShared);
  std::atomic<std::uint64_t> submitted{0};
  std::atomic<std::uint64_t> restored{0};
  std::atomic<std::uint64_t> completed{0};
  std::atomic<std::uint64_t> cancelled{0};
  std::atomic<std::uint64_t> dead_lettered{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<int> working{kThreads};

  Together(kThreads + 1, [&](int thread) {
    if (thread == kThreads) {
      while (working.load() > 0) {
        const JobTally tally = queue.Tally();
        EXPECT_GE(tally.accepted(), tally.ended() + tally.live());
        const Snapshot snapshot = metrics.TakeSnapshot();
        for (const char* const name :
             {"whisper_queue_size", "whisper_jobs_processing", "whisper_jobs_scheduled"}) {
          EXPECT_GE(testing::ValueOf(snapshot, name, {{"model", "base"}}).value_or(0), 0) << name;
        }
      }
      return;
    }
    std::mt19937 random(static_cast<unsigned>(thread));
    std::vector<Job> mine(20);
    for (int i = 0; i < kSteps; ++i) {
      Job& job = mine[random() % mine.size()];
      switch (random() % 10) {
        case 0:
          job = queue.Submit("base", "auto");
          ++submitted;
          break;
        case 1:
          job = queue.Restore(JobInfo().Audio(std::chrono::seconds(1)), "tiny", "auto");
          ++restored;
          break;
        case 2:
        case 3:
          job.Start();
          break;
        case 4:
          if (job) completed += job.Complete();
          break;
        case 5:
          job.Retry();
          break;
        case 6:
          job.Relabel("language", random() % 2 == 0 ? "en" : "de");
          job.Renew();
          break;
        case 7:
          job = Job();
          break;
        case 8: {
          const std::lock_guard lock(mutex);
          shared[random() % kShared] = job.ref();
          break;
        }
        default: {
          JobRef ref;
          {
            const std::lock_guard lock(mutex);
            ref = shared[random() % kShared];
          }
          if (!ref) break;
          const auto way = random() % 4;
          if (way == 0) cancelled += ref.Cancel();
          if (way == 1) dead_lettered += ref.DeadLetter();
          if (way == 2) failed += ref.Fail("timeout");
          if (way == 3) completed += ref.Complete();
        }
      }
    }
    --working;
  });
  const JobTally tally = queue.Tally();
  EXPECT_EQ(tally.submitted, submitted);
  EXPECT_EQ(tally.restored, restored);
  EXPECT_EQ(tally.completed, completed);
  EXPECT_EQ(tally.cancelled, cancelled);
  EXPECT_EQ(tally.dead_lettered, dead_lettered);
  EXPECT_EQ(tally.failed, failed);
  EXPECT_EQ(tally.live(), 0u);
  EXPECT_EQ(tally.lost, submitted + restored - completed - cancelled - dead_lettered - failed);
  EXPECT_GT(tally.lost, 0u);
  EXPECT_GT(tally.completed, 0u);
}

// Start and Retry by one thread while another ends the job: an attempt's time is never that of
// another attempt.
TEST(JobQueueRaces, AttemptsKeepTheirTimes) {
  const Metrics metrics = Quiet();
  // Each look at the clock is a second later, so an attempt lasts at least one.
  std::atomic<std::int64_t> seconds{0};
  const JobQueueMetrics queue(metrics, JobQueueOptions().Clock([&] {
    return std::chrono::steady_clock::time_point(std::chrono::seconds(++seconds));
  }));
  constexpr int kJobs = 300;
  for (int i = 0; i < kJobs; ++i) {
    const Job job = queue.Submit();
    Together(2, [&](int thread) {
      if (thread == 0) {
        for (int attempt = 0; attempt < 20 && job.Start() && job.Retry(); ++attempt) {
        }
      } else {
        job.ref().Cancel();
      }
    });
    job.Cancel();
  }
  const Snapshot snapshot = metrics.TakeSnapshot();
  double observed = 0;
  for (const char* const outcome : {"retried", "cancelled"}) {
    const auto* const point = testing::FindPoint<HistogramPoint>(snapshot, "job_duration_seconds",
                                                                 {{"outcome", outcome}});
    if (point == nullptr) continue;
    observed += point->sum;
    // None in the buckets below a second.
    for (std::uint32_t i = 0; i < point->bound_count && point->bounds[i] < 1; ++i) {
      EXPECT_EQ(point->buckets[i], 0u) << outcome << " " << point->bounds[i];
    }
  }
  EXPECT_LT(observed, static_cast<double>(seconds));
  EXPECT_EQ(queue.Tally().cancelled, static_cast<std::uint64_t>(kJobs));
}

}  // namespace
}  // namespace polymeter
