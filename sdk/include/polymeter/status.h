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
  // A failure.
  static Status Error(std::string reason) {
    Status status;
    status.failed_ = true;
    status.reason_ = std::move(reason);
    return status;
  }
  // Whether it went well.
  bool ok() const noexcept { return !failed_; }
  // The same: `if (!status) ...`.
  explicit operator bool() const noexcept { return ok(); }
  // The reason; empty on success.
  const std::string& message() const noexcept { return reason_; }

 private:
  bool failed_ = false;
  std::string reason_;
};

// A T, or the reason why there is none. T is default-constructed on failure
// (a no-op handle), so value() is always safe to call.
template <class T>
class [[nodiscard]] Result {
 public:
  // Success.
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit
  // A failure: `error` is one.
  Result(Status error) : status_(std::move(error)) {}  // NOLINT: implicit
  // Whether there is a value.
  bool ok() const noexcept { return status_.ok(); }
  // The same: `if (auto result = ...)`.
  explicit operator bool() const noexcept { return ok(); }
  // The success, or the failure.
  const Status& status() const noexcept { return status_; }
  // The reason; empty on success.
  const std::string& message() const noexcept { return status_.message(); }
  // The value, or T's default on failure.
  T& value() & noexcept { return value_; }
  const T& value() const& noexcept { return value_; }
  T&& value() && noexcept { return std::move(value_); }
  // A member of value().
  T* operator->() noexcept { return &value_; }
  // value().
  T& operator*() & noexcept { return value_; }
  T&& operator*() && noexcept { return std::move(value_); }

 private:
  Status status_;
  T value_{};
};

POLYMETER_END_NAMESPACE
