// What tests of transports share.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "polymeter/push_backend.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

// A deadline that only a hanging transport misses.
inline Deadline Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(5); }

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void ExpectRejected(const SendResult& result, std::string_view reason) {
  EXPECT_EQ(result.outcome, SendResult::Outcome::kRejected);
  EXPECT_EQ(result.reason, reason) << result.message;
  EXPECT_FALSE(result.message.empty());
}

}  // namespace testing
POLYMETER_END_NAMESPACE
