// Random steps, the impossible ones included, beside a model: after each step the queue's
// numbers are the model's, and from time to time the whole page is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "integrations/job_queue/job_queue_model.h"
#include "polymeter/job_queue.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/sanitizer.h"
#include "sdk/testing/values.h"

namespace polymeter {
namespace {

using job_queue_model::Key;
using job_queue_model::kSecond;
using job_queue_model::Model;
using job_queue_model::ModelJob;
using job_queue_model::Page;
using Seconds = std::chrono::duration<double>;

constexpr std::int64_t kLease = 40 * kSecond;
const std::vector<std::string> kModels{"tiny", "base"};
const std::vector<std::string> kLanguages{"auto", "en"};
const std::vector<std::string> kQueues{"default", "batch"};
const std::vector<std::string> kReasons{"bad_audio", "timeout"};

// All series that are not zero.
Page PageOf(const Snapshot& snapshot) {
  Page page;
  const auto add = [&](const FamilyView& family, const auto& point, const std::string& suffix,
                       double value) {
    EXPECT_FALSE(std::isnan(value)) << family.name;
    EXPECT_GE(value, 0) << family.name;
    if (value == 0) return;
    std::vector<std::string> values;
    VisitLabels(family, point.series,
                [&](std::string_view, std::string_view label) { values.emplace_back(label); });
    page[Key(std::string(family.name) + suffix, values)] = value;
  };
  for (const FamilyView& family : snapshot.families()) {
    if (family.name.substr(0, 10) == "polymeter_") continue;
    if (const auto* counters = std::get_if<std::vector<CounterPoint>>(&family.points)) {
      for (const auto& point : *counters) add(family, point, "", point.value());
    } else if (const auto* gauges = std::get_if<std::vector<GaugePoint>>(&family.points)) {
      for (const auto& point : *gauges) add(family, point, "", point.value);
    } else if (const auto* histograms = std::get_if<std::vector<HistogramPoint>>(&family.points)) {
      for (const auto& point : *histograms) {
        add(family, point, "_count", static_cast<double>(point.count));
        add(family, point, "_sum", point.sum);
      }
    }
  }
  return page;
}

class Trial {
 public:
  Trial(std::uint64_t seed, std::size_t most_jobs)
      : random_(seed),
        limit_(most_jobs),
        queue_(metrics_, JobQueueOptions()
                             .Labels({"model", "language"})
                             .Allow("model", kModels)
                             .Allow("language", kLanguages)
                             .Allow("reason", kReasons)
                             .Queues(kQueues)
                             .Lease(std::chrono::nanoseconds(kLease))
                             .Audio()
                             .Workers(4)
                             .Clock([this] { return steady_; })
                             .WallClock([this] { return wall_; })) {}

  void Step() {
    if (OneIn(8)) Advance();
    switch (Below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return Enter(OneIn(6));
      case 4:
        return Drop();
      case 5:
        return Stale();
      default:
        if (!jobs_.empty()) Change(jobs_[Below(jobs_.size())]);
    }
  }

  // Gives false where the queue and the model differ.
  bool CheckTally() {
    JobTally wanted = model_.tally;
    for (const Entry& entry : jobs_) {
      wanted.running += entry.model.state == JobState::kRunning;
      if (entry.model.state != JobState::kQueued) continue;
      ++(entry.model.waits_since > model_.now ? wanted.scheduled : wanted.queued);
    }
    const JobTally got = queue_.Tally();
    const auto all = [](const JobTally& t) {
      return std::array<std::uint64_t, 10>{t.submitted, t.restored,      t.completed, t.failed,
                                           t.cancelled, t.dead_lettered, t.lost,      t.queued,
                                           t.scheduled, t.running};
    };
    if (got.balanced() && all(got) == all(wanted)) return true;
    EXPECT_EQ(got.accepted(), got.ended() + got.live());
    EXPECT_EQ(all(got), all(wanted));
    return false;
  }

  void CheckPage() {
    Page wanted = model_.page;
    for (const Entry& entry : jobs_) {
      const ModelJob& job = entry.model;
      if (job.state == JobState::kRunning) {
        wanted[Key("jobs_processing", {job.model})] += 1;
        wanted[Key("workers_busy")] += 1;
      } else if (job.state == JobState::kQueued && job.waits_since > model_.now) {
        wanted[Key("jobs_scheduled", {job.model})] += 1;
      } else if (job.state == JobState::kQueued) {
        wanted[Key("queue_size", {job.model})] += 1;
        double& oldest = wanted[Key("oldest_job_age_seconds", {job.queue})];
        oldest = std::max(oldest, static_cast<double>(model_.now - job.waits_since) / 1e9);
      }
    }
    wanted[Key("workers")] = 4;
    const Page got = PageOf(metrics_.TakeSnapshot());
    for (const auto& [key, value] : wanted) {
      if (value == 0) continue;
      const auto found = got.find(key);
      ASSERT_NE(found, got.end()) << key;
      EXPECT_NEAR(found->second, value, std::abs(value) * 1e-9) << key;
    }
    for (const auto& [key, value] : got) EXPECT_TRUE(wanted.count(key)) << key << " " << value;
  }

  const Model& model() const { return model_; }
  std::size_t most_jobs() const { return most_jobs_; }

 private:
  struct Entry {
    Job job;
    ModelJob model;
  };

  std::size_t Below(std::size_t n) { return random_() % n; }
  bool OneIn(std::size_t n) { return Below(n) == 0; }
  const std::string& Any(const std::vector<std::string>& values) {
    static const std::vector<std::string> kHostile{"", "klingon", "other", std::string(500, 'x')};
    return OneIn(20) ? kHostile[Below(kHostile.size())] : values[Below(values.size())];
  }
  // Eighths of a second, which doubles hold exactly; now and then something that nobody means.
  double AnyDuration() {
    static const double kHostile[] = {-1,
                                      -1e300,
                                      1e300,
                                      kTenYearsAndMore,
                                      std::numeric_limits<double>::quiet_NaN(),
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::denorm_min(),
                                      Seconds(std::chrono::hours::max()).count(),
                                      Seconds(std::chrono::hours::min()).count()};
    if (OneIn(10)) return kHostile[Below(std::size(kHostile))];
    return static_cast<double>(Below(240)) / 8;
  }

  void Advance() {
    const std::int64_t by = static_cast<std::int64_t>(Below(80)) * kSecond / 8;
    model_.now += by;
    steady_ += std::chrono::nanoseconds(by);
    wall_ += std::chrono::nanoseconds(by);
    for (Entry& entry : jobs_) model_.Expire(entry.model);
  }

  void Enter(bool restored) {
    if (jobs_.size() >= limit_) return Drop();
    Entry& entry = jobs_.emplace_back();
    ModelJob& job = entry.model;
    JobInfo info;
    job.waits_since = model_.now;
    job.queue = kQueues[0];
    if (OneIn(3)) AddSubmission(info, job);
    if (OneIn(4)) AddDue(info, job);
    if (OneIn(2)) {
      const double audio = AnyDuration();
      info.Audio(Seconds(audio));
      job.audio = model_.Clamp(audio, "audio");
    }
    std::string queue;
    if (OneIn(3)) {
      queue = Any(kQueues);
      info.Queue(queue);
      job.queue = model_.Fold(queue, kQueues, "queue");
    }
    const std::string model = Any(kModels);
    const std::string language = Any(kLanguages);
    job.model = model_.Fold(model, kModels, "model");
    job.language = model_.Fold(language, kLanguages, "language");
    model_.Enter(job, restored);
    entry.job =
        restored ? queue_.Restore(info, model, language) : queue_.Submit(info, model, language);
    most_jobs_ = std::max(most_jobs_, jobs_.size());
  }

  void AddSubmission(JobInfo& info, ModelJob& job) {
    using std::chrono::system_clock;
    if (OneIn(30)) {
      info.SubmittedAt(system_clock::time_point::max());
      model_.Count("job_clock_skew_total");
    } else if (OneIn(30)) {
      info.SubmittedAt(system_clock::time_point::min());
      model_.Count("job_inputs_clamped_total", {"age"});
      job.waits_since = model_.now - Nanos(job_queue_model::kTenYears);
    } else {
      const std::int64_t ago = (static_cast<std::int64_t>(Below(160)) - 16) * kSecond / 8;
      info.SubmittedAt(wall_ - std::chrono::nanoseconds(ago));
      if (ago < 0) model_.Count("job_clock_skew_total");
      job.waits_since = model_.now - std::max<std::int64_t>(ago, 0);
    }
  }

  void AddDue(JobInfo& info, ModelJob& job) {
    if (OneIn(2)) {
      const double delay = AnyDuration();
      info.DueIn(Seconds(delay));
      const std::int64_t due = model_.now + Nanos(model_.Clamp(delay, "delay"));
      job.waits_since = std::max(job.waits_since, due);
    } else {
      const std::int64_t in = (static_cast<std::int64_t>(Below(160)) - 40) * kSecond / 8;
      info.DueAt(wall_ + std::chrono::nanoseconds(in));
      if (in > 0) job.waits_since = std::max(job.waits_since, model_.now + in);
    }
  }

  void Change(Entry& entry) {
    ModelJob& model = entry.model;
    const Job& job = entry.job;
    const JobRef ref = job.ref();
    const bool by_ref = OneIn(3);
    switch (Below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        EXPECT_EQ(job.Start(), model_.Start(model));
        break;
      case 4:
      case 5: {
        const double audio = AnyDuration();
        if (OneIn(4)) {
          job.SetAudio(Seconds(audio));
          model.audio = model_.Clamp(audio, "audio");
        }
        EXPECT_EQ(by_ref ? ref.Complete() : job.Complete(),
                  model_.End(model, JobState::kCompleted));
        break;
      }
      case 6: {
        const std::string& reason = Any(kReasons);
        const bool possible = model.live();
        EXPECT_EQ(by_ref ? ref.Fail(reason) : job.Fail(reason), possible);
        model_.End(model, JobState::kFailed,
                   possible ? model_.Fold(reason, kReasons, "reason") : "");
        break;
      }
      case 7:
        EXPECT_EQ(by_ref ? ref.Cancel() : job.Cancel(), model_.End(model, JobState::kCancelled));
        break;
      case 8:
        if (!OneIn(3)) break;
        EXPECT_EQ(by_ref ? ref.DeadLetter() : job.DeadLetter(),
                  model_.End(model, JobState::kDeadLettered));
        break;
      case 9: {
        const double delay = AnyDuration();
        EXPECT_EQ(job.Retry(Seconds(delay)), model_.Retry(model, delay));
        break;
      }
      case 10:
        EXPECT_EQ(job.Renew(), model_.Renew(model));
        break;
      case 11: {
        const std::string& language = Any(kLanguages);
        EXPECT_EQ(job.Relabel("language", language), model.live());
        if (model.live()) model.language = model_.Fold(language, kLanguages, "language");
        EXPECT_FALSE(job.Relabel("model", "base"));
        break;
      }
    }
    EXPECT_EQ(job.state(), model.state);
  }

  void Drop() {
    if (jobs_.empty()) return;
    const std::size_t i = Below(jobs_.size());
    if (jobs_[i].model.live()) model_.End(jobs_[i].model, JobState::kLost);
    stale_.push_back(jobs_[i].job.ref());
    if (stale_.size() > 20) stale_.pop_front();
    jobs_[i] = std::move(jobs_.back());
    jobs_.pop_back();
  }

  // A step of a job that is long gone; its slot may be another's.
  void Stale() {
    if (stale_.empty()) return;
    const JobRef& ref = stale_[Below(stale_.size())];
    ModelJob gone;
    gone.state = JobState::kNone;
    EXPECT_EQ(ref.state(), JobState::kNone);
    if (OneIn(2)) {
      EXPECT_EQ(ref.Cancel(), model_.Refuse(gone, JobState::kCancelled));
    } else {
      EXPECT_EQ(ref.Complete(), model_.Refuse(gone, JobState::kCompleted));
    }
  }

  static std::int64_t Nanos(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }
  static constexpr double kTenYearsAndMore = job_queue_model::kTenYears + 1;

  std::mt19937_64 random_;
  const std::size_t limit_;
  std::chrono::steady_clock::time_point steady_{std::chrono::hours(1)};
  std::chrono::system_clock::time_point wall_{std::chrono::seconds(1'767'225'600)};
  testing::LogCapture log_;
  const Metrics metrics_{Options().Consumer().Log(log_.callback())};
  JobQueueMetrics queue_;
  Model model_{kLease};
  std::vector<Entry> jobs_;
  std::deque<JobRef> stale_;
  std::size_t most_jobs_ = 0;
};

class JobQueueProperties : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(JobQueueProperties, RandomStepsCountWhatTheModelCounts) {
  constexpr int kSteps = 100'000;
  const std::uint64_t seed = GetParam();
  const std::size_t most_jobs = seed == 1 ? 300 : 60;  // more than the first slots; fewer
  Trial trial(seed, most_jobs);
  for (int i = 0; i < kSteps; ++i) {
    trial.Step();
    ASSERT_TRUE(trial.CheckTally()) << "step " << i;
    if (i % 5000 == 4999) trial.CheckPage();
    if (HasFailure()) FAIL() << "step " << i;
  }
  // The trial has been everywhere.
  const JobTally& tally = trial.model().tally;
  EXPECT_GT(std::min({tally.submitted, tally.restored, tally.completed, tally.failed,
                      tally.cancelled, tally.dead_lettered, tally.lost}),
            100u);
  EXPECT_EQ(trial.most_jobs(), most_jobs);
}

// A million steps; a fifth of them under a sanitizer, where each takes ten times as long.
constexpr std::uint64_t kSeeds = testing::kSanitized ? 2 : 10;
INSTANTIATE_TEST_SUITE_P(Seeds, JobQueueProperties, ::testing::Range<std::uint64_t>(1, kSeeds + 1));

}  // namespace
}  // namespace polymeter
