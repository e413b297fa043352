#include "polymeter/job_queue.h"

#include <exception>

#include "integrations/job_queue/job_queue_state.h"

POLYMETER_BEGIN_NAMESPACE

std::string_view LabelValue(JobState state) noexcept {
  switch (state) {
    case JobState::kNone:
      break;
    case JobState::kQueued:
      return "queued";
    case JobState::kRunning:
      return "running";
    case JobState::kCompleted:
      return "completed";
    case JobState::kFailed:
      return "failed";
    case JobState::kCancelled:
      return "cancelled";
    case JobState::kDeadLettered:
      return "dead_lettered";
    case JobState::kLost:
      return "lost";
  }
  return "none";
}

JobQueueMetrics::JobQueueMetrics(const Metrics& metrics, const JobQueueOptions& options) {
  if (!metrics.recording()) return;
  queue_ = std::make_shared<detail::JobQueueState>(metrics, options);
  attachment_ = metrics.AddProducer(std::shared_ptr<Producer>(queue_));
}
JobQueueMetrics::JobQueueMetrics(JobQueueMetrics&&) noexcept = default;
JobQueueMetrics& JobQueueMetrics::operator=(JobQueueMetrics&&) noexcept = default;
JobQueueMetrics::~JobQueueMetrics() = default;

Job JobQueueMetrics::Enter(Entry entry, const JobInfo& info, const std::string_view* values,
                           std::size_t count) const noexcept {
  detail::JobSlot* const slot = queue_->Enter(entry == kRestored, info, values, count);
  return slot == nullptr ? Job() : Job(queue_, slot);
}

void JobQueueMetrics::SetWorkers(std::int64_t workers) const noexcept {
  if (queue_ != nullptr) queue_->SetWorkers(workers);
}

JobTally JobQueueMetrics::Tally() const noexcept {
  try {
    return queue_ == nullptr ? JobTally() : queue_->Tally();
  } catch (...) {  // no memory
    return JobTally();
  }
}

namespace {

detail::JobWord WordOf(const detail::JobSlot& slot) noexcept {
  return {slot.word.load(std::memory_order_acquire)};
}

// Whether there is a job to do something with; in a forked child, one of the parent's is none.
bool Has(const detail::JobSlot* slot) noexcept { return slot != nullptr && slot->ours(); }

}  // namespace

// --- Job: the generation is its own as long as it has the slot ----------------------------------

bool Job::Start() const noexcept { return !Has(slot_) || queue_->Start(*slot_); }
bool Job::Complete() const noexcept {
  return !Has(slot_) || queue_->End(*slot_, WordOf(*slot_).generation(), JobState::kCompleted);
}
bool Job::Fail(std::string_view reason) const noexcept {
  return !Has(slot_) || queue_->End(*slot_, WordOf(*slot_).generation(), JobState::kFailed, reason);
}
bool Job::Cancel() const noexcept {
  return !Has(slot_) || queue_->End(*slot_, WordOf(*slot_).generation(), JobState::kCancelled);
}
bool Job::DeadLetter() const noexcept {
  return !Has(slot_) || queue_->End(*slot_, WordOf(*slot_).generation(), JobState::kDeadLettered);
}
bool Job::Retry(std::chrono::duration<double> delay) const noexcept {
  return !Has(slot_) || queue_->Retry(*slot_, delay.count());
}
bool Job::Renew() const noexcept { return !Has(slot_) || queue_->Renew(*slot_); }

bool Job::Relabel(std::string_view label, const LabelText& value) const noexcept {
  return !Has(slot_) || queue_->Relabel(*slot_, label, value.text());
}
void Job::SetAudio(std::chrono::duration<double> length) const noexcept {
  if (Has(slot_)) queue_->SetAudio(*slot_, length.count());
}

JobState Job::state() const noexcept {
  return Has(slot_) ? queue_->Look(*slot_).state() : JobState::kNone;
}

JobRef Job::ref() const noexcept {
  JobRef ref;
  if (slot_ == nullptr) return ref;
  ref.queue_ = queue_;
  ref.slot_ = slot_;
  ref.generation_ = WordOf(*slot_).generation();
  return ref;
}

void Job::DropSlot() noexcept {
  queue_->Drop(*std::exchange(slot_, nullptr));
  queue_.reset();
}

// --- JobRef -------------------------------------------------------------------------------------

bool JobRef::Complete() const noexcept {
  return !Has(slot_) || queue_->End(*slot_, generation_, JobState::kCompleted);
}
bool JobRef::Fail(std::string_view reason) const noexcept {
  return !Has(slot_) || queue_->End(*slot_, generation_, JobState::kFailed, reason);
}
bool JobRef::Cancel() const noexcept {
  return !Has(slot_) || queue_->End(*slot_, generation_, JobState::kCancelled);
}
bool JobRef::DeadLetter() const noexcept {
  return !Has(slot_) || queue_->End(*slot_, generation_, JobState::kDeadLettered);
}
JobState JobRef::state() const noexcept {
  if (!Has(slot_)) return JobState::kNone;
  const detail::JobWord word = queue_->Look(*slot_);
  return word.generation() == generation_ ? word.state() : JobState::kNone;
}

// --- presets ------------------------------------------------------------------------------------

JobQueueOptions JobQueueOptions::Whisper() {
  return JobQueueOptions()
      .Prefix("whisper")
      .Labels({"model", "language"})
      // https://github.com/openai/whisper: _MODELS in __init__.py, LANGUAGES in tokenizer.py.
      .Allow("model",
             {"tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en",
              "large", "large-v1", "large-v2", "large-v3", "large-v3-turbo", "turbo"})
      .Allow("language",
             {"auto", "en", "zh", "de",  "es", "ru", "ko", "fr", "ja", "pt", "tr", "pl", "ca",
              "nl",   "ar", "sv", "it",  "id", "hi", "fi", "vi", "he", "uk", "el", "ms", "cs",
              "ro",   "da", "hu", "ta",  "no", "th", "ur", "hr", "bg", "lt", "la", "mi", "ml",
              "cy",   "sk", "te", "fa",  "lv", "bn", "sr", "az", "sl", "kn", "et", "mk", "br",
              "eu",   "is", "hy", "ne",  "mn", "bs", "kk", "sq", "sw", "gl", "mr", "pa", "si",
              "km",   "sn", "yo", "so",  "af", "oc", "ka", "be", "tg", "sd", "gu", "am", "yi",
              "lo",   "uz", "fo", "ht",  "ps", "tk", "nn", "mt", "sa", "lb", "my", "bo", "tl",
              "mg",   "as", "tt", "haw", "ln", "ha", "ba", "jw", "su", "yue"})
      .Audio()
      .OpenTelemetryNames()
      .DurationBuckets({1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200});
}

POLYMETER_END_NAMESPACE
