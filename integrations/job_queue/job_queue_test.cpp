#include "polymeter/job_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "integrations/common/fork_for_test.h"
#include "integrations/job_queue/job_queue_families.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using namespace std::chrono_literals;
using testing::PassesInAForkedChild;

// A queue whose clocks a test moves.
class JobQueue : public ::testing::Test {
 protected:
  JobQueueOptions WithClocks(JobQueueOptions options) {
    return options.Clock([this] { return steady_; }).WallClock([this] { return wall_; });
  }
  void Advance(std::chrono::nanoseconds by) {
    steady_ += by;
    wall_ += by;
  }
  double Value(std::string_view name, std::initializer_list<Label> labels = {}) {
    return testing::ValueOf(metrics_.TakeSnapshot(), name, labels).value_or(-1);
  }
  // Count and sum; -1 when there is no such series.
  std::pair<double, double> Histogram(std::string_view name,
                                      std::initializer_list<Label> labels = {}) {
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const auto* point = testing::FindPoint<HistogramPoint>(snapshot, name, labels);
    return point == nullptr ? std::pair(-1.0, -1.0)
                            : std::pair(static_cast<double>(point->count), point->sum);
  }

  std::chrono::steady_clock::time_point steady_{1h};
  std::chrono::system_clock::time_point wall_{1'767'225'600s};
  testing::LogCapture log_;
  const Metrics metrics_{Options().Consumer().Log(log_.callback())};
};

using Pair = std::pair<double, double>;

TEST_F(JobQueue, WhisperPresetHasTheNamesOfItsTable) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions::Whisper().Workers(2)));
  const Job waiting = queue.Submit("base.en", "auto");
  Advance(3s);
  const Job job = queue.Submit(JobInfo().Audio(60s), "base.en", "auto");
  Advance(2s);
  EXPECT_TRUE(job.Start());
  Advance(30s);
  EXPECT_EQ(Value("whisper_queue_size", {{"model", "base.en"}}), 1);
  EXPECT_EQ(Value("whisper_jobs_processing", {{"model", "base.en"}}), 1);
  EXPECT_EQ(Value("whisper_oldest_job_age_seconds", {{"queue", "default"}}), 35);
  EXPECT_EQ(Value("whisper_workers"), 2);
  EXPECT_EQ(Value("whisper_workers_busy"), 1);
  EXPECT_TRUE(job.Relabel("language", "de"));
  EXPECT_TRUE(job.Complete());

  EXPECT_EQ(Value("whisper_jobs_submitted_total", {{"model", "base.en"}, {"language", "auto"}}), 2);
  EXPECT_EQ(Value("whisper_jobs_submitted_total", {{"model", "base.en"}, {"language", "de"}}), 0);
  EXPECT_EQ(Value("whisper_jobs_completed_total", {{"model", "base.en"}, {"language", "de"}}), 1);
  EXPECT_EQ(Histogram("whisper_job_wait_seconds", {{"model", "base.en"}}), Pair(1, 2));
  EXPECT_EQ(Histogram("whisper_job_duration_seconds",
                      {{"model", "base.en"}, {"language", "de"}, {"outcome", "completed"}}),
            Pair(1, 30));
  EXPECT_EQ(Value("whisper_audio_seconds_total", {{"model", "base.en"}}), 60);
  EXPECT_EQ(Histogram("whisper_realtime_factor", {{"model", "base.en"}}), Pair(1, 0.5));
  EXPECT_EQ(Value("whisper_jobs_processing", {{"model", "base.en"}}), 0);
  EXPECT_EQ(Value("whisper_workers_busy"), 0);
}

TEST_F(JobQueue, DurationsHaveBucketsFromOneSecondToTwoHours) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions::Whisper()));
  const Job job = queue.Submit("base", "en");
  job.Start();
  job.Complete();
  const Snapshot snapshot = metrics_.TakeSnapshot();
  const auto* point = testing::FindPoint<HistogramPoint>(
      snapshot, "whisper_job_duration_seconds",
      {{"model", "base"}, {"language", "en"}, {"outcome", "completed"}});
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->bounds[0], 1);
  EXPECT_EQ(point->bounds[point->bound_count - 1], 7200);
}

// Two queues with one name would be one metric at an OTLP receiver.
TEST_F(JobQueue, OnlyTheQueueThatIsToldToHasOpenTelemetrysNames) {
  const JobQueueMetrics whisper(metrics_, WithClocks(JobQueueOptions::Whisper()));
  const JobQueueMetrics mail(metrics_, WithClocks(JobQueueOptions().Prefix("mail")));
  for (const JobQueueMetrics* const queue : {&whisper, &mail}) {
    const Job job = queue->Submit("base", "en");
    job.Start();
    job.Complete();
  }
  const Snapshot snapshot = metrics_.TakeSnapshot();
  const auto otel_name = [&](const char* family) {
    return std::string(testing::FindFamily(snapshot, family)->otel_name);
  };
  EXPECT_EQ(otel_name("whisper_job_duration_seconds"), "messaging.process.duration");
  EXPECT_EQ(otel_name("mail_job_duration_seconds"), "");
}

// METRICS_BUCKETS ends in Options::Buckets (sdk/src/env_test.cpp).
TEST_F(JobQueue, BucketsAreTheUsersByTheFamilysName) {
  const Metrics metrics(
      Options().Consumer().Buckets("whisper_job_duration_seconds", {0.5, 7, 100}));
  const JobQueueMetrics queue(metrics, JobQueueOptions::Whisper());
  const Job job = queue.Submit("base", "en");
  job.Start();
  job.Complete();
  const Snapshot snapshot = metrics.TakeSnapshot();
  const auto* point = testing::FindPoint<HistogramPoint>(
      snapshot, "whisper_job_duration_seconds",
      {{"model", "base"}, {"language", "en"}, {"outcome", "completed"}});
  ASSERT_NE(point, nullptr);
  EXPECT_THAT(std::vector<double>(point->bounds, point->bounds + point->bound_count),
              ::testing::ElementsAre(0.5, 7, 100));
}

TEST_F(JobQueue, NeedsNeitherPrefixNorLabels) {
  const JobQueueMetrics queue(metrics_);
  const Job job = queue.Submit();
  EXPECT_EQ(Value("queue_size"), 1);
  job.Start();
  job.Fail("no_disk");
  EXPECT_EQ(Value("jobs_submitted_total"), 1);
  EXPECT_EQ(Value("jobs_failed_total", {{"reason", "no_disk"}}), 1);
  EXPECT_EQ(Histogram("job_duration_seconds", {{"outcome", "failed"}}).first, 1);
  EXPECT_EQ(testing::FindFamily(metrics_.TakeSnapshot(), "workers"), nullptr);
  EXPECT_EQ(testing::FindFamily(metrics_.TakeSnapshot(), "audio_seconds_total"), nullptr);
  EXPECT_TRUE(queue.Tally().balanced());
  EXPECT_EQ(log_.messages().size(), 0u);
}

TEST_F(JobQueue, CompletesOnce) {
  const JobQueueMetrics queue(metrics_);
  const Job job = queue.Submit();
  EXPECT_FALSE(job.Complete());  // never ran
  EXPECT_EQ(job.state(), JobState::kQueued);
  EXPECT_TRUE(job.Start());
  EXPECT_TRUE(job.Complete());
  EXPECT_FALSE(job.Complete());
  EXPECT_FALSE(job.Cancel());
  EXPECT_EQ(Value("jobs_completed_total"), 1);
  EXPECT_EQ(Value("jobs_cancelled_total"), 0);
  const auto refused = [&](std::string_view from, std::string_view to) {
    return Value("job_invalid_transitions_total", {{"from", from}, {"to", to}});
  };
  EXPECT_EQ(refused("queued", "completed"), 1);
  EXPECT_EQ(refused("completed", "completed"), 1);
  EXPECT_EQ(refused("completed", "cancelled"), 1);
  EXPECT_EQ(log_.Count("a step from queued to completed is not possible"), 1);
  EXPECT_EQ(log_.messages().size(), 1u);  // the rest is counted
}

TEST_F(JobQueue, RetryStartsANewWaitAndSuccessCountsOnce) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions()));
  const Job job = queue.Submit();
  Advance(1s);
  job.Start();
  Advance(10s);
  EXPECT_TRUE(job.Retry(30s));
  EXPECT_EQ(Value("jobs_scheduled"), 1);
  EXPECT_EQ(Value("queue_size"), 0);
  EXPECT_EQ(Value("oldest_job_age_seconds", {{"queue", "default"}}), 0);
  Advance(34s);
  EXPECT_EQ(Value("jobs_scheduled"), 0);
  EXPECT_EQ(Value("queue_size"), 1);
  EXPECT_EQ(Value("oldest_job_age_seconds", {{"queue", "default"}}), 4);
  job.Start();
  Advance(20s);
  job.Complete();
  EXPECT_EQ(Value("jobs_submitted_total"), 1);
  EXPECT_EQ(Value("jobs_retried_total"), 1);
  EXPECT_EQ(Value("jobs_completed_total"), 1);
  EXPECT_EQ(Histogram("job_wait_seconds"), Pair(2, 5));  // 1 s and 4 s
  EXPECT_EQ(Histogram("job_duration_seconds", {{"outcome", "retried"}}), Pair(1, 10));
  EXPECT_EQ(Histogram("job_duration_seconds", {{"outcome", "completed"}}), Pair(1, 20));
}

TEST_F(JobQueue, ScheduledJobsWaitFromTheirDueTime) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions()));
  const Job late = queue.Submit(JobInfo().DueIn(60s));
  const Job early = queue.Submit(JobInfo().DueAt(wall_ + 1h));
  EXPECT_EQ(Value("jobs_scheduled"), 2);
  Advance(65s);
  late.Start();
  early.Start();  // nobody is hurt
  EXPECT_EQ(Histogram("job_wait_seconds"), Pair(2, 5));
}

TEST_F(JobQueue, DroppedJobsAreLost) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions()));
  {
    const Job queued = queue.Submit();
    const Job running = queue.Submit();
    const Job done = queue.Submit();
    running.Start();
    done.Start();
    done.Complete();
    Advance(2s);
  }
  EXPECT_EQ(Value("jobs_lost_total"), 2);
  EXPECT_EQ(Histogram("job_duration_seconds", {{"outcome", "lost"}}), Pair(1, 2));
  EXPECT_EQ(Value("queue_size"), 0);
  EXPECT_EQ(Value("jobs_processing"), 0);
  EXPECT_TRUE(queue.Tally().balanced());
}

TEST_F(JobQueue, DurationsKeepTheTraceOfTheWorkerWhereAskedTo) {
  const auto trace_of = [](std::uint8_t id) {
    TraceContext trace;
    trace.trace_id.fill(id);
    trace.span_id.fill(id);
    trace.flags = TraceContext::kSampled;
    return trace;
  };
  const auto exemplars = [&](std::string_view outcome) {
    std::vector<TraceContext> traces;
    const Snapshot snapshot = metrics_.TakeSnapshot();
    const auto* const point = testing::FindPoint<HistogramPoint>(snapshot, "job_duration_seconds",
                                                                 {{"outcome", outcome}});
    if (point == nullptr) return traces;
    for (std::uint32_t i = 0; i < point->exemplar_count; ++i) {
      traces.push_back(point->exemplars[i].trace);
    }
    return traces;
  };
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions().Exemplars().Lease(10s)));
  const Job job = queue.Submit();
  const Job hanging = queue.Submit();
  job.Start();
  hanging.Start();
  Advance(2s);
  {
    const TraceScope worker(trace_of(1));
    job.Complete();
  }
  EXPECT_THAT(exemplars("completed"), ::testing::ElementsAre(trace_of(1)));
  Advance(10s);
  const TraceScope somebody(trace_of(2));
  EXPECT_FALSE(hanging.Complete());
  EXPECT_EQ(Value("jobs_lost_total"), 1);
  EXPECT_THAT(exemplars("lost"), ::testing::IsEmpty());
}

TEST_F(JobQueue, OneThatIsOverwrittenIsLostAndOneThatIsMovedIsNot) {
  const JobQueueMetrics queue(metrics_);
  Job job = queue.Submit();
  Job moved = std::move(job);
  EXPECT_TRUE(job.Start());  // NOLINT: an empty job does nothing
  EXPECT_EQ(moved.state(), JobState::kQueued);
  moved = queue.Submit();
  EXPECT_EQ(Value("jobs_lost_total"), 1);
  EXPECT_EQ(Value("queue_size"), 1);
}

TEST_F(JobQueue, ExpiredLeaseIsLostWhoeverLooks) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions().Lease(10s)));
  const Job renewed = queue.Submit();
  const Job crashed = queue.Submit();
  const Job slow = queue.Submit();
  renewed.Start();
  crashed.Start();
  slow.Start();
  Advance(8s);
  EXPECT_TRUE(renewed.Renew());
  Advance(4s);
  EXPECT_FALSE(slow.Complete());           // its own end finds out
  EXPECT_EQ(Value("jobs_lost_total"), 2);  // the page finds the other
  EXPECT_EQ(Value("jobs_processing"), 1);
  EXPECT_EQ(crashed.state(), JobState::kLost);
  EXPECT_FALSE(crashed.Renew());
  EXPECT_TRUE(renewed.Complete());
  EXPECT_EQ(Value("job_invalid_transitions_total", {{"from", "lost"}, {"to", "completed"}}), 1);
  // Until the lease was over.
  EXPECT_EQ(Histogram("job_duration_seconds", {{"outcome", "lost"}}), Pair(2, 20));
  EXPECT_TRUE(queue.Tally().balanced());
}

TEST_F(JobQueue, RestoredJobsAreLiveWithoutBeingSubmittedAgain) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions()));
  const Job job = queue.Restore(JobInfo().SubmittedAt(wall_ - 90s));
  EXPECT_EQ(Value("jobs_restored_total"), 1);
  EXPECT_EQ(Value("jobs_submitted_total"), 0);
  EXPECT_EQ(Value("queue_size"), 1);
  EXPECT_EQ(Value("oldest_job_age_seconds", {{"queue", "default"}}), 90);
  job.Start();
  job.Complete();
  EXPECT_EQ(Histogram("job_wait_seconds"), Pair(1, 90));
  EXPECT_TRUE(queue.Tally().balanced());
}

TEST_F(JobQueue, SkewedClocksAreClampedAndCounted) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions()));
  const Job ahead = queue.Submit(JobInfo().SubmittedAt(wall_ + 1us));
  const Job never =
      queue.Submit(JobInfo().SubmittedAt(std::chrono::system_clock::time_point::max()));
  const Job right = queue.Submit(JobInfo().SubmittedAt(wall_));
  const Job old = queue.Submit(JobInfo().SubmittedAt(std::chrono::system_clock::time_point::min()));
  EXPECT_EQ(Value("queue_size"), 4);
  ahead.Start();
  never.Start();
  right.Start();
  EXPECT_EQ(Histogram("job_wait_seconds"), Pair(3, 0));
  old.Start();
  EXPECT_EQ(Value("job_clock_skew_total"), 2);
  EXPECT_EQ(Value("job_inputs_clamped_total", {{"input", "age"}}), 1);
  EXPECT_EQ(Histogram("job_wait_seconds"), Pair(4, 10 * 365.25 * 86400));
}

TEST_F(JobQueue, SteadyClockThatRunsBackwardsGivesNoNegativeTimes) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions()));
  const Job job = queue.Submit();
  steady_ -= 10s;
  EXPECT_EQ(Value("oldest_job_age_seconds", {{"queue", "default"}}), 0);
  job.Start();
  steady_ = std::chrono::steady_clock::time_point::min();
  job.Complete();
  EXPECT_EQ(Histogram("job_wait_seconds"), Pair(1, 0));
  EXPECT_EQ(Histogram("job_duration_seconds", {{"outcome", "completed"}}), Pair(1, 0));
}

TEST_F(JobQueue, HostileDurationsAreClampedAndCounted) {
  using AnySeconds = std::chrono::duration<double>;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const JobQueueMetrics queue(
      metrics_, WithClocks(JobQueueOptions().Audio().Lease(std::chrono::hours::max())));
  for (const double delay : {-1.0, std::numeric_limits<double>::quiet_NaN(), -kInfinity, kInfinity,
                             1e300, AnySeconds(std::chrono::hours::max()).count(),
                             AnySeconds(std::chrono::nanoseconds::min()).count()}) {
    const Job job = queue.Submit(JobInfo().DueIn(AnySeconds(delay)).Audio(AnySeconds(delay)));
    EXPECT_TRUE(job.Start());
    job.SetAudio(AnySeconds(delay));
    Advance(1s);
    EXPECT_TRUE(job.Retry(AnySeconds(delay)));
    EXPECT_TRUE(job.Start());
    Advance(1s);
    EXPECT_TRUE(job.Complete());
  }
  EXPECT_EQ(Value("job_inputs_clamped_total", {{"input", "delay"}}), 14);
  EXPECT_EQ(Value("job_inputs_clamped_total", {{"input", "audio"}}), 14);
  EXPECT_EQ(Value("jobs_completed_total"), 7);
  EXPECT_EQ(Histogram("job_wait_seconds"), Pair(14, 0));
  EXPECT_EQ(Histogram("job_duration_seconds", {{"outcome", "completed"}}), Pair(7, 7));
  // Three of them were clamped to ten years.
  EXPECT_EQ(Value("audio_seconds_total"), 3 * 10 * 365.25 * 86400);
  EXPECT_EQ(log_.Count("was clamped"), 1);
  EXPECT_TRUE(queue.Tally().balanced());
}

TEST_F(JobQueue, AudioTooShortForAFactorGivesNone) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions().Audio()));
  const Job job = queue.Submit(JobInfo().Audio(std::chrono::duration<double>(1e-300)));
  job.Start();
  Advance(1s);
  job.Complete();
  EXPECT_EQ(Histogram("realtime_factor").first, 0);
}

TEST_F(JobQueue, ValuesThatAreNotAllowedAreOther) {
  const JobQueueMetrics queue(
      metrics_, JobQueueOptions::Whisper().Allow("model", {"en-us"}).Allow("reason", {"bad_wav"}));
  const Job job = queue.Submit("rm -rf /", "klingon");
  const Job short_of_one = queue.Submit("en-us");
  EXPECT_EQ(Value("whisper_jobs_submitted_total", {{"model", "other"}, {"language", "other"}}), 1);
  EXPECT_EQ(Value("whisper_jobs_submitted_total", {{"model", "en-us"}, {"language", "other"}}), 1);
  EXPECT_EQ(Value("whisper_job_labels_folded_total", {{"label", "model"}}), 1);
  EXPECT_EQ(Value("whisper_job_labels_folded_total", {{"label", "language"}}), 2);
  job.Fail("line 17: unexpected byte");
  EXPECT_EQ(Value("whisper_jobs_failed_total",
                  {{"model", "other"}, {"language", "other"}, {"reason", "other"}}),
            1);
  EXPECT_EQ(Value("whisper_job_labels_folded_total", {{"label", "reason"}}), 1);
  EXPECT_EQ(log_.Count("label language"), 1);
  EXPECT_EQ(log_.Count("a reason is not allowed"), 1);
}

TEST_F(JobQueue, LearnsABoundedNumberOfValues) {
  const JobQueueMetrics queue(metrics_, JobQueueOptions().Labels({"a", "b", "c"}));
  for (int i = 0; i < 100; ++i) {
    for (int j = 0; j < 100; ++j) (void)queue.Submit(i, j, i * j);
  }
  const Snapshot snapshot = metrics_.TakeSnapshot();
  const FamilyView* const family = testing::FindFamily(snapshot, "jobs_submitted_total");
  ASSERT_NE(family, nullptr);
  EXPECT_LE(family->size(), 4096u + 65u);
  EXPECT_GT(family->size(), 2000u);
  EXPECT_EQ(queue.Tally().submitted, 10'000u);
  EXPECT_EQ(queue.Tally().lost, 10'000u);
  EXPECT_GE(Value("job_labels_folded_total", {{"label", "a"}}), 3600);
}

TEST_F(JobQueue, FirstLabelStaysSoThatItsNumbersAddUp) {
  const JobQueueMetrics queue(metrics_, JobQueueOptions::Whisper());
  const Job job = queue.Submit("base", "auto");
  EXPECT_FALSE(job.Relabel("model", "tiny"));
  EXPECT_FALSE(job.Relabel("colour", "red"));
  EXPECT_TRUE(job.Relabel("language", "fr"));
  job.Start();
  job.Complete();
  EXPECT_FALSE(job.Relabel("language", "en"));
  EXPECT_EQ(Value("whisper_jobs_completed_total", {{"model", "base"}, {"language", "fr"}}), 1);
}

TEST_F(JobQueue, AgesAreByQueue) {
  const JobQueueMetrics queue(metrics_,
                              WithClocks(JobQueueOptions().Queues({"interactive", "batch"})));
  const Job first = queue.Submit(JobInfo().Queue("batch"));
  Advance(5s);
  const Job second = queue.Submit();
  Advance(1s);
  EXPECT_EQ(Value("oldest_job_age_seconds", {{"queue", "interactive"}}), 1);
  EXPECT_EQ(Value("oldest_job_age_seconds", {{"queue", "batch"}}), 6);
  const Job third = queue.Submit(JobInfo().Queue("nobody's"));
  Advance(1s);
  EXPECT_EQ(Value("oldest_job_age_seconds", {{"queue", "other"}}), 1);
  EXPECT_EQ(Value("job_labels_folded_total", {{"label", "queue"}}), 1);
}

TEST_F(JobQueue, TheFirstQueueMayBeTheOneForAllOthers) {
  const JobQueueMetrics queue(metrics_, WithClocks(JobQueueOptions().Queues({"other"})));
  const Job first = queue.Submit();
  Advance(1s);
  EXPECT_EQ(Value("oldest_job_age_seconds", {{"queue", "other"}}), 1);

  const JobQueueMetrics two(metrics_,
                            WithClocks(JobQueueOptions().Prefix("two").Queues({"other", "batch"})));
  const Job second = two.Submit();
  Advance(1s);
  EXPECT_EQ(Value("two_oldest_job_age_seconds", {{"queue", "other"}}), 1);
  EXPECT_EQ(Value("two_oldest_job_age_seconds", {{"queue", "batch"}}), 0);
}

TEST_F(JobQueue, RefCancelsFromElsewhereAndNeverAnotherJob) {
  const JobQueueMetrics queue(metrics_);
  JobRef ref;
  EXPECT_TRUE(ref.Cancel());  // refers to nothing
  {
    const Job job = queue.Submit();
    job.Start();
    ref = job.ref();
    EXPECT_EQ(ref.state(), JobState::kRunning);
    EXPECT_TRUE(ref.Cancel());
    EXPECT_FALSE(job.Complete());
  }
  const Job next = queue.Submit();  // takes the same slot
  EXPECT_EQ(ref.state(), JobState::kNone);
  EXPECT_FALSE(ref.Cancel());
  EXPECT_EQ(next.state(), JobState::kQueued);
  EXPECT_EQ(Value("jobs_cancelled_total"), 1);
  EXPECT_EQ(Value("job_invalid_transitions_total", {{"from", "none"}, {"to", "cancelled"}}), 1);
}

TEST_F(JobQueue, DeadLettersAreTheirOwnEnd) {
  const JobQueueMetrics queue(metrics_);
  const Job job = queue.Submit();
  job.Start();
  job.Retry();
  job.Start();
  EXPECT_TRUE(job.DeadLetter());
  EXPECT_EQ(Value("jobs_dead_lettered_total"), 1);
  EXPECT_EQ(Value("jobs_failed_total"), -1);
  EXPECT_EQ(Histogram("job_duration_seconds", {{"outcome", "dead_lettered"}}).first, 1);
}

TEST_F(JobQueue, WorkersAreNeverNegative) {
  const JobQueueMetrics queue(metrics_, JobQueueOptions().Workers(8));
  EXPECT_EQ(Value("workers"), 8);
  queue.SetWorkers(-5);
  EXPECT_EQ(Value("workers"), 0);
}

TEST_F(JobQueue, JobsMayOutliveTheQueueAndTheMetrics) {
  auto metrics = std::make_unique<Metrics>(Options().Consumer());
  auto queue = std::make_unique<JobQueueMetrics>(*metrics);
  const Job first = queue->Submit();
  const Job second = queue->Submit();
  queue.reset();
  first.Start();
  EXPECT_TRUE(first.Complete());
  EXPECT_EQ(testing::ValueOf(metrics->TakeSnapshot(), "jobs_completed_total"), 1);
  EXPECT_EQ(testing::FindFamily(metrics->TakeSnapshot(), "queue_size"), nullptr);
  metrics.reset();
  EXPECT_TRUE(second.Start());
  EXPECT_TRUE(second.Fail("late"));
}

TEST_F(JobQueue, StartsFromZeroInAForkedChildWhereTheParentsJobsAreNone) {
  const JobQueueMetrics queue(metrics_, JobQueueOptions().Lease(1h));
  Job waiting = queue.Submit();
  Job running = queue.Submit();
  running.Start();
  const bool passed = PassesInAForkedChild([&] {
    EXPECT_EQ(queue.Tally().live(), 0u);
    EXPECT_EQ(Value("queue_size"), 0);
    EXPECT_EQ(Value("jobs_processing"), 0);
    const JobRef ref = running.ref();
    EXPECT_EQ(waiting.state(), JobState::kNone);
    EXPECT_TRUE(waiting.Start());
    EXPECT_TRUE(running.Complete());
    EXPECT_TRUE(ref.Cancel());
    EXPECT_EQ(ref.state(), JobState::kNone);
    waiting = Job();
    running = Job();
    EXPECT_EQ(queue.Tally().accepted() + queue.Tally().ended(), 0u);
    const Job own = queue.Submit();  // perhaps where one of them was
    EXPECT_EQ(own.state(), JobState::kQueued);
    EXPECT_EQ(Value("queue_size"), 1);
    EXPECT_TRUE(own.Start());
    EXPECT_TRUE(own.Complete());
    EXPECT_EQ(queue.Tally().completed, 1u);
    EXPECT_TRUE(queue.Tally().balanced());
  });
  EXPECT_TRUE(passed);
  EXPECT_EQ(Value("queue_size"), 1);
  EXPECT_TRUE(waiting.Cancel());
  EXPECT_TRUE(running.Complete());
  EXPECT_EQ(queue.Tally().ended(), 2u);
}

TEST_F(JobQueue, ForkedChildFindsNoLockHeld) {
  for (int round = 0; round < 20; ++round) {
    const JobQueueMetrics queue(
        metrics_, JobQueueOptions().Prefix("q" + std::to_string(round)).Labels({"a", "b"}));
    std::atomic<int> submitted{0};
    std::atomic<bool> forked{false};
    std::thread other([&] {  // makes label sets all the while
      for (int i = 0; i < 4000 && !forked; ++i, ++submitted) (void)queue.Submit(i % 60, i / 60);
    });
    while (submitted < 10) std::this_thread::yield();
    const bool passed = PassesInAForkedChild([&] { (void)queue.Submit("child", "new"); });
    forked = true;
    other.join();
    ASSERT_TRUE(passed) << round;
  }
}

TEST_F(JobQueue, CountsEachJobOnceWhereTheLimitOfSeriesFoldsThem) {
  const Metrics metrics(Options().Consumer().SeriesLimit(10).Log([](LogLevel, auto) {}));
  const JobQueueMetrics queue(metrics, JobQueueOptions().Labels({"kind"}));
  for (int i = 0; i < 30; ++i) {
    const Job job = queue.Submit(i);
    job.Start();
    EXPECT_TRUE(i % 2 == 0 ? job.Complete() : job.Fail("timeout"));
    (void)queue.Restore(JobInfo(), i);
  }
  const JobTally tally = queue.Tally();
  EXPECT_EQ(tally.submitted, 30u);
  EXPECT_EQ(tally.restored, 30u);
  EXPECT_EQ(tally.completed, 15u);
  EXPECT_EQ(tally.failed, 15u);
  EXPECT_EQ(tally.lost, 30u);
  EXPECT_TRUE(tally.balanced());
}

// Where the log submits a job itself (one that mails an alarm, say).
class JobQueueWhoseLogSubmits : public ::testing::Test {
 protected:
  Metrics With(std::size_t series_limit) {
    return Metrics(Options().Consumer().SeriesLimit(series_limit).Log([this](LogLevel, auto said) {
      said_ += said;
      if (queue_ != nullptr) (void)std::exchange(queue_, nullptr)->Submit("log", "log", "log");
    }));
  }

  std::string said_;
  const JobQueueMetrics* queue_ = nullptr;
};

TEST_F(JobQueueWhoseLogSubmits, IsNotLockedWhenAFamilyIsFull) {
  const Metrics metrics = With(3);
  const JobQueueMetrics queue(metrics, JobQueueOptions().Labels({"kind"}));
  queue_ = &queue;
  for (int i = 0; i < 5; ++i) (void)queue.Submit(i);
  EXPECT_THAT(said_, ::testing::HasSubstr("reached the limit"));
  EXPECT_EQ(queue.Tally().submitted, 6u);
}

TEST_F(JobQueueWhoseLogSubmits, IsNotLockedWhenLabelsAreFolded) {
  const Metrics metrics = With(5000);
  const JobQueueMetrics queue(metrics, JobQueueOptions().Labels({"a", "b", "c"}));
  queue_ = &queue;
  for (int i = 0; i < 60 * 60 * 2; ++i) (void)queue.Submit(i % 60, i / 60 % 60, i / 3600);
  EXPECT_THAT(said_, ::testing::HasSubstr("is counted as other"));
  EXPECT_EQ(queue.Tally().submitted, 7201u);
}

TEST_F(JobQueue, DoesNothingWhereNothingIsRecorded) {
  const Metrics off;
  int calls = 0;
  const JobQueueMetrics queue(off, JobQueueOptions::Whisper().Workers(1).Clock([&] {
    ++calls;
    return std::chrono::steady_clock::now();
  }));
  const Job job = queue.Submit("base", "auto");
  EXPECT_FALSE(job);
  EXPECT_FALSE(job.ref());
  EXPECT_TRUE(job.Start());
  EXPECT_TRUE(job.Complete());
  EXPECT_TRUE(job.Complete());
  EXPECT_EQ(job.state(), JobState::kNone);
  queue.SetWorkers(3);
  EXPECT_EQ(queue.Tally().accepted(), 0u);
  EXPECT_EQ(calls, 0);
}

TEST_F(JobQueue, EveryFamilyOfTheTableIsOnThePage) {
  const JobQueueMetrics queue(
      metrics_, WithClocks(JobQueueOptions::Whisper().Workers(1).Allow("model", {"base"})));
  const Job job = queue.Submit(JobInfo().Audio(-1s).SubmittedAt(wall_ + 1s), "huge", "auto");
  const Job restored = queue.Restore(JobInfo(), "base", "auto");
  job.Start();
  job.Start();
  job.Fail("bad_audio");
  const Snapshot snapshot = metrics_.TakeSnapshot();
  for (const detail::FamilyRow& row : detail::kJobQueueFamilies) {
    const std::string name = "whisper_" + std::string(row.name);
    const FamilyView* const family = testing::FindFamily(snapshot, name);
    ASSERT_NE(family, nullptr) << name;
    EXPECT_EQ(family->type(), row.type) << name;
    EXPECT_EQ(family->unit, row.unit) << name;
    EXPECT_EQ(family->help, row.help) << name;
    ASSERT_GT(family->size(), 0u) << name;
    std::visit(
        [&](const auto& points) {
          std::string labels;
          VisitLabels(*family, points.front().series,
                      [&](std::string_view label, std::string_view) {
                        labels += (labels.empty() ? "" : ",") + std::string(label);
                      });
          EXPECT_EQ(labels, row.labels) << name;
        },
        family->points);
  }
}

}  // namespace
}  // namespace polymeter
