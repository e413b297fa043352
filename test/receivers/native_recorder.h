// Where the judged program's observations go: instruments with exponential buckets and exemplars.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "polymeter/metrics.h"
#include "polymeter/producer.h"
#include "polymeter/trace_context.h"

namespace receivers {

// What a family keeps of its observations.
struct Resolution {
  bool native = true;
  std::vector<double> bounds = {};  // explicit buckets, beside the exponential ones or instead
  int schema = 3;
  int max_buckets = 160;
  double zero_threshold = 0x1p-128;
  bool exemplars = false;
};

// The trace that is current while something is recorded, and the free labels that come with it;
// without any it is the filter that decides.
struct Example {
  polymeter::TraceContext trace;
  std::vector<std::pair<std::string, std::string>> labels;
};

class NativeRecorder {
 public:
  explicit NativeRecorder(const polymeter::Metrics& metrics) : metrics_(metrics) {}

  void Histogram(const std::string& name, const Resolution& resolution);
  // Thread-safe.
  void Observe(const std::string& name, double value) const { histograms_.at(name).Observe(value); }
  void Observe(const std::string& name, double value, const Example& example) const;
  void Count(const std::string& name, std::uint64_t amount, const Example& example);

 private:
  const polymeter::Metrics& metrics_;
  std::map<std::string, polymeter::Histogram> histograms_;
};

// "produced" of a Producer, which has its buckets and the exemplar of the last value ready-made.
class NativeProducer : public polymeter::Producer {
 public:
  static constexpr double kValues[] = {1, 2, 4, 4};
  static constexpr int kSchema = 0;

  // The exemplar's time is now.
  explicit NativeProducer(const polymeter::TraceContext& trace);
  void Collect(polymeter::FamilySink& sink) override;

 private:
  polymeter::Exemplar exemplar_;
};

}  // namespace receivers
