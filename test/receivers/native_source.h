// Histograms with exponential buckets, and exemplars, beside the corpus. The judges get the
// observations, not buckets: they work out themselves where each must be. The families are such
// that a Producer and instruments must give the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "polymeter/metrics.h"
#include "polymeter/producer.h"

namespace receivers {

// Two batches of observations: one before the first snapshot, one between it and the next.
//
// From a producer, the families have the buckets and exemplars that are worked out here; from
// `instruments`, those of the library's own cells.
class NativeSource : public polymeter::Producer {
 public:
  // Lives as long as it is to be seen.
  NativeSource(const polymeter::Metrics& metrics, bool instruments);
  void Observe(std::size_t batch);
  void Collect(polymeter::FamilySink& sink) override;
  // Doubles are hexadecimal. Exemplars stand with the batch that they came with.
  std::string Json() const;

 private:
  struct Example {
    double value;
    std::int64_t unix_nanos;  // not before this
    polymeter::TraceContext trace;
    std::vector<std::pair<std::string, std::string>> labels;
    std::int64_t latest_unix_nanos = 0;  // and not after this
  };
  struct Series {
    std::string label;
    std::string family;  // of its own
    int schemas[2];      // after each batch
    double zero_threshold;
    bool explicit_too;
    std::vector<double> batches[2];
    std::vector<Example> examples[2];
    std::vector<double> observed;
    int schema = 0;
    polymeter::Histogram instrument;
  };

  Series& Add(std::string label, int first_schema, int last_schema);
  void AddSeries();
  void AddExamples();
  void Observe(Series& series, std::size_t batch);
  void Count(std::size_t batch);
  void MakeInstruments(const polymeter::Metrics& metrics);
  void Put(polymeter::FamilySink& sink, const Series& series) const;

  const bool instruments_;
  polymeter::Counter counter_;
  std::mutex mutex_;  // a backend collects when it likes
  std::deque<Series> series_;
  std::size_t batches_ = 0;           // that were observed
  std::vector<Example> increments_;   // of the counter, the newest last
  polymeter::Attachment attachment_;  // ends before what it refers to
};

}  // namespace receivers
