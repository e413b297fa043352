// Family: the metrics of one name, told apart by their labels. C++14.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
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

// Memory for one of the library's own instruments. Those of one size lie side by side, so that a
// loop over many of them finds them in few cache lines.
class POLYMETER_EXPORT InstrumentPlace {
 public:
  explicit InstrumentPlace(std::size_t size);  // throws std::bad_alloc
  ~InstrumentPlace() { Free(place_, size_); }
  InstrumentPlace(const InstrumentPlace&) = delete;
  InstrumentPlace& operator=(const InstrumentPlace&) = delete;

  void* get() const { return place_; }
  void Release() { place_ = nullptr; }
  static void Free(void* place, std::size_t size);

 private:
  void* place_;
  const std::size_t size_;
};

template <typename T>
struct InstrumentTypeOf {
  using Native =
      std::integral_constant<bool,
                             std::is_same<T, Counter>::value || std::is_same<T, Gauge>::value ||
                                 std::is_same<T, Histogram>::value ||
                                 std::is_same<T, Info>::value || std::is_same<T, Summary>::value>;

  template <typename... Args>
  static T* Make(std::true_type, Args&&... args) {
    InstrumentPlace place(sizeof(T));
    T* const made = ::new (place.get()) T(std::forward<Args>(args)...);
    place.Release();
    return made;
  }
  template <typename... Args>
  static T* Make(std::false_type, Args&&... args) {
    return new T(std::forward<Args>(args)...);
  }
  static void Destroy(T* instrument, std::true_type) {
    instrument->~T();
    InstrumentPlace::Free(instrument, sizeof(T));
  }
  static void Destroy(T* instrument, std::false_type) { delete instrument; }

  static ClientMetric Collect(const void* instrument) {
    return static_cast<const T*>(instrument)->Collect();
  }
  static void Destroy(void* instrument) { Destroy(static_cast<T*>(instrument), Native()); }
  static InstrumentType Get() { return {T::metric_type, Native::value, &Collect, &Destroy}; }

  void operator()(T* instrument) const { Destroy(instrument, Native()); }
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
      using Type = detail::InstrumentTypeOf<T>;
      std::unique_ptr<T, Type> made(
          Type::Make(typename Type::Native(), std::forward<Args>(args)...));
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
