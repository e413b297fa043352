// Errors as values: nothing in polymeter throws into the application after start-up.
#pragma once

#include <string>
#include <utility>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE

// Success, or the reason of a failure in words for a person.
class [[nodiscard]] Status {
 public:
  Status() = default;  // success
  static Status Error(std::string reason) {
    Status status;
    status.failed_ = true;
    status.reason_ = std::move(reason);
    return status;
  }
  bool ok() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return ok(); }
  const std::string& message() const noexcept { return reason_; }  // empty on success

 private:
  bool failed_ = false;
  std::string reason_;
};

// A T, or the reason why there is none. T is default-constructed on failure
// (a no-op handle), so value() is always safe to call.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}        // NOLINT: implicit
  Result(Status error) : status_(std::move(error)) {}  // NOLINT: implicit
  bool ok() const noexcept { return status_.ok(); }
  explicit operator bool() const noexcept { return ok(); }
  const Status& status() const noexcept { return status_; }
  const std::string& message() const noexcept { return status_.message(); }
  T& value() & noexcept { return value_; }
  const T& value() const& noexcept { return value_; }
  T&& value() && noexcept { return std::move(value_); }
  T* operator->() noexcept { return &value_; }
  T& operator*() & noexcept { return value_; }
  T&& operator*() && noexcept { return std::move(value_); }

 private:
  Status status_;
  T value_{};
};

POLYMETER_END_NAMESPACE
