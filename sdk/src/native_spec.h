// What a family may ask for of its exponential buckets, in words and checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "polymeter/options.h"
#include "polymeter/status.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// An error that says what is accepted.
Status CheckNative(std::string_view family, const NativeHistogramOptions& native);
bool SameNative(const std::optional<NativeHistogramOptions>& a,
                const std::optional<NativeHistogramOptions>& b) noexcept;
// " with exponential buckets of schema 3, at most 160, zero within 1e-9".
std::string DescribeNative(const NativeHistogramOptions& native);

// "native" or "native:SCHEMA", as METRICS_BUCKETS has it; nothing when it is neither.
std::optional<NativeHistogramOptions> ParseNative(std::string_view text);

}  // namespace detail
POLYMETER_END_NAMESPACE
