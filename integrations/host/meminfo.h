// Memory: /proc/meminfo.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

struct MemoryField {
  std::string name;  // "MemAvailable", "Active_anon" (of Active(anon)), "HugePages_Free"
  double value;      // bytes, or a count
  bool bytes;        // the line has a unit, which is always kB and means 1024 bytes
};

// Every line that is one, whatever its field: kernels add some. What is no part of a metric's name
// becomes '_'.
std::vector<MemoryField> ParseMemInfo(std::string_view text);
void Write(const std::vector<MemoryField>& fields, FamilySink& sink);

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
