// W3C traceparent, level 2 (https://www.w3.org/TR/trace-context-2/#traceparent-header).
#include "polymeter/tracing.h"

#include <array>
#include <cstdint>

#include "integrations/tracing/tracing_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

constexpr std::size_t kVersion = 0;
constexpr std::size_t kTraceId = 3;
constexpr std::size_t kSpanId = 36;
constexpr std::size_t kFlags = 53;
constexpr std::size_t kLength = 55;  // of version 00
constexpr std::uint8_t kNoVersion = 0xff;

// False when any of the digits is no lower-case hex digit. Without a table or a branch, so that
// compilers do many digits at once: this runs for each request.
template <std::size_t N>
bool ReadHex(const char* digits, std::array<std::uint8_t, N>& bytes) noexcept {
  constexpr std::size_t kDigits = 2 * N;
  std::array<std::uint8_t, kDigits> values;
  std::uint8_t bad = 0;
  for (std::size_t i = 0; i < kDigits; ++i) {
    const auto decimal = static_cast<std::uint8_t>(digits[i] - '0');
    const auto letter = static_cast<std::uint8_t>(digits[i] - 'a');
    values[i] = decimal < 10 ? decimal : static_cast<std::uint8_t>(letter + 10);
    bad |=
        static_cast<std::uint8_t>(static_cast<int>(decimal >= 10) & static_cast<int>(letter >= 6));
  }
  for (std::size_t i = 0; i < N; ++i) {
    bytes[i] = static_cast<std::uint8_t>(values[2 * i] << 4 | (values[2 * i + 1] & 15));
  }
  return bad == 0;
}

}  // namespace

std::optional<TraceContext> ParseTraceparent(std::string_view header) noexcept {
  if (header.size() < kLength) return std::nullopt;
  const char* const text = header.data();
  if (text[kTraceId - 1] != '-' || text[kSpanId - 1] != '-' || text[kFlags - 1] != '-') {
    return std::nullopt;
  }
  std::array<std::uint8_t, 1> version;
  std::array<std::uint8_t, 1> flags;
  TraceContext trace;
  if (!ReadHex(text + kVersion, version) || !ReadHex(text + kTraceId, trace.trace_id) ||
      !ReadHex(text + kSpanId, trace.span_id) || !ReadHex(text + kFlags, flags)) {
    return std::nullopt;
  }
  if (version[0] == kNoVersion) return std::nullopt;
  if (header.size() > kLength && (version[0] == 0 || text[kLength] != '-')) return std::nullopt;
  trace.flags = flags[0];
  if (!trace.valid()) return std::nullopt;
  return trace;
}

std::string FormatTraceparent(const TraceContext& trace) {
  if (!trace.valid()) return {};
  const auto trace_id = trace.TraceIdHex();
  const auto span_id = trace.SpanIdHex();
  constexpr auto kKnown = TraceContext::kSampled | TraceContext::kRandomTraceId;
  std::string text;
  text.reserve(kLength);
  text.append("00-").append(trace_id.data(), trace_id.size());
  text.append("-").append(span_id.data(), span_id.size());
  text.append("-0").push_back(static_cast<char>('0' + (trace.flags & kKnown)));
  return text;
}

std::string ChildTraceparent() {
  const std::string text = FormatTraceparent(CurrentTrace());
  return text.empty() ? text : "TRACEPARENT=" + text;
}

TraceparentReader::TraceparentReader(const Metrics& metrics) {
  const detail::FamilyRow& row = detail::kTracingFamilies[0];
  const auto headers = metrics.Counter(row.name, row.help, {"result"}, detail::OptionsOf(row));
  valid_ = headers.With("valid");
  invalid_ = headers.With("invalid");
}

TraceContext TraceparentReader::Read(std::string_view header) const noexcept {
  if (header.empty()) return {};
  const std::optional<TraceContext> trace = ParseTraceparent(header);
  (trace ? valid_ : invalid_).Increment();
  return trace.value_or(TraceContext());
}

POLYMETER_END_NAMESPACE
