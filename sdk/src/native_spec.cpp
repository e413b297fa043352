#include "sdk/src/native_spec.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "sdk/src/native_cell.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

std::string NativeInWords(const NativeHistogramOptions& native) {
  char zero[32];
  std::snprintf(zero, sizeof(zero), "%g", native.zero_threshold());
  return "schema " + std::to_string(native.schema()) + ", at most " +
         std::to_string(native.max_buckets()) + ", zero within " + zero;
}

}  // namespace

Status CheckNative(std::string_view family, const NativeHistogramOptions& native) {
  if (native.schema() >= kCoarsestSchema && native.schema() <= kFinestSchema &&
      native.max_buckets() >= static_cast<int>(kFewestNativeBuckets) &&
      native.max_buckets() <= static_cast<int>(kMostNativeBuckets) &&
      native.zero_threshold() >= 0 && std::isfinite(native.zero_threshold())) {
    return {};
  }
  return Status::Error(
      "histogram " + ShownName(family) + ": exponential buckets have a schema of " +
      std::to_string(kCoarsestSchema) + " to " + std::to_string(kFinestSchema) + ", a maximum of " +
      std::to_string(kFewestNativeBuckets) + " to " + std::to_string(kMostNativeBuckets) +
      " and a finite zero threshold that is not negative, and it asks for " +
      NativeInWords(native));
}

bool SameNative(const std::optional<NativeHistogramOptions>& a,
                const std::optional<NativeHistogramOptions>& b) noexcept {
  if (!a || !b) return !a && !b;
  return a->schema() == b->schema() && a->max_buckets() == b->max_buckets() &&
         a->zero_threshold() == b->zero_threshold();
}

std::string DescribeNative(const NativeHistogramOptions& native) {
  return " with exponential buckets of " + NativeInWords(native);
}

std::optional<NativeHistogramOptions> ParseNative(std::string_view text) {
  constexpr std::string_view kNative = "native";
  if (text.substr(0, kNative.size()) != kNative) return std::nullopt;
  text.remove_prefix(kNative.size());
  if (text.empty()) return NativeHistogramOptions();
  if (text.front() != ':') return std::nullopt;
  text.remove_prefix(1);
  int schema = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), schema);
  if (error != std::errc() || end != text.data() + text.size() || schema < kCoarsestSchema ||
      schema > kFinestSchema) {
    return std::nullopt;
  }
  return NativeHistogramOptions().Schema(schema);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
