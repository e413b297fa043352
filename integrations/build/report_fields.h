// Takes typed fields out of a parsed JSON object and remembers the first one that is wrong.
// Internal to build_report.cpp.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace build {

class FieldReader {
 public:
  // Refers to all three; `path` names the object in messages, "" the outermost one.
  FieldReader(const nlohmann::json& object, std::string path, std::string& error)
      : object_(object), path_(std::move(path)), error_(error) {
    if (!object_.is_object()) Fault("", "is no object");
  }

  // A field that has to be there.
  template <class T>
  void Need(const char* name, T& value) const {
    const nlohmann::json* const field = Find(name);
    if (field == nullptr) {
      Fault(name, "is missing");
    } else {
      Take(*field, name, value);
    }
  }
  // One that may be missing or null; `value` then stays.
  template <class T>
  void Read(const char* name, T& value) const {
    const nlohmann::json* const field = Find(name);
    if (field != nullptr && !field->is_null()) Take(*field, name, value);
  }
  template <class T>
  void Read(const char* name, std::optional<T>& value) const {
    const nlohmann::json* const field = Find(name);
    if (field == nullptr || field->is_null()) return;
    T one{};
    Take(*field, name, one);
    value = std::move(one);
  }
  template <class Reader>
  void Object(const char* name, Reader&& read) const {
    const nlohmann::json* const field = Find(name);
    if (field != nullptr && !field->is_null()) read(FieldReader(*field, PathOf(name), error_));
  }
  // Ends at the first row with a fault.
  template <class Reader>
  void Objects(const char* name, Reader&& read) const {
    const nlohmann::json* const field = Find(name);
    if (field == nullptr || field->is_null()) return;
    if (!field->is_array()) return Fault(name, "is no array");
    for (std::size_t i = 0; i < field->size() && error_.empty(); ++i) {
      read(FieldReader((*field)[i], PathOf(name) + "[" + std::to_string(i) + "]", error_));
    }
  }

 private:
  const nlohmann::json* Find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto at = object_.find(name);
    return at == object_.end() ? nullptr : &*at;
  }
  std::string PathOf(std::string_view name) const {
    if (path_.empty() || name.empty()) return path_ + std::string(name);
    return path_ + "." + std::string(name);
  }
  void Fault(std::string_view name, std::string_view what) const {
    if (!error_.empty()) return;
    const std::string path = PathOf(name);
    error_ = (path.empty() ? "it" : path) + " " + std::string(what);
  }

  void Take(const nlohmann::json& field, const char* name, std::string& value) const {
    if (!field.is_string()) return Fault(name, "is no string");
    value = field.get_ref<const std::string&>();
  }
  // Every number of a report is a duration or a share.
  void Take(const nlohmann::json& field, const char* name, double& value) const {
    if (!field.is_number()) return Fault(name, "is no number");
    const double number = field.get<double>();
    if (!std::isfinite(number) || number < 0) return Fault(name, "is negative");
    value = number;
  }
  template <std::integral Integer>
  void Take(const nlohmann::json& field, const char* name, Integer& value) const {
    const auto fits = [&](auto number) { return std::in_range<Integer>(number); };
    if (field.is_number_unsigned() && fits(field.get<std::uint64_t>())) {
      value = static_cast<Integer>(field.get<std::uint64_t>());
    } else if (field.is_number_integer() && !field.is_number_unsigned() &&
               fits(field.get<std::int64_t>())) {
      value = static_cast<Integer>(field.get<std::int64_t>());
    } else {
      Fault(name, "is no whole number in range");
    }
  }
  void Take(const nlohmann::json& field, const char* name, std::vector<std::string>& value) const {
    if (!field.is_array()) return Fault(name, "is no array");
    for (const nlohmann::json& one : field) {
      if (!one.is_string()) return Fault(name, "has an entry that is no string");
      value.push_back(one.get_ref<const std::string&>());
    }
  }

  const nlohmann::json& object_;
  const std::string path_;
  std::string& error_;
};

}  // namespace build
}  // namespace detail
POLYMETER_END_NAMESPACE
