// Cardinality: how many series a family has, and which of its labels is to blame. C++17.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE

// A label of a family.
struct LabelCardinality {
  std::string name;          // user
  std::size_t distinct = 0;  // different values among the family's series
};

// A family's series, as Metrics::CardinalityReport() found them. The overflow series
// ({otel_metric_overflow="true"}) is not counted.
struct FamilyCardinality {
  std::string name;                        // prefix included
  MetricType type = MetricType::kUnknown;  // what it is
  std::size_t series = 0;                  // that are there, idle ones included
  std::size_t limit = 0;                   // Options::SeriesLimit; 0: none
  std::uint64_t overflowed_lookups = 0;    // With() for values that had no room under the limit
  std::size_t bytes = 0;                   // an estimate of what its series take in memory
  std::vector<LabelCardinality> labels;    // by distinct values, descending
  std::string blame;                       // the first of them; empty where nothing is to blame
};

// For a log: a line a family, in the report's order.
POLYMETER_EXPORT std::string ToString(const std::vector<FamilyCardinality>& report);

POLYMETER_END_NAMESPACE
