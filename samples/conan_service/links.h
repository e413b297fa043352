// The links that the service keeps: a short code for each address.
#pragma once

#include <polymeter/polymeter.h>

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

// Thread-safe.
class Links {
 public:
  enum class Refusal { kNone, kNotAnAddress, kFull };

  // Keeps at most `limit` links.
  Links(const polymeter::Metrics& metrics, std::size_t limit);

  struct Added {
    Refusal refusal = Refusal::kNone;
    std::string code;  // when not refused
  };
  // The code of an http or https address: the same one for the same address.
  Added Add(std::string_view address);

  std::optional<std::string> Find(std::string_view code);

 private:
  const std::size_t limit_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::string> address_of_;  // by code
  std::unordered_map<std::string, std::string> code_of_;     // by address

  polymeter::CounterFamily<1> submitted_;
  polymeter::CounterFamily<1> followed_;
  polymeter::Histogram length_;
  polymeter::Gauge stored_;
};
