// Label values of jobs: which may be used, and the instruments of each combination of them.
// Values are looked up without a lock; what is new is made under one. Internal.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/common/lazy_handle.h"
#include "integrations/job_queue/job_reports.h"
#include "polymeter/family.h"
#include "polymeter/job_queue.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

inline constexpr std::size_t kMaxJobLabels = 4;
inline constexpr std::size_t kMaxReasons = 32;  // more than that are `other`
inline constexpr std::size_t kJobStates = static_cast<std::size_t>(JobState::kLost) + 1;
inline constexpr std::string_view kOtherValue = "other";

// The values of one label: given ones, or the first `learn` different ones.
class JobValues {
 public:
  struct Value {
    std::string text;
    std::uint16_t id;  // 0 is kOtherValue
    const Value* next;
  };

  // `given` empty: learns.
  JobValues(std::vector<std::string> given, std::size_t learn);

  // Never null; the value `other` for what is neither known nor learned any more.
  const Value& Find(std::string_view text) noexcept;
  const Value& other() const noexcept { return *all_.front(); }
  // In the order of their ids, `other` first. Only where no values are learned.
  const std::vector<std::unique_ptr<Value>>& all() const noexcept { return all_; }

 private:
  const Value* Look(std::string_view text, std::size_t bucket) const noexcept;
  const Value& Add(std::string_view text, std::size_t bucket);

  std::array<std::atomic<const Value*>, 64> buckets_{};
  std::vector<std::unique_ptr<Value>> all_;
  const std::size_t learn_;
  std::atomic<bool> learns_;
};

// What belongs to a value of the first label.
struct JobGroup {
  std::string value;  // empty where jobs have no label
  std::size_t index;
  Histogram wait;
  Counter audio;
  Histogram realtime_factor;
};

// The instruments of one combination of label values. Lives as long as the queue's state.
struct JobLabelSet {
  std::array<const JobValues::Value*, kMaxJobLabels> values{};
  const JobGroup* group = nullptr;
  Counter submitted;
  Counter completed;
  Counter cancelled;
  Counter dead_lettered;
  Counter lost;
  Counter retried;
  LazyHandle<Counter> restored;
  std::array<LazyHandle<Histogram>, kJobStates> durations;  // by outcome
  std::array<LazyHandle<Counter>, kMaxReasons + 1> failed;  // by the reason's id
  const JobLabelSet* next = nullptr;
};

// The families that sets are made of.
struct JobFamilies {
  JobFamilies() = default;
  JobFamilies(const Metrics& metrics, const JobQueueOptions& options);

  CounterFamily<> submitted, restored, completed, failed, cancelled, dead_lettered, lost, retried;
  HistogramFamily<> wait, duration;
  CounterFamily<> audio;
  HistogramFamily<> realtime_factor;
  CounterFamily<2> invalid_transitions;
  Counter clock_skew;
  CounterFamily<1> inputs_clamped;
  CounterFamily<1> labels_folded;
};

// Thread-safe. From kMaxSets combinations on (a few more where threads race), all labels but the
// first are `other` in new ones.
class JobLabels {
 public:
  // Refers to the families and the reports.
  JobLabels(const JobFamilies& families, JobReports& reports, const JobQueueOptions& options);

  // Null without memory.
  const JobLabelSet* Find(const std::string_view* values, std::size_t count) noexcept;
  // `set` with another value of one label; null for the first one and for unknown ones, too.
  const JobLabelSet* Change(const JobLabelSet& set, std::string_view label,
                            std::string_view value) noexcept;
  Counter Failed(const JobLabelSet& set, std::string_view reason) noexcept;
  Counter Restored(const JobLabelSet& set) noexcept;
  Histogram Duration(const JobLabelSet& set, JobState outcome) noexcept;

  const std::vector<std::string>& names() const noexcept { return names_; }
  // Of the moment; groups are only added.
  std::vector<const JobGroup*> Groups() const;
  template <class Visit>
  void ForEachSet(Visit visit) const {
    for (const auto& bucket : buckets_) {
      for (auto* set = bucket.load(std::memory_order_acquire); set != nullptr; set = set->next) {
        visit(*set);
      }
    }
  }

 private:
  static constexpr std::size_t kMaxSets = 4096;
  using Values = std::array<const JobValues::Value*, kMaxJobLabels>;

  const JobValues::Value& Fold(std::size_t label, std::string_view text) noexcept;
  const JobValues::Value& Missing(std::size_t label) noexcept;
  const JobLabelSet* Set(Values values) noexcept;
  const JobLabelSet* Look(const Values& values) const noexcept;
  std::size_t BucketOf(const Values& values) const noexcept;
  // Instruments come from the core, which may call the application's log (and that may submit a
  // job): they are made without the lock, and what another thread has added meanwhile is taken.
  std::unique_ptr<JobLabelSet> Make(const Values& values);
  const JobLabelSet* Add(std::unique_ptr<JobLabelSet> set);
  const JobGroup& Group(const JobValues::Value* value);
  // Under AddingMutex(), as every use of the vectors.
  const JobGroup* LookForGroup(std::string_view value) const noexcept;
  // The values in order, and room for one more.
  using Texts = std::array<std::string_view, kMaxJobLabels + 1>;
  Texts TextsOf(const Values& values) const noexcept;
  void CountFolded(std::size_t label) noexcept;

  const JobFamilies& families_;
  JobReports& reports_;
  const std::vector<std::string> names_;
  std::vector<std::unique_ptr<JobValues>> values_;  // of each label
  JobValues reasons_;
  std::array<std::atomic<const JobLabelSet*>, 256> buckets_{};
  std::atomic<bool> full_{false};  // kMaxSets are there
  std::vector<std::unique_ptr<JobLabelSet>> sets_;
  std::vector<std::unique_ptr<JobGroup>> groups_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
