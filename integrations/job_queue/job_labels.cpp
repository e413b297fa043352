#include "integrations/job_queue/job_labels.h"

#include <mutex>
#include <utility>

#include "integrations/common/forks.h"
#include "integrations/job_queue/job_queue_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kLearnedValues = 64;
constexpr std::size_t kLongestValue = 128;  // longer ones are not learned

// Labels are few and short: length and three characters tell them apart well enough, and a chain
// holds no more than the values there are.
std::size_t HashOf(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto at = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(text[i]));
  };
  return text.size() * 5 + at(0) * 7 + at(text.size() / 2) * 3 + at(text.size() - 1);
}

std::vector<std::string> AllowedOf(const JobQueueOptions& options, std::string_view label) {
  std::vector<std::string> values;
  for (const auto& [name, list] : options.allowed()) {
    if (name == label) values = list;
  }
  return values;
}

std::vector<std::string> ReasonsOf(const JobQueueOptions& options) {
  std::vector<std::string> reasons = AllowedOf(options, "reason");
  if (reasons.size() > kMaxReasons) reasons.resize(kMaxReasons);
  return reasons;
}

std::vector<std::string> NamesOf(const JobQueueOptions& options) {
  std::vector<std::string> names = options.labels();
  if (names.size() > kMaxJobLabels) names.resize(kMaxJobLabels);
  return names;
}

}  // namespace

JobFamilies::JobFamilies(const Metrics& metrics, const JobQueueOptions& options) {
  const std::vector<std::string> labels = NamesOf(options);
  std::vector<std::string> first = labels;
  if (first.size() > 1) first.resize(1);
  const auto with = [&](const char* more) {
    std::vector<std::string> all = labels;
    all.emplace_back(more);
    return all;
  };
  const auto name = [&](JobQueueFamily row) {
    const std::string own(kJobQueueFamilies[row].name);
    return options.prefix().empty() ? own : options.prefix() + "_" + own;
  };
  const auto counter = [&](JobQueueFamily row, const std::vector<std::string>& names) {
    return metrics.Counter(name(row), kJobQueueFamilies[row].help, names,
                           OptionsOf(kJobQueueFamilies[row]));
  };
  const auto histogram = [&](JobQueueFamily row, const std::vector<std::string>& names,
                             std::vector<double> bounds) {
    FamilyOptions family = OptionsOf(kJobQueueFamilies[row]).Buckets(std::move(bounds));
    if (!options.otel_names()) family.OtelName({});
    if (row == kJobDuration) family.Exemplars(options.exemplars());
    return metrics.Histogram(name(row), kJobQueueFamilies[row].help, names, family);
  };
  submitted = counter(kJobsSubmitted, labels);
  restored = counter(kJobsRestored, labels);
  completed = counter(kJobsCompleted, labels);
  failed = counter(kJobsFailed, with("reason"));
  cancelled = counter(kJobsCancelled, labels);
  dead_lettered = counter(kJobsDeadLettered, labels);
  lost = counter(kJobsLost, labels);
  retried = counter(kJobsRetried, labels);
  wait = histogram(kJobWait, first, options.wait_buckets());
  duration = histogram(kJobDuration, with("outcome"), options.duration_buckets());
  if (options.audio()) {
    audio = counter(kAudioSeconds, first);
    realtime_factor = histogram(kRealtimeFactor, first,
                                {0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 5, 10});
  }
  const auto& rows = kJobQueueFamilies;
  invalid_transitions =
      metrics.Counter(name(kInvalidTransitions), rows[kInvalidTransitions].help, {"from", "to"});
  clock_skew = metrics.Counter(name(kClockSkew), rows[kClockSkew].help);
  inputs_clamped = metrics.Counter(name(kInputsClamped), rows[kInputsClamped].help, {"input"});
  labels_folded = metrics.Counter(name(kLabelsFolded), rows[kLabelsFolded].help, {"label"});
}

// --- values -----------------------------------------------------------------------------------

JobValues::JobValues(std::vector<std::string> given, std::size_t learn)
    : learn_(given.empty() ? learn : 0), learns_(learn_ != 0) {
  all_.push_back(std::make_unique<Value>(Value{std::string(kOtherValue), 0, nullptr}));
  // `other` is found by its name too.
  const std::size_t other = HashOf(kOtherValue) % buckets_.size();
  buckets_[other].store(all_.front().get(), std::memory_order_relaxed);
  for (const std::string& text : given) {
    const std::size_t bucket = HashOf(text) % buckets_.size();
    if (Look(text, bucket) == nullptr) Add(text, bucket);
  }
}

const JobValues::Value& JobValues::Find(std::string_view text) noexcept {
  const std::size_t bucket = HashOf(text) % buckets_.size();
  if (const Value* const known = Look(text, bucket)) return *known;
  if (!learns_.load(std::memory_order_relaxed) || text.size() > kLongestValue) return other();
  try {
    const std::lock_guard lock(AddingMutex());
    if (const Value* const known = Look(text, bucket)) return *known;
    return all_.size() <= learn_ ? Add(text, bucket) : other();
  } catch (...) {
    return other();
  }
}

const JobValues::Value* JobValues::Look(std::string_view text, std::size_t bucket) const noexcept {
  const Value* value = buckets_[bucket].load(std::memory_order_acquire);
  while (value != nullptr && value->text != text) value = value->next;
  return value;
}

const JobValues::Value& JobValues::Add(std::string_view text, std::size_t bucket) {
  const auto id = static_cast<std::uint16_t>(all_.size());
  all_.push_back(std::make_unique<Value>(
      Value{std::string(text), id, buckets_[bucket].load(std::memory_order_relaxed)}));
  buckets_[bucket].store(all_.back().get(), std::memory_order_release);
  if (all_.size() > learn_) learns_.store(false, std::memory_order_relaxed);
  return *all_.back();
}

// --- sets -------------------------------------------------------------------------------------

JobLabels::JobLabels(const JobFamilies& families, JobReports& reports,
                     const JobQueueOptions& options)
    : families_(families),
      reports_(reports),
      names_(NamesOf(options)),
      reasons_(ReasonsOf(options), kMaxReasons) {
  for (const std::string& name : names_) {
    values_.push_back(std::make_unique<JobValues>(AllowedOf(options, name), kLearnedValues));
  }
}

void JobLabels::CountFolded(std::size_t label) noexcept {
  families_.labels_folded.With(names_[label]).Increment();
  reports_.Once(
      JobReport::kLabel,
      [&] {
        return "job queue: a value of label " + names_[label] +
               " is missing or not allowed (JobQueueOptions::Allow) and is counted as other";
      },
      static_cast<unsigned>(label));
}

const JobValues::Value& JobLabels::Fold(std::size_t label, std::string_view text) noexcept {
  const JobValues::Value& value = values_[label]->Find(text);
  if (value.id == 0 && text != kOtherValue) CountFolded(label);
  return value;
}

const JobValues::Value& JobLabels::Missing(std::size_t label) noexcept {
  CountFolded(label);
  return values_[label]->other();
}

const JobLabelSet* JobLabels::Find(const std::string_view* values, std::size_t count) noexcept {
  Values folded{};
  for (std::size_t i = 0; i < names_.size(); ++i) {
    folded[i] = i < count ? &Fold(i, values[i]) : &Missing(i);
  }
  return Set(folded);
}

const JobLabelSet* JobLabels::Change(const JobLabelSet& set, std::string_view label,
                                     std::string_view value) noexcept {
  for (std::size_t i = 1; i < names_.size(); ++i) {
    if (names_[i] != label) continue;
    Values changed = set.values;
    changed[i] = &Fold(i, value);
    return Set(changed);
  }
  return nullptr;
}

std::size_t JobLabels::BucketOf(const Values& values) const noexcept {
  std::size_t hash = 0;
  for (std::size_t i = 0; i < names_.size(); ++i) hash = hash * 67 + values[i]->id;
  return hash % buckets_.size();
}

const JobLabelSet* JobLabels::Set(Values values) noexcept {
  if (const JobLabelSet* const known = Look(values)) return known;
  if (full_.load(std::memory_order_relaxed)) {
    for (std::size_t i = 1; i < names_.size(); ++i) {
      if (values[i]->id != 0) CountFolded(i);
      values[i] = &values_[i]->other();
    }
    if (const JobLabelSet* const known = Look(values)) return known;
  }
  try {
    return Add(Make(values));
  } catch (...) {
    return nullptr;
  }
}

const JobLabelSet* JobLabels::Look(const Values& values) const noexcept {
  const JobLabelSet* set = buckets_[BucketOf(values)].load(std::memory_order_acquire);
  while (set != nullptr && set->values != values) set = set->next;
  return set;
}

std::unique_ptr<JobLabelSet> JobLabels::Make(const Values& values) {
  auto set = std::make_unique<JobLabelSet>();
  set->values = values;
  set->group = &Group(values[0]);
  const Texts texts = TextsOf(values);
  const std::size_t count = names_.size();
  set->submitted = families_.submitted.WithValues(texts.data(), count);
  set->completed = families_.completed.WithValues(texts.data(), count);
  set->cancelled = families_.cancelled.WithValues(texts.data(), count);
  set->dead_lettered = families_.dead_lettered.WithValues(texts.data(), count);
  set->lost = families_.lost.WithValues(texts.data(), count);
  set->retried = families_.retried.WithValues(texts.data(), count);
  return set;
}

const JobLabelSet* JobLabels::Add(std::unique_ptr<JobLabelSet> set) {
  const std::lock_guard lock(AddingMutex());
  if (const JobLabelSet* const known = Look(set->values)) return known;
  auto& bucket = buckets_[BucketOf(set->values)];
  set->next = bucket.load(std::memory_order_relaxed);
  sets_.push_back(std::move(set));
  bucket.store(sets_.back().get(), std::memory_order_release);
  full_.store(sets_.size() >= kMaxSets, std::memory_order_relaxed);
  return sets_.back().get();
}

const JobGroup& JobLabels::Group(const JobValues::Value* value) {
  const std::string_view text = value == nullptr ? std::string_view() : value->text;
  {
    const std::lock_guard lock(AddingMutex());
    if (const JobGroup* const known = LookForGroup(text)) return *known;
  }
  auto group = std::make_unique<JobGroup>();
  group->value = text;
  const std::size_t count = names_.empty() ? 0 : 1;
  group->wait = families_.wait.WithValues(&text, count);
  if (families_.audio) {
    group->audio = families_.audio.WithValues(&text, count);
    group->realtime_factor = families_.realtime_factor.WithValues(&text, count);
  }
  const std::lock_guard lock(AddingMutex());
  if (const JobGroup* const known = LookForGroup(text)) return *known;
  group->index = groups_.size();
  groups_.push_back(std::move(group));
  return *groups_.back();
}

const JobGroup* JobLabels::LookForGroup(std::string_view value) const noexcept {
  for (const auto& group : groups_) {
    if (group->value == value) return group.get();
  }
  return nullptr;
}

std::vector<const JobGroup*> JobLabels::Groups() const {
  const std::lock_guard lock(AddingMutex());
  std::vector<const JobGroup*> groups;
  for (const auto& group : groups_) groups.push_back(group.get());
  return groups;
}

JobLabels::Texts JobLabels::TextsOf(const Values& values) const noexcept {
  Texts texts;
  for (std::size_t i = 0; i < names_.size(); ++i) texts[i] = values[i]->text;
  return texts;
}

Counter JobLabels::Failed(const JobLabelSet& set, std::string_view reason) noexcept {
  const JobValues::Value& value = reasons_.Find(reason);
  if (value.id == 0 && reason != kOtherValue) {
    families_.labels_folded.With("reason").Increment();
    reports_.Once(JobReport::kReason, [] {
      return std::string(
          "job queue: a reason is not allowed (JobQueueOptions::Allow) and is "
          "counted as other");
    });
  }
  return set.failed[value.id].Get([&] {
    Texts texts = TextsOf(set.values);
    texts[names_.size()] = value.text;
    return families_.failed.WithValues(texts.data(), names_.size() + 1);
  });
}

Counter JobLabels::Restored(const JobLabelSet& set) noexcept {
  return set.restored.Get(
      [&] { return families_.restored.WithValues(TextsOf(set.values).data(), names_.size()); });
}

Histogram JobLabels::Duration(const JobLabelSet& set, JobState outcome) noexcept {
  return set.durations[static_cast<std::size_t>(outcome)].Get([&] {
    Texts texts = TextsOf(set.values);
    // An attempt that ends in state queued was retried.
    texts[names_.size()] = outcome == JobState::kQueued ? "retried" : LabelValue(outcome);
    return families_.duration.WithValues(texts.data(), names_.size() + 1);
  });
}

}  // namespace detail
POLYMETER_END_NAMESPACE
