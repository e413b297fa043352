// Family: the metrics of one name, told apart by their labels. C++14.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "polymeter/export.h"
#include "prometheus/client_metric.h"
#include "prometheus/collectable.h"
#include "prometheus/labels.h"
#include "prometheus/metric_family.h"
#include "prometheus/metric_type.h"

namespace prometheus {

class Counter;
class Gauge;
class Histogram;
class Info;
class Summary;

namespace detail {

class FamilyStore;

// What a family's memory must know of the type of its metrics.
struct InstrumentType {
  MetricType type;
  bool native;  // one of the five above
  ClientMetric (*collect)(const void* instrument);
  void (*destroy)(void* instrument);
};

template <typename T>
struct InstrumentTypeOf {
  static ClientMetric Collect(const void* instrument) {
    return static_cast<const T*>(instrument)->Collect();
  }
  static void Destroy(void* instrument) { delete static_cast<T*>(instrument); }
  static InstrumentType Get() {
    return {T::metric_type,
            std::is_same<T, Counter>::value || std::is_same<T, Gauge>::value ||
                std::is_same<T, Histogram>::value || std::is_same<T, Info>::value ||
                std::is_same<T, Summary>::value,
            &Collect, &Destroy};
  }
};

// What does not depend on the type.
class POLYMETER_EXPORT FamilyBase : public Collectable {
 public:
  ~FamilyBase() override;
  FamilyBase(const FamilyBase&) = delete;
  FamilyBase& operator=(const FamilyBase&) = delete;

 protected:
  FamilyBase(const InstrumentType& type, const std::string& name, const std::string& help,
             const Labels& constant_labels);

  // In the constructor of the class whose Collect() gives what is in here and no more.
  void NoteClass();
  // Null when there is none.
  void* FindInstrument(const Labels& labels) const;
  // Takes `instrument` over; where the labels are there already, destroys it and gives the other.
  // Throws std::invalid_argument as Family::Add does, and has then not taken it over.
  void* AddInstrument(const Labels& labels, void* instrument);
  void RemoveInstrument(const void* instrument);
  const std::string& FamilyName() const;
  const Labels& ConstantLabels() const;
  std::vector<MetricFamily> CollectInstruments() const;

 private:
  friend class RegistryStore;
  const std::shared_ptr<FamilyStore> store_;
};

}  // namespace detail

// T: Counter, Gauge, Histogram, Info or Summary; or a class that has a `metric_type` and a thread-
// safe `ClientMetric Collect() const`.
//
// Thread-safe. References that Add gave are valid until Remove or the family's end.
template <typename T>
class POLYMETER_EXPORT Family : public detail::FamilyBase {
 public:
  // Throws std::invalid_argument for a name that CheckMetricName or CheckLabelName refuses.
  Family(const std::string& name, const std::string& help, const Labels& constant_labels)
      : FamilyBase(detail::InstrumentTypeOf<T>::Get(), name, help, constant_labels) {
    this->NoteClass();
  }

  // The metric with these labels, made with `args` when there is none yet. Metrics of one family
  // may have different label names. Throws std::invalid_argument for a name that CheckLabelName
  // refuses or that is a constant label's, and what T's constructor throws. A label's value that is
  // not UTF-8 is repaired.
  template <typename... Args>
  T& Add(const Labels& labels, Args&&... args) {
    void* known = this->FindInstrument(labels);
    if (known == nullptr) {
      std::unique_ptr<T> made(new T(std::forward<Args>(args)...));
      known = this->AddInstrument(labels, made.get());
      static_cast<void>(made.release());
    }
    return *static_cast<T*>(known);
  }

  // Destroys the metric. Does nothing when this family has no such metric.
  void Remove(T* metric) { this->RemoveInstrument(metric); }

  bool Has(const Labels& labels) const { return this->FindInstrument(labels) != nullptr; }

  const std::string& GetName() const { return this->FamilyName(); }
  const Labels GetConstantLabels() const { return this->ConstantLabels(); }

  // One family, or none when it has no metric.
  std::vector<MetricFamily> Collect() const override { return this->CollectInstruments(); }
};

}  // namespace prometheus
