// Counts the calls of operator new in the whole program, libraries and threads included.
#pragma once

#include <cstdint>

namespace polymeter_bench {

// Counts from construction on; one at a time.
class AllocationCount {
 public:
  AllocationCount();
  ~AllocationCount();
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;
  std::uint64_t value() const;
};

}  // namespace polymeter_bench
