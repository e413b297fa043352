// Options of a backend: how a row of the table declares them, and the values that a backend
// gets. The same declarations give the checks and Describe().
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/options.h"
#include "sdk/src/env.h"
#include "sdk/src/problems.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Where a value came from, when it is no variable's name.
inline constexpr std::string_view kFromDefault = "default";
inline constexpr std::string_view kFromOptions = "options";

enum class OptionKind : std::uint8_t {
  kText,
  kBool,      // true, false, 1, 0, yes, no, on, off; in OTEL_* only `true` is true
  kInteger,   // min to max
  kNumber,    // a finite double, min to max
  kDuration,  // 250ms, 10s, 5m, 1h; min and max in milliseconds. In OTEL_* integer milliseconds
  kChoice,    // one of `choices`, any case; the value is as `choices` writes it
  kList,      // comma-separated
  kPairs,     // k=v,k=v; percent-encoded (W3C Baggage, as OTEL_* have it)
};

// One option: METRICS_<BACKEND>_<NAME> in the environment and in Options::Set. All texts are
// static.
struct OptionSpec {
  std::string_view name;  // lower case: "port" of prometheus is METRICS_PROMETHEUS_PORT
  OptionKind kind = OptionKind::kText;
  std::string_view default_value = {};  // as somebody would write it in the environment
  std::string_view help = {};           // one sentence
  std::string_view choices = {};        // of kChoice: "http/protobuf,http/json,grpc"
  // The standards' variables that count when METRICS_* is not set, comma-separated, the first
  // one that is set wins: "OTEL_EXPORTER_PROMETHEUS_PORT".
  std::string_view standard = {};
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  bool secret = false;  // "***" in Describe() and in messages
  bool url = false;     // its user:password is "***" there
  // A further check of a value that is right for its kind; `accepts` then says what is wanted.
  bool (*valid)(std::string_view value) = nullptr;
  std::string_view accepts = {};  // what is accepted, in words; empty: from kind, min, max, choices
};

// What is accepted, in words: "an integer from 0 to 65535".
std::string Accepts(const OptionSpec& spec);

// The same in one of the standards' variables: OpenTelemetry's durations are integer milliseconds.
std::string Accepts(const OptionSpec& spec, std::string_view variable);
// "duration"
std::string_view ToString(OptionKind kind) noexcept;

// METRICS_PROMETHEUS_PORT
std::string VariableName(std::string_view backend, std::string_view option);

// The values of one backend's options: every one is there and right for its kind, because a bad
// one has been reported and replaced by what comes next (the standard's variable, the code's
// options, the default). Asking for a name or kind that the specs do not have is a
// mistake in the backend: an assertion, and an empty value without assertions.
class POLYMETER_EXPORT BackendOptions {
 public:
  BackendOptions() = default;

  const std::string& Text(std::string_view name) const;  // of any kind: as it was written
  bool Bool(std::string_view name) const;
  std::int64_t Integer(std::string_view name) const;
  double Number(std::string_view name) const;
  std::chrono::milliseconds Duration(std::string_view name) const;  // 0 where min allows it
  const std::string& Choice(std::string_view name) const { return Text(name); }
  const std::vector<std::string>& List(std::string_view name) const;
  const StringPairs& Pairs(std::string_view name) const;
  // Where the value came from: "default", "options" or the name of the variable.
  const std::string& Source(std::string_view name) const;

  // The same as METRICS_<BACKEND>_<NAME>, value (secrets masked), source.
  std::vector<Setting> Describe() const;

 private:
  friend BackendOptions ResolveOptions(std::string_view backend, std::span<const OptionSpec> specs,
                                       const Environment& environment, const StringPairs& set,
                                       Problems& problems);
  struct Value {
    const OptionSpec* spec = nullptr;
    std::string variable;  // METRICS_PROMETHEUS_PORT
    std::string text;
    std::string source;
    std::int64_t integer = 0;  // bool, integer, milliseconds
    double number = 0;
    std::vector<std::string> list;
    StringPairs pairs;
  };
  const Value& Find(std::string_view name) const;
  static bool Parse(const OptionSpec& spec, std::string_view text, bool otel, Value& out);

  std::vector<Value> values_;
};

// default < `set` (Options::Set) < the standards' variables < METRICS_*. `specs` must outlive the
// result (a row's are static).
POLYMETER_EXPORT BackendOptions ResolveOptions(std::string_view backend,
                                               std::span<const OptionSpec> specs,
                                               const Environment& environment,
                                               const StringPairs& set, Problems& problems);

}  // namespace detail
POLYMETER_END_NAMESPACE
