// Looks at one snapshot after the other and says what must never be: a counter or a bucket that
// fell, a count that is not the sum of its buckets, labels that cannot be read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "polymeter/snapshot.h"

// One reader's memory of what it saw. Belongs to one thread.
class Watcher {
 public:
  void Look(const polymeter::Snapshot& snapshot) {
    ++looks_;
    for (const polymeter::FamilyView& family : snapshot.families()) {
      if (const auto* counters = std::get_if<polymeter::CounterPoints>(&family.points)) {
        for (const auto& point : *counters) Look(family, point);
      } else if (const auto* histograms = std::get_if<polymeter::HistogramPoints>(&family.points)) {
        for (const auto& point : *histograms) Look(family, point);
      }
    }
  }

  const std::vector<std::string>& faults() const { return faults_; }
  std::uint64_t looks() const { return looks_; }
  // How many values it saw again, and higher than before: a watcher of numbers that stand still has
  // proved nothing.
  std::uint64_t rises() const { return rises_; }

 private:
  // A series that is removed and made again is another one: index and generation tell.
  using Series = std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>;
  struct Seen {
    std::uint64_t whole = 0;
    double part = 0;
    std::vector<std::uint64_t> buckets;
    std::string labels;
  };

  void Fault(const polymeter::FamilyView& family, const std::string& what) {
    if (faults_.size() < 20) faults_.push_back(std::string(family.name) + ": " + what);
  }

  template <class Point>
  Seen* Find(const polymeter::FamilyView& family, const Point& point) {
    std::string labels;
    polymeter::VisitLabels(family, point.series,
                           [&](std::string_view name, std::string_view value) {
                             labels += std::string(name) + "=" + std::string(value) + ";";
                           });
    if (point.series.generation() == 0) return nullptr;  // produced: has no identity
    Seen& seen = seen_[{family.id, point.series.index(), point.series.generation()}];
    if (!seen.labels.empty() && seen.labels != labels) {
      Fault(family, "a series changed its labels from " + seen.labels + " to " + labels);
    }
    seen.labels = labels;
    return &seen;
  }

  void Look(const polymeter::FamilyView& family, const polymeter::CounterPoint& point) {
    Seen* const seen = Find(family, point);
    if (seen == nullptr) return;
    if (point.whole < seen->whole || point.part < seen->part) {
      Fault(family, "counter fell from " + std::to_string(seen->whole) + "+" +
                        std::to_string(seen->part) + " to " + std::to_string(point.whole) + "+" +
                        std::to_string(point.part));
    }
    rises_ += seen->whole != 0 && point.whole > seen->whole;
    seen->whole = point.whole;
    seen->part = point.part;
  }

  void Look(const polymeter::FamilyView& family, const polymeter::HistogramPoint& point) {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i <= point.bound_count; ++i) sum += point.buckets[i];
    if (sum != point.count) {
      Fault(family, "count " + std::to_string(point.count) + " is not the buckets' sum " +
                        std::to_string(sum));
    }
    Seen* const seen = Find(family, point);
    if (seen == nullptr) return;
    seen->buckets.resize(point.bound_count + 1);
    for (std::uint32_t i = 0; i <= point.bound_count; ++i) {
      if (point.buckets[i] < seen->buckets[i]) {
        Fault(family, "bucket " + std::to_string(i) + " fell from " +
                          std::to_string(seen->buckets[i]) + " to " +
                          std::to_string(point.buckets[i]));
      }
      rises_ += seen->buckets[i] != 0 && point.buckets[i] > seen->buckets[i];
      seen->buckets[i] = point.buckets[i];
    }
  }

  std::map<Series, Seen> seen_;
  std::vector<std::string> faults_;
  std::uint64_t looks_ = 0;
  std::uint64_t rises_ = 0;
};
