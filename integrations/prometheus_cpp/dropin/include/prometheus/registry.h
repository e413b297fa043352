// Registry: owns families and shows all of them. C++14.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "polymeter/export.h"
#include "prometheus/collectable.h"
#include "prometheus/detail/builder.h"
#include "prometheus/family.h"
#include "prometheus/labels.h"
#include "prometheus/metric_family.h"

namespace prometheus {
namespace detail {
class RegistryStore;
}  // namespace detail

// Thread-safe.
class POLYMETER_EXPORT Registry : public Collectable {
 public:
  // What happens to a family whose name is there already.
  enum class InsertBehavior {
    Merge,  // the one of the same type and constant labels is given; of others:
            // std::invalid_argument
    Throw,  // std::invalid_argument
  };

  explicit Registry(InsertBehavior insert_behavior = InsertBehavior::Merge);
  ~Registry() override;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  Registry(Registry&&) = delete;
  Registry& operator=(Registry&&) = delete;

  std::vector<MetricFamily> Collect() const override;

  // Destroys the family and its metrics. False when this registry has no such family.
  template <typename T>
  bool Remove(const Family<T>& family) {
    return RemoveFamily(family);
  }

 private:
  template <typename T>
  friend class detail::Builder;

  template <typename T>
  static detail::FamilyBase* MakeFamily(const std::string& name, const std::string& help,
                                        const Labels& labels) {
    return new Family<T>(name, help, labels);
  }
  template <typename T>
  Family<T>& Add(const std::string& name, const std::string& help, const Labels& labels) {
    return static_cast<Family<T>&>(
        AddFamily(detail::InstrumentTypeOf<T>::Get(), &MakeFamily<T>, name, help, labels));
  }

  detail::FamilyBase& AddFamily(const detail::InstrumentType& type,
                                detail::FamilyBase* (*make)(const std::string&, const std::string&,
                                                            const Labels&),
                                const std::string& name, const std::string& help,
                                const Labels& labels);
  bool RemoveFamily(const detail::FamilyBase& family);

  const std::shared_ptr<detail::RegistryStore> store_;
};

namespace detail {

template <typename T>
Family<T>& Builder<T>::Register(Registry& registry) {
  return registry.template Add<T>(name_, help_, labels_);
}

}  // namespace detail
}  // namespace prometheus
