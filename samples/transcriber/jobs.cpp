// Where the jobs' metrics are recorded.
#include "jobs.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace transcriber {
namespace {

constexpr const char* kModel = "en-us";
constexpr const char* kLanguage = "en";

// The preset's names, with this service's models and reasons.
polymeter::JobQueueOptions MetricsOptions(std::size_t workers, const std::string& grammar_model) {
  std::vector<std::string> models{kModel};
  if (!grammar_model.empty()) models.push_back(grammar_model);
  return polymeter::JobQueueOptions::Whisper()
      .Allow("model", std::move(models))
      .Allow("language", {kLanguage})
      .Allow("reason", {"bad_audio", "decoder", "out_of_memory"})
      .Workers(static_cast<std::int64_t>(workers));
}

bool IsLive(JobState state) { return state == JobState::kQueued || state == JobState::kRunning; }

}  // namespace

JobStore::JobStore(const polymeter::Metrics& metrics, JobLimits limits, std::size_t workers,
                   const std::string& grammar_model)
    : limits_(limits),
      grammar_model_(grammar_model),
      metrics_(metrics, MetricsOptions(workers, grammar_model)) {}

std::optional<JobId> JobStore::Submit(std::string recording, bool grammar) {
  const std::lock_guard lock(mutex_);
  if (draining_ || closed_ || waiting_.size() >= limits_.queue) return std::nullopt;
  const JobId id = ++last_id_;
  Record& record = records_[id];
  record.view.id = id;
  record.view.trace = polymeter::CurrentTrace();
  record.recording = std::move(recording);
  record.grammar = grammar;
  waiting_.push_back(id);
  record.metrics = metrics_.Submit(grammar ? grammar_model_ : kModel, kLanguage);
  task_or_closed_.notify_one();
  return id;
}

std::optional<JobView> JobStore::Find(JobId id) const {
  const std::lock_guard lock(mutex_);
  const auto record = records_.find(id);
  if (record == records_.end()) return std::nullopt;
  return record->second.view;
}

std::optional<JobView> JobStore::Cancel(JobId id) {
  const std::lock_guard lock(mutex_);
  const auto found = records_.find(id);
  if (found == records_.end()) return std::nullopt;
  Record& record = found->second;
  JobView before = record.view;
  if (IsLive(before.state)) {
    waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), id), waiting_.end());
    record.metrics.Cancel();
    End(record, JobState::kCancelled);
  }
  return before;
}

std::optional<Task> JobStore::Take() {
  std::unique_lock lock(mutex_);
  task_or_closed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
  if (closed_) return std::nullopt;
  const JobId id = waiting_.front();
  waiting_.pop_front();
  Record& record = records_.at(id);
  record.view.state = JobState::kRunning;
  record.metrics.Start();
  return Task{id, std::move(record.recording), record.grammar, record.view.trace};
}

void JobStore::SetAudio(JobId id, double seconds) {
  const std::lock_guard lock(mutex_);
  const auto record = records_.find(id);
  if (record == records_.end()) return;
  record->second.metrics.SetAudio(std::chrono::duration<double>(seconds));
}

void JobStore::Finish(JobId id, Outcome outcome) {
  const std::lock_guard lock(mutex_);
  const auto found = records_.find(id);
  // Cancelled meanwhile, and perhaps forgotten since.
  if (found == records_.end() || found->second.view.state != JobState::kRunning) return;
  Record& record = found->second;
  record.view.text = std::move(outcome.text);
  record.view.reason = outcome.reason;
  record.view.message = outcome.message;
  if (outcome.reason.empty()) {
    record.metrics.Complete();
    End(record, JobState::kCompleted);
  } else {
    record.metrics.Fail(outcome.reason);
    End(record, JobState::kFailed);
  }
}

void JobStore::End(Record& record, JobState state) {
  record.view.state = state;
  record.metrics = polymeter::Job();  // lost, unless a step before ended it
  record.recording = std::string();
  ended_.push_back(record.view.id);
  if (ended_.size() > limits_.keep) {
    records_.erase(ended_.front());  // never `record`: at least one is kept
    ended_.pop_front();
  }
  if (Live() == 0) idle_.notify_all();
}

bool JobStore::Drain(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  return idle_.wait_for(lock, time, [this] { return Live() == 0; });
}

void JobStore::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const JobId id : std::exchange(waiting_, {})) End(records_.at(id), JobState::kLost);
  }
  task_or_closed_.notify_all();
}

}  // namespace transcriber
