// Words for a person.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "integrations/cli/child.h"

namespace polymeter::cli {

// "ended with 0", "was ended by signal 15 (Terminated)"
std::string EndInWords(const Outcome& outcome);
std::string SecondsInWords(double seconds);
inline std::string SecondsInWords(std::chrono::duration<double> time) {
  return SecondsInWords(time.count());
}
std::string BytesInWords(std::uint64_t bytes);

}  // namespace polymeter::cli
