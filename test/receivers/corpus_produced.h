// The part of the hostile corpus that only a producer can have: other label names in each series,
// and the kinds without an instrument.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "polymeter/producer.h"
#include "test/receivers/truth.h"

namespace receivers {

class ProducedCorpus : public polymeter::Producer {
 public:
  explicit ProducedCorpus(Truth& truth);
  void Collect(polymeter::FamilySink& sink) override;

 private:
  // The reference stays valid.
  Family& Add(std::string kind, std::string type, std::string name, std::string unit = {});
  void AddValues();
  void AddSummaries();
  void AddHistograms();
  void AddRefused(Truth& truth);

  std::deque<Family> families_;
  std::vector<std::function<void(polymeter::FamilySink&)>> refused_;
};

}  // namespace receivers
