// Portability: what a backend does to a family that its format has no place for. C++17.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE

// A family as it was registered. Texts are valid during the call that gets it.
struct FamilyDescription {
  MetricType type = MetricType::kUnknown;  // what it is
  std::string_view name;                   // the Prometheus name, prefix included
  std::string_view unit;                   // as Prometheus writes it; may be empty
  std::string_view otel_name;              // empty: none was given
  std::vector<std::string_view> labels;    // their names
  bool additive = false;                   // a gauge that is a sum
  bool explicit_buckets = false;           // a histogram with bounds
  bool native = false;                     // a histogram with exponential buckets
  bool exemplars = false;                  // keeps exemplars
};

// What becomes of a family.
enum class PortabilityEffect : std::uint8_t {
  kRenamed,        // its samples have another name
  kLabelsInName,   // label values become parts of the name
  kUnitLost,       // the receiver does not learn the unit
  kTypeChanged,    // the receiver takes it for another type
  kNativeLost,     // exponential buckets are left out
  kExemplarsLost,  // exemplars are left out
  kNotCarried,     // nothing of it is written; said by an application's own backends only
};
// "renamed", "labels in the name", "unit lost", ...
POLYMETER_EXPORT std::string_view ToString(PortabilityEffect effect) noexcept;

// One thing that one backend does to one family.
struct PortabilityNote {
  std::string family;   // its name; filled in by the Metrics
  std::string backend;  // "prometheus"; of a backend that leaves it empty: "own"
  PortabilityEffect effect = PortabilityEffect::kNotCarried;  // what
  // Of kRenamed the new name, otherwise how it comes, in words.
  std::string detail;
  // The family could be described so that this does not happen (another name, explicit buckets):
  // said once in the log, when the family is made.
  bool avoidable = false;
};

// For a log: a line a note.
POLYMETER_EXPORT std::string ToString(const std::vector<PortabilityNote>& report);

POLYMETER_END_NAMESPACE
