// The hostile corpus: everything that an application may do to make a page unreadable.
#pragma once

#include <memory>
#include <vector>

#include "polymeter/metrics.h"
#include "test/receivers/truth.h"

namespace receivers {

// Records the corpus in `metrics` and writes it down in `truth`. Returns what must stay attached.
class Corpus {
 public:
  Corpus(const polymeter::Metrics& metrics, Truth& truth);
  ~Corpus();

  static polymeter::Options BaseOptions(Truth& truth);

 private:
  class Produced;

  void LabelValues();
  void LabelNames();
  void Helps();
  void Units();
  void Counters();
  void Gauges();
  void Histograms();
  void Clashes();
  void Refusals();
  void Many();

  const polymeter::Metrics& metrics_;
  Truth& truth_;
  std::shared_ptr<Produced> produced_;
  std::vector<polymeter::Attachment> attachments_;
};

}  // namespace receivers
