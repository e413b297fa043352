// ClientMetric: one series with its values, as Collectables give it. Plain data that programs read
// and build themselves. C++14.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "polymeter/export.h"
#include "prometheus/detail/one_library.h"

namespace prometheus {

// Which of the values counts, the type of the MetricFamily says.
struct POLYMETER_EXPORT ClientMetric {
  struct Label {
    std::string name;
    std::string value;

    bool operator<(const Label& other) const {
      const int order = name.compare(other.name);
      return order != 0 ? order < 0 : value < other.value;
    }
    bool operator==(const Label& other) const { return name == other.name && value == other.value; }
  };
  std::vector<Label> label;

  struct Counter {
    double value = 0.0;
  };
  Counter counter;

  struct Gauge {
    double value = 0.0;
  };
  Gauge gauge;

  struct Info {
    double value = 0.0;
  };
  Info info;

  struct Quantile {
    double quantile = 0.0;
    double value = 0.0;
  };
  struct Summary {
    std::uint64_t sample_count = 0;
    double sample_sum = 0.0;
    std::vector<Quantile> quantile;
  };
  Summary summary;

  struct Bucket {
    std::uint64_t cumulative_count = 0;
    double upper_bound = 0.0;
  };
  struct Histogram {
    std::uint64_t sample_count = 0;
    double sample_sum = 0.0;
    std::vector<Bucket> bucket;
  };
  Histogram histogram;

  struct Untyped {
    double value = 0;
  };
  Untyped untyped;

  // Unix time in milliseconds; 0: none. TextSerializer writes it, the exits of a program do not.
  std::int64_t timestamp_ms = 0;
};

}  // namespace prometheus
