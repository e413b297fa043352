// Sources of snapshots for backends under test, and what to look for in what they deliver.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/backend.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// Always the same snapshot.
class FixedSource : public SnapshotSource {
 public:
  explicit FixedSource(Snapshot snapshot) : snapshot_(std::move(snapshot)) {}

  Snapshot TakeSnapshot(Deadline) override {
    ++taken_;
    return snapshot_;
  }
  void Log(LogLevel, std::string_view message) override {
    const std::lock_guard lock(mutex_);
    messages_.emplace_back(message);
  }

  int taken() const { return taken_; }
  std::vector<std::string> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  const Snapshot snapshot_;
  std::atomic<int> taken_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> messages_;
};

// Whether bytes of an unknown format hold a number: in decimal, as a protobuf varint, or in
// eight bytes as an integer or a double.
inline bool HoldsNumber(const std::vector<std::string>& messages, std::uint64_t number) {
  const auto eight = [](std::uint64_t bits) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>((bits >> (8 * i)) & 0xFF);
    return bytes;
  };
  std::string varint;
  for (std::uint64_t rest = number; varint.empty() || rest != 0; rest >>= 7) {
    varint += static_cast<char>((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0));
  }
  const std::string forms[] = {std::to_string(number), varint, eight(number),
                               eight(std::bit_cast<std::uint64_t>(static_cast<double>(number)))};
  return std::any_of(messages.begin(), messages.end(), [&forms](const std::string& message) {
    return std::any_of(std::begin(forms), std::end(forms), [&message](const std::string& form) {
      return message.find(form) != std::string::npos;
    });
  });
}

}  // namespace testing
POLYMETER_END_NAMESPACE
