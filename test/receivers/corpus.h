// The hostile corpus: everything that an application may do to make a page unreadable.
#pragma once

#include "polymeter/metrics.h"
#include "test/receivers/corpus_produced.h"
#include "test/receivers/truth.h"

namespace receivers {

// Records the corpus in `metrics` and writes it down in `truth`. Lives as long as it is to be seen.
class Corpus {
 public:
  Corpus(const polymeter::Metrics& metrics, Truth& truth);

  static polymeter::Options BaseOptions(Truth& truth);

 private:
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
  ProducedCorpus produced_;
  polymeter::Attachment attachment_;  // ends before what it refers to
};

}  // namespace receivers
