// What BuildCounter() and its like return: the description of a family until it is registered.
// Include counter.h and so on instead. C++14.
#pragma once

#include <string>

#include "polymeter/export.h"
#include "prometheus/labels.h"

namespace prometheus {

template <typename T>
class Family;
class Registry;

namespace detail {

template <typename T>
class POLYMETER_EXPORT Builder {
 public:
  Builder& Labels(const ::prometheus::Labels& labels) {
    labels_ = labels;
    return *this;
  }
  Builder& Name(const std::string& name) {
    name_ = name;
    return *this;
  }
  Builder& Help(const std::string& help) {
    help_ = help;
    return *this;
  }
  // The family, owned by the registry. Throws as Family's constructor does, and
  // std::invalid_argument for a name that the registry has already and does not merge. Defined in
  // registry.h, and in the library for its own types.
  Family<T>& Register(Registry& registry);

 private:
  ::prometheus::Labels labels_;
  std::string name_;
  std::string help_;
};

}  // namespace detail
}  // namespace prometheus
