// What a queue ought to count: the rules of polymeter/job_queue.h once more, without threads, slots
// or words. For the property test.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "polymeter/job_queue.h"

namespace job_queue_model {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr double kTenYears = 10 * 365.25 * 86400;

// name{label values} -> value; of a histogram name_count and name_sum.
using Page = std::map<std::string, double>;

inline std::string Key(const std::string& name, const std::vector<std::string>& values = {}) {
  std::string key = name + "{";
  for (const std::string& value : values) key += value + ",";
  return key + "}";
}

struct ModelJob {
  polymeter::JobState state = polymeter::JobState::kQueued;
  std::int64_t waits_since = 0;
  std::int64_t runs_since = 0;
  std::int64_t lease_end = 0;
  std::string model;
  std::string language;
  std::string queue;
  double audio = 0;

  bool live() const {
    return state == polymeter::JobState::kQueued || state == polymeter::JobState::kRunning;
  }
};

class Model {
 public:
  explicit Model(std::int64_t lease) : lease_(lease) {}

  std::int64_t now = 0;
  polymeter::JobTally tally;  // of what has come in and ended
  Page page;                  // counters and histograms

  void Count(const std::string& name, const std::vector<std::string>& values = {}, double n = 1) {
    page[Key(name, values)] += n;
  }
  void Observe(const std::string& name, const std::vector<std::string>& values, double value) {
    Count(name + "_count", values);
    Count(name + "_sum", values, value);
  }
  double Clamp(double seconds, const std::string& input) {
    if (seconds >= 0 && seconds <= kTenYears) return seconds;
    Count("job_inputs_clamped_total", {input});
    return seconds > 0 ? kTenYears : 0;
  }
  std::string Fold(const std::string& value, const std::vector<std::string>& allowed,
                   const std::string& label) {
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return value;
    if (value != "other") Count("job_labels_folded_total", {label});
    return "other";
  }

  void Enter(const ModelJob& job, bool restored) {
    ++(restored ? tally.restored : tally.submitted);
    Count(restored ? "jobs_restored_total" : "jobs_submitted_total", {job.model, job.language});
  }
  bool Start(ModelJob& job) {
    if (job.state != polymeter::JobState::kQueued) {
      return Refuse(job, polymeter::JobState::kRunning);
    }
    Observe("job_wait_seconds", {job.model},
            static_cast<double>(std::max<std::int64_t>(0, now - job.waits_since)) / 1e9);
    job.state = polymeter::JobState::kRunning;
    job.runs_since = now;
    job.lease_end = now + lease_;
    return true;
  }
  bool Retry(ModelJob& job, double delay) {
    const double clamped = Clamp(delay, "delay");
    if (job.state != polymeter::JobState::kRunning) {
      return Refuse(job, polymeter::JobState::kQueued);
    }
    Ran(job, "retried", now);
    Count("jobs_retried_total", {job.model, job.language});
    job.state = polymeter::JobState::kQueued;
    job.waits_since = now + static_cast<std::int64_t>(clamped * 1e9);
    return true;
  }
  bool End(ModelJob& job, polymeter::JobState to, const std::string& reason = {}) {
    using polymeter::JobState;
    if (!job.live() || (to == JobState::kCompleted && job.state == JobState::kQueued)) {
      return Refuse(job, to);
    }
    Ended(job, to, reason, now);
    return true;
  }
  bool Renew(ModelJob& job) {
    if (job.state != polymeter::JobState::kRunning) return false;
    job.lease_end = now + lease_;
    return true;
  }
  // Leases that are over at this time.
  void Expire(ModelJob& job) {
    if (job.state == polymeter::JobState::kRunning && now > job.lease_end) {
      Ended(job, polymeter::JobState::kLost, {}, job.lease_end);
    }
  }
  bool Refuse(const ModelJob& job, polymeter::JobState to) {
    Count("job_invalid_transitions_total",
          {std::string(LabelValue(job.state)), std::string(LabelValue(to))});
    return false;
  }

 private:
  void Ran(const ModelJob& job, const std::string& outcome, std::int64_t end) {
    Observe("job_duration_seconds", {job.model, job.language, outcome},
            static_cast<double>(end - job.runs_since) / 1e9);
  }
  void Ended(ModelJob& job, polymeter::JobState to, const std::string& reason, std::int64_t end) {
    using polymeter::JobState;
    const std::string name(LabelValue(to));
    if (job.state == JobState::kRunning) {
      Ran(job, name, end);
      if (to == JobState::kCompleted && job.audio > 0) {
        Count("audio_seconds_total", {job.model}, job.audio);
        if (job.audio >= 0.001) {
          Observe("realtime_factor", {job.model},
                  static_cast<double>(end - job.runs_since) / 1e9 / job.audio);
        }
      }
    }
    std::vector<std::string> labels{job.model, job.language};
    if (to == JobState::kFailed) labels.push_back(reason);
    Count("jobs_" + name + "_total", labels);
    ++(to == JobState::kCompleted      ? tally.completed
       : to == JobState::kFailed       ? tally.failed
       : to == JobState::kCancelled    ? tally.cancelled
       : to == JobState::kDeadLettered ? tally.dead_lettered
                                       : tally.lost);
    job.state = to;
  }

  const std::int64_t lease_;
};

}  // namespace job_queue_model
