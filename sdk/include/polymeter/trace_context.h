// The trace that the calling thread works for: what exemplars read and adapters fill. C++17.
//
// Ids as in W3C Trace Context (https://www.w3.org/TR/trace-context/); polymeter/tracing.h reads
// and writes its header. Nothing here makes traces: ids come from a caller or from the
// application's tracer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE

// A place in a trace. A value; all zero means "none".
struct TraceContext {
  static constexpr std::uint8_t kSampled = 0x01;        // the caller records this trace
  static constexpr std::uint8_t kRandomTraceId = 0x02;  // level 2 of the specification

  std::array<std::uint8_t, 16> trace_id{};  // in the order in which it is written
  std::array<std::uint8_t, 8> span_id{};    // the span that is active, or the caller's
  std::uint8_t flags = 0;                   // as received, unknown bits included

  // Neither id is all zero.
  bool valid() const noexcept { return AnyByte(trace_id) && AnyByte(span_id); }
  // Whether the caller records this trace.
  bool sampled() const noexcept { return (flags & kSampled) != 0; }

  // The trace's id in lower-case hex, no terminating zero.
  std::array<char, 32> TraceIdHex() const noexcept { return Hex<32>(trace_id); }
  // The same of the span.
  std::array<char, 16> SpanIdHex() const noexcept { return Hex<16>(span_id); }

  friend bool operator==(const TraceContext& a, const TraceContext& b) noexcept {
    return a.trace_id == b.trace_id && a.span_id == b.span_id && a.flags == b.flags;
  }
  friend bool operator!=(const TraceContext& a, const TraceContext& b) noexcept {
    return !(a == b);
  }

 private:
  template <std::size_t N>
  static bool AnyByte(const std::array<std::uint8_t, N>& bytes) noexcept {
    unsigned any = 0;
    for (const std::uint8_t byte : bytes) any |= byte;
    return any != 0;
  }
  template <std::size_t Digits, std::size_t N>
  static std::array<char, Digits> Hex(const std::array<std::uint8_t, N>& bytes) noexcept {
    static_assert(Digits == 2 * N, "two digits a byte");
    constexpr char kDigits[] = "0123456789abcdef";
    std::array<char, Digits> text{};
    for (std::size_t i = 0; i < N; ++i) {
      text[2 * i] = kDigits[bytes[i] >> 4];
      text[2 * i + 1] = kDigits[bytes[i] & 15];
    }
    return text;
  }
};

// The calling thread's trace: what the provider says, if there is one and its answer is valid, else
// what the innermost TraceScope set, else an invalid one. Lock-free, no allocation.
POLYMETER_EXPORT TraceContext CurrentTrace() noexcept;

// Sets the calling thread's trace for a scope, and then the one before again. An invalid one
// means "none here". Ends on the thread where it began, in the reverse order of beginning.
class [[nodiscard]] POLYMETER_EXPORT TraceScope {
 public:
  // Begins.
  explicit TraceScope(const TraceContext& trace) noexcept;
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;
  ~TraceScope();

 private:
  TraceContext previous_;
};

// For an application whose tracer (OpenTelemetry's, say) knows the current span: gives the
// calling thread's trace, an invalid one for none. Called from any thread on recording paths, so it
// must be quick and take no lock that is held while recording.
using TraceProvider = TraceContext (*)() noexcept;
// One for the process, set by `main` early; null takes it away. Thread-safe. Code with the provider
// in it must stay loaded until a thread that may be in it is done.
POLYMETER_EXPORT void SetTraceProvider(TraceProvider provider) noexcept;

POLYMETER_END_NAMESPACE
