#include "integrations/job_queue/job_queue_state.h"

#include <algorithm>
#include <limits>

#include "integrations/job_queue/job_queue_families.h"
#include "polymeter/trace_context.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using Nanos = std::int64_t;

constexpr double kLongestSeconds = 10 * 365.25 * 86400;
constexpr double kShortestAudio = 0.001;  // a factor of less says nothing

Nanos ToNanos(double seconds) noexcept { return static_cast<Nanos>(seconds * 1e9); }

// The clock may be the application's: no difference overflows, and none is negative.
Nanos Since(Nanos begin, Nanos now) noexcept {
  Nanos passed = 0;
  if (now <= begin) return 0;
  return __builtin_sub_overflow(now, begin, &passed) ? std::numeric_limits<Nanos>::max() : passed;
}
Nanos Plus(Nanos time, Nanos duration) noexcept {
  Nanos sum = 0;
  if (!__builtin_add_overflow(time, duration, &sum)) return sum;
  return duration < 0 ? std::numeric_limits<Nanos>::min() : std::numeric_limits<Nanos>::max();
}
double Seconds(Nanos nanos) noexcept { return static_cast<double>(nanos) / 1e9; }

constexpr bool IsLive(JobState state) noexcept {
  return state == JobState::kQueued || state == JobState::kRunning;
}
// From a live state every end is allowed but one: what never ran has not completed.
constexpr bool CanEnd(JobState from, JobState to) noexcept {
  return from == JobState::kRunning || (from == JobState::kQueued && to != JobState::kCompleted);
}

std::vector<std::string> QueuesOf(const JobQueueOptions& options) {
  return options.queues().empty() ? std::vector<std::string>{"default"} : options.queues();
}

double LeaseOf(const JobQueueOptions& options) noexcept {
  const double lease = options.lease().count();
  return lease > 0 ? std::min(lease, kLongestSeconds) : 0;
}

}  // namespace

JobQueueState::JobQueueState(const Metrics& metrics, const JobQueueOptions& options)
    : options_(options),
      families_(metrics, options),
      lease_seconds_(LeaseOf(options)),
      reports_(metrics),
      labels_(families_, reports_, options),
      queues_(QueuesOf(options), 0),
      default_queue_(queues_.Find(QueuesOf(options).front()).id) {
  if (options.workers()) SetWorkers(*options.workers());
}

// --- inputs -----------------------------------------------------------------------------------

Nanos JobQueueState::Now() const noexcept {
  const auto now = options_.clock() ? options_.clock()() : std::chrono::steady_clock::now();
  return std::chrono::nanoseconds(now.time_since_epoch()).count();
}

double JobQueueState::Ahead(std::chrono::system_clock::time_point time) const noexcept {
  using std::chrono::system_clock;
  const auto now = options_.wall_clock() ? options_.wall_clock()() : system_clock::now();
  system_clock::rep ahead = 0;
  if (__builtin_sub_overflow(time.time_since_epoch().count(), now.time_since_epoch().count(),
                             &ahead)) {
    return time > now ? 2 * kLongestSeconds : -2 * kLongestSeconds;
  }
  return std::chrono::duration<double>(system_clock::duration(ahead)).count();
}

double JobQueueState::Clamp(double seconds, const char* input) noexcept {
  if (seconds >= 0 && seconds <= kLongestSeconds) return seconds;
  families_.inputs_clamped.With(input).Increment();
  reports_.Once(JobReport::kClamped, [input] {
    return std::string("job queue: ") + input +
           ": a duration is negative, not a number or above ten years, and was clamped";
  });
  return seconds > 0 ? kLongestSeconds : 0;
}

Nanos JobQueueState::WaitsSince(const JobInfo& info) noexcept {
  const Nanos now = Now();
  Nanos since = now;
  if (info.submitted_at()) {
    const double ahead = Ahead(*info.submitted_at());
    if (ahead > 0) {
      families_.clock_skew.Increment();
      reports_.Once(JobReport::kSkew, [] {
        return std::string(
            "job queue: a job was submitted in the future by another host's clock; "
            "its wait begins now");
      });
    } else {
      since = Plus(now, -ToNanos(Clamp(-ahead, "age")));
    }
  }
  if (info.due_in()) {
    since = std::max(since, Plus(now, ToNanos(Clamp(info.due_in()->count(), "delay"))));
  }
  if (info.due_at()) {
    const double ahead = Ahead(*info.due_at());
    // A due time of long ago is no other than one that has just come: the job waits since it is
    // there.
    if (ahead > 0) since = std::max(since, Plus(now, ToNanos(Clamp(ahead, "delay"))));
  }
  return since;
}

Nanos JobQueueState::LeaseFrom(Nanos now) const noexcept {
  return lease_seconds_ > 0 ? Plus(now, ToNanos(lease_seconds_))
                            : std::numeric_limits<Nanos>::max();
}

std::uint16_t JobQueueState::QueueId(const JobInfo& info) noexcept {
  if (!info.queue()) return default_queue_;
  const JobValues::Value& queue = queues_.Find(*info.queue());
  if (queue.id == 0 && *info.queue() != kOtherValue) {
    families_.labels_folded.With("queue").Increment();
    reports_.Once(JobReport::kQueue, [] {
      return std::string(
          "job queue: a queue is not one of JobQueueOptions::Queues and is counted "
          "as other");
    });
  }
  return queue.id;
}

// --- steps ------------------------------------------------------------------------------------

JobSlot* JobQueueState::Enter(bool restored, const JobInfo& info, const std::string_view* values,
                              std::size_t count) noexcept {
  const JobLabelSet* const set = labels_.Find(values, count);
  JobSlot* const slot = set == nullptr ? nullptr : slots_.Take();
  if (slot == nullptr) {
    reports_.Once(JobReport::kNoMemory,
                  [] { return std::string("job queue: no memory for a job; it is not counted"); });
    return nullptr;
  }
  slot->waits_since.store(WaitsSince(info), std::memory_order_relaxed);
  slot->labels.store(set, std::memory_order_release);
  slot->audio_seconds.store(info.audio() ? Clamp(info.audio()->count(), "audio") : 0,
                            std::memory_order_relaxed);
  slot->queue.store(QueueId(info), std::memory_order_relaxed);
  slot->forks.store(ForkCount(), std::memory_order_relaxed);
  // Counted before it is there, and its end after: what is accepted is never less than what can
  // be seen.
  (restored ? labels_.Restored(*set) : set->submitted).Increment();
  const JobWord word{slot->word.load(std::memory_order_relaxed)};
  slot->word.store(word.In(JobState::kQueued).bits, std::memory_order_release);
  return slot;
}

bool JobQueueState::Start(JobSlot& slot) noexcept {
  JobWord word{slot.word.load(std::memory_order_acquire)};
  for (;;) {
    if (word.state() != JobState::kQueued) return Refuse(Look(slot).state(), JobState::kRunning);
    const Nanos now = Now();
    const Nanos waited = Since(slot.waits_since.load(std::memory_order_relaxed), now);
    const JobLabelSet* const set = slot.labels.load(std::memory_order_acquire);
    // Before the step, so that whoever sees the job run sees since when. Of two that start the same
    // job at the same moment, both write that moment.
    slot.runs_since.store(now, std::memory_order_relaxed);
    slot.lease_end.store(LeaseFrom(now), std::memory_order_relaxed);
    if (slot.word.compare_exchange_strong(word.bits, word.In(JobState::kRunning).bits,
                                          std::memory_order_acq_rel, std::memory_order_acquire)) {
      set->group->wait.Observe(Seconds(waited));
      return true;
    }
  }
}

bool JobQueueState::End(JobSlot& slot, std::uint64_t generation, JobState to,
                        std::string_view reason) noexcept {
  JobWord word{slot.word.load(std::memory_order_acquire)};
  for (;;) {
    if (word.generation() != generation) return Refuse(JobState::kNone, to);
    if (!CanEnd(word.state(), to)) return Refuse(word.state(), to);
    if (Leave(slot, word, word.In(to), reason)) return true;
  }
}

bool JobQueueState::Retry(JobSlot& slot, double delay_seconds) noexcept {
  const Nanos due = Plus(Now(), ToNanos(Clamp(delay_seconds, "delay")));
  JobWord word{slot.word.load(std::memory_order_acquire)};
  for (;;) {
    if (word.state() != JobState::kRunning) return Refuse(word.state(), JobState::kQueued);
    // As in Start.
    slot.waits_since.store(due, std::memory_order_relaxed);
    if (Leave(slot, word, word.NextAttempt(JobState::kQueued), {})) return true;
  }
}

JobWord JobQueueState::Look(JobSlot& slot) noexcept {
  const JobWord word{slot.word.load(std::memory_order_acquire)};
  if (lease_seconds_ <= 0 || word.state() != JobState::kRunning || !LeaseIsOver(slot, Now())) {
    return word;
  }
  Expire(slot, word);
  return {slot.word.load(std::memory_order_acquire)};
}

bool JobQueueState::Renew(JobSlot& slot) noexcept {
  if (Look(slot).state() != JobState::kRunning) return false;
  slot.lease_end.store(LeaseFrom(Now()), std::memory_order_relaxed);
  return true;
}

bool JobQueueState::Relabel(JobSlot& slot, std::string_view label,
                            std::string_view value) noexcept {
  if (!IsLive(Look(slot).state())) return false;
  const JobLabelSet* const set =
      labels_.Change(*slot.labels.load(std::memory_order_acquire), label, value);
  if (set == nullptr) return false;
  // The word stays: who reads the labels learns of a new set by them alone.
  slot.labels.store(set, std::memory_order_release);
  return true;
}

void JobQueueState::SetAudio(JobSlot& slot, double seconds) noexcept {
  slot.audio_seconds.store(Clamp(seconds, "audio"), std::memory_order_relaxed);
}

void JobQueueState::Drop(JobSlot& slot) noexcept {
  JobWord word{slot.word.load(std::memory_order_acquire)};
  while (slot.ours() && IsLive(word.state()) && !Leave(slot, word, word.In(JobState::kLost), {})) {
  }
  slots_.GiveBack(slot);
}

bool JobQueueState::Leave(JobSlot& slot, JobWord& word, JobWord to,
                          std::string_view reason) noexcept {
  const JobLabelSet* const set = slot.labels.load(std::memory_order_acquire);
  const bool ran = word.state() == JobState::kRunning;
  double duration = 0;
  double audio = 0;
  if (ran) {
    const Nanos now = Now();
    if (LeaseIsOver(slot, now)) {
      Expire(slot, word);
      word.bits = slot.word.load(std::memory_order_acquire);
      return false;
    }
    duration = Seconds(Since(slot.runs_since.load(std::memory_order_relaxed), now));
    audio = slot.audio_seconds.load(std::memory_order_relaxed);
  }
  if (!slot.word.compare_exchange_strong(word.bits, to.bits, std::memory_order_acq_rel,
                                         std::memory_order_acquire)) {
    return false;
  }
  // From here on the slot may be another job's.
  if (ran) labels_.Duration(*set, to.state()).Observe(duration);
  if (to.state() == JobState::kCompleted && audio > 0) {
    set->group->audio.Increment(audio);
    if (audio >= kShortestAudio) set->group->realtime_factor.Observe(duration / audio);
  }
  CountEnd(*set, to.state(), reason);
  return true;
}

bool JobQueueState::LeaseIsOver(const JobSlot& slot, Nanos now) const noexcept {
  return lease_seconds_ > 0 && now > slot.lease_end.load(std::memory_order_relaxed);
}

void JobQueueState::Expire(JobSlot& slot, JobWord word) noexcept {
  const JobLabelSet* const set = slot.labels.load(std::memory_order_acquire);
  const Nanos begin = slot.runs_since.load(std::memory_order_relaxed);
  const Nanos end = slot.lease_end.load(std::memory_order_relaxed);
  if (!slot.word.compare_exchange_strong(word.bits, word.In(JobState::kLost).bits,
                                         std::memory_order_acq_rel, std::memory_order_relaxed)) {
    return;
  }
  // Until the lease was over, not until somebody looked; whose trace is not the job's.
  const TraceScope none((TraceContext()));
  labels_.Duration(*set, JobState::kLost).Observe(Seconds(Since(begin, end)));
  CountEnd(*set, JobState::kLost, {});
}

void JobQueueState::CountEnd(const JobLabelSet& set, JobState to,
                             std::string_view reason) noexcept {
  switch (to) {
    case JobState::kCompleted:
      return set.completed.Increment();
    case JobState::kFailed:
      return labels_.Failed(set, reason).Increment();
    case JobState::kCancelled:
      return set.cancelled.Increment();
    case JobState::kDeadLettered:
      return set.dead_lettered.Increment();
    case JobState::kLost:
      return set.lost.Increment();
    case JobState::kQueued:
      return set.retried.Increment();
    case JobState::kNone:
    case JobState::kRunning:
      return;
  }
}

bool JobQueueState::Refuse(JobState from, JobState to) noexcept {
  families_.invalid_transitions.With(from, to).Increment();
  reports_.Once(JobReport::kTransition, [&] {
    return "job queue: a step from " + std::string(LabelValue(from)) + " to " +
           std::string(LabelValue(to)) + " is not possible and was not done";
  });
  return false;
}

// --- reading ----------------------------------------------------------------------------------

template <class Visit>
void JobQueueState::ForEachLive(Nanos now, Visit visit) {
  constexpr int kTries = 8;
  slots_.ForEach([&](JobSlot& slot) {
    for (int i = 1;; ++i) {
      const JobWord word{slot.word.load(std::memory_order_acquire)};
      if (!IsLive(word.state()) || !slot.ours()) return;
      if (word.state() == JobState::kRunning && LeaseIsOver(slot, now)) {
        Expire(slot, word);
        continue;
      }
      // Acquired, so that they are read before the word is read again.
      const Nanos waits_since = slot.waits_since.load(std::memory_order_acquire);
      const JobLabelSet* const set = slot.labels.load(std::memory_order_acquire);
      const std::uint16_t queue = slot.queue.load(std::memory_order_acquire);
      // A slot that changes all the time is still one live job.
      if (slot.word.load(std::memory_order_relaxed) != word.bits && i < kTries) continue;
      visit(word.state(), *set, waits_since, queue);
      return;
    }
  });
}

// `counters(set, add)` calls `add` with counters of a set. Past the limit of series many sets count
// in the same cell: each cell is added once.
template <class Counters>
std::uint64_t JobQueueState::Total(Counters counters) const {
  std::vector<CellAddress> cells;
  labels_.ForEachSet([&](const JobLabelSet& set) {
    counters(set, [&](Counter counter) { cells.push_back(HandleAccess::Cell(counter)); });
  });
  std::sort(cells.begin(), cells.end());
  cells.erase(std::unique(cells.begin(), cells.end()), cells.end());
  std::uint64_t total = 0;
  for (const CellAddress cell : cells) {
    total += static_cast<std::uint64_t>(HandleAccess::Make<Counter>(cell).Value());
  }
  return total;
}

JobTally JobQueueState::Tally() {
  const Nanos now = Now();
  // Leases that are over are counted as lost.
  if (lease_seconds_ > 0) ForEachLive(now, [](auto&&...) {});
  // Ends first, then who is alive, what was accepted last: a job that moves meanwhile is missed
  // rather than counted twice.
  JobTally tally;
  tally.completed = Total([](const JobLabelSet& set, auto add) { add(set.completed); });
  tally.cancelled = Total([](const JobLabelSet& set, auto add) { add(set.cancelled); });
  tally.dead_lettered = Total([](const JobLabelSet& set, auto add) { add(set.dead_lettered); });
  tally.lost = Total([](const JobLabelSet& set, auto add) { add(set.lost); });
  tally.failed = Total([](const JobLabelSet& set, auto add) {
    for (const auto& failed : set.failed) add(failed.Peek());
  });
  ForEachLive(now, [&](JobState state, const JobLabelSet&, Nanos waits_since, std::uint16_t) {
    ++(state == JobState::kRunning ? tally.running
       : waits_since > now         ? tally.scheduled
                                   : tally.queued);
  });
  tally.submitted = Total([](const JobLabelSet& set, auto add) { add(set.submitted); });
  tally.restored = Total([](const JobLabelSet& set, auto add) { add(set.restored.Peek()); });
  return tally;
}

void JobQueueState::Collect(FamilySink& sink) {
  struct Jobs {
    std::uint64_t queued = 0, scheduled = 0, running = 0;
  };
  std::vector<Jobs> jobs;  // by group
  std::vector<Nanos> oldest(queues_.all().size(), 0);
  std::uint64_t busy = 0;
  const Nanos now = Now();
  ForEachLive(now,
              [&](JobState state, const JobLabelSet& set, Nanos waits_since, std::uint16_t queue) {
                if (jobs.size() <= set.group->index) jobs.resize(set.group->index + 1);
                Jobs& of_group = jobs[set.group->index];
                if (state == JobState::kRunning) {
                  ++of_group.running;
                  ++busy;
                } else if (waits_since > now) {
                  ++of_group.scheduled;
                } else {
                  ++of_group.queued;
                  oldest[queue] = std::max(oldest[queue], Since(waits_since, now));
                }
              });
  // After the jobs: every group that was seen is among them.
  const std::vector<const JobGroup*> groups = labels_.Groups();
  jobs.resize(groups.size());

  const auto begin = [&](JobQueueFamily family) {
    const FamilyRow& row = kJobQueueFamilies[family];
    const std::string& prefix = options_.prefix();
    sink.BeginFamily(row.type,
                     prefix.empty() ? std::string(row.name) : prefix + "_" + std::string(row.name),
                     row.help, OptionsOf(row));
  };
  const auto by_group = [&](JobQueueFamily family, std::uint64_t Jobs::*number) {
    begin(family);
    for (const JobGroup* group : groups) {
      const Label label{labels_.names().empty() ? std::string_view() : labels_.names().front(),
                        group->value};
      sink.Gauge(&label, labels_.names().empty() ? 0 : 1,
                 static_cast<double>(jobs[group->index].*number));
    }
  };
  by_group(kQueueSize, &Jobs::queued);
  by_group(kJobsScheduled, &Jobs::scheduled);
  by_group(kJobsProcessing, &Jobs::running);
  begin(kOldestJobAge);
  for (const auto& queue : queues_.all()) {
    // `other` is shown only when something waits there.
    if (queue->id != 0 || oldest[0] != 0) {
      sink.Gauge({{"queue", queue->text}}, Seconds(oldest[queue->id]));
    }
  }
  const std::int64_t workers = workers_.load(std::memory_order_relaxed);
  if (workers == kNoWorkers) return;
  begin(kWorkers);
  sink.Gauge({}, static_cast<double>(workers));
  begin(kWorkersBusy);
  sink.Gauge({}, static_cast<double>(busy));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
