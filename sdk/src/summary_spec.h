// What a summary family was asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/options.h"
#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Checked.
struct SummarySpec {
  std::vector<double> quantiles;
  std::int64_t max_age = 0;  // nanoseconds
  std::uint32_t age_buckets = 0;
  friend bool operator==(const SummarySpec&, const SummarySpec&) = default;
};

// Sets `spec`, or says what is wrong with the options of the family `name`, and what is accepted.
Status CheckSummary(std::string_view name, const SummaryOptions& options, SummarySpec& spec);

// " with quantiles 0.5 0.9 of 600000 ms in 5 steps", for an error that names two families.
std::string InWords(const SummarySpec& spec);

}  // namespace detail
POLYMETER_END_NAMESPACE
