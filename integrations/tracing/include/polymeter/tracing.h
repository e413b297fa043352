// Trace context that comes with a request and goes on to child processes. C++17.
//
//   polymeter::TraceparentReader reader(metrics);
//   const polymeter::TraceScope scope(reader.Read(request.header("traceparent")));
//
// The format is W3C Trace Context's traceparent (https://www.w3.org/TR/trace-context-2/, section
// 3.2). It makes no spans: the span id in a context is the caller's. The http adapter does this
// for each request.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "polymeter/metrics.h"
#include "polymeter/trace_context.h"

POLYMETER_BEGIN_NAMESPACE

// "00-<32 hex digits>-<16>-<2>", lower-case. Version 00 has exactly 55 bytes; of a higher version
// the first 55 are read, and the end or '-' must follow. Nothing for anything else: version ff, a
// trace or span id of zeros, upper-case digits, white space (the server's parser takes that off),
// two headers joined by a comma. Takes any bytes.
POLYMETER_EXPORT std::optional<TraceContext> ParseTraceparent(std::string_view header) noexcept;

// Version 00; of the flags only those that the specification defines (sampled, random trace id).
// Empty for an invalid context.
POLYMETER_EXPORT std::string FormatTraceparent(const TraceContext& trace);

// "TRACEPARENT=00-..." of CurrentTrace(), to be put into the environment of a child process, so
// that what it does belongs to the same trace; empty when there is no trace. A program that was
// started so passes the variable's value to ParseTraceparent.
POLYMETER_EXPORT std::string ChildTraceparent();

// Parses headers and counts them in traceparent_headers_total{result="valid|invalid"}. Thread-safe;
// copies share the families.
class POLYMETER_EXPORT TraceparentReader {
 public:
  explicit TraceparentReader(const Metrics& metrics);

  // An invalid context for an invalid header, which is counted, or an empty one, which is not.
  // Parses also where nothing is recorded.
  TraceContext Read(std::string_view header) const noexcept;

 private:
  Counter valid_;
  Counter invalid_;
};

POLYMETER_END_NAMESPACE
