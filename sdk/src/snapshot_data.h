// What stands behind a Snapshot and behind a producer's families. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE

enum class NameValidation : std::uint8_t;  // options.h

namespace detail {

// Memory that is given back all at once.
class POLYMETER_EXPORT Arena {
 public:
  // `bytes` aligned to 8.
  void* Allocate(std::size_t bytes);
  std::string_view Copy(std::string_view text);

 private:
  static constexpr std::size_t kBlock = 16 * 1024;
  std::vector<std::unique_ptr<std::uint64_t[]>> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

struct ProducedFamily {
  std::string name;
  std::string help;
  std::string unit;
  std::string otel_name;
  std::vector<std::pair<std::string, std::string>> otel_attributes;
  bool additive = false;
  bool utf8_names = false;  // of its own and of its series' labels
  FamilyPoints points;
  // Series by the hash of their sorted labels: finds duplicates.
  std::unordered_multimap<std::uint64_t, const SeriesRecord*> by_labels;

  MetricType type() const noexcept { return static_cast<MetricType>(points.index()); }
};

// One collection of one producer. Immutable once the collection is over.
struct ProducedFamilies {
  Arena arena;
  std::vector<std::unique_ptr<ProducedFamily>> families;
  std::unordered_map<std::string_view, ProducedFamily*> by_name;
  ProducedFamily* current = nullptr;  // where FamilySink writes; null after a refused BeginFamily
  struct Refusal {
    std::string message;  // of the first
    std::uint64_t points = 0;
  };
  std::map<std::string, Refusal> refused;  // by reason
  std::string refused_family;              // why points are refused while current is null
  std::uint64_t refused_points = 0;        // all of them
  std::string prefix;                      // put in front of every name
  NameValidation names{};                  // legacy unless set
};

struct SnapshotData {
  SystemTime time{};
  std::shared_ptr<const Resource> resource;
  std::vector<FamilyView> families;
  // Labels that produced families get too.
  const Label* constant_labels = nullptr;
  std::size_t constant_label_count = 0;
  // What the views refer to.
  std::vector<std::shared_ptr<const void>> keep;
  std::vector<std::unique_ptr<std::uint64_t[]>> buckets;
};

// The points of a family of that type, of which there are none yet.
POLYMETER_EXPORT FamilyPoints PointsOf(MetricType type);

// The label of the series in which a family counts what is above its limit (OpenTelemetry's data
// model's attribute, otel.metric.overflow): no family has one of that name.
constexpr std::string_view kOverflowLabel = "otel_metric_overflow";

// In the id of a family: a producer's, and one whose series a view stage gives.
constexpr std::uint64_t kProducedId = std::uint64_t{1} << 63;
constexpr std::uint64_t kViewedId = std::uint64_t{1} << 62;

// The hash of a label set that does not depend on the order of the labels.
std::uint64_t HashOfLabels(LabelsView labels) noexcept;
bool SameLabels(LabelsView a, LabelsView b) noexcept;
// Makes `key` what tells these labels from others, in whatever order they are given.
void KeyOfLabels(LabelsView labels, std::string& key);
void KeyOfLabels(std::vector<Label> labels, std::string& key);

// Says that two families of one snapshot could not both be shown.
struct NameClash {
  std::string kept;     // name and type of what stays
  std::string dropped;  // name and type of what was left out
  std::uint64_t points;
};

// Adds produced families to `data`, which holds the registry's, and orders all by name. Families
// of one name and type become one, a series that exists already is left out; of two types the
// one that was there first stays, and so it is where a name is a histogram's or summary's sample
// name (x_sum beside histogram x). Ids of produced families have the top bit set.
std::vector<NameClash> MergeProduced(
    SnapshotData& data, const std::vector<std::shared_ptr<const ProducedFamilies>>& produced);

}  // namespace detail
POLYMETER_END_NAMESPACE
