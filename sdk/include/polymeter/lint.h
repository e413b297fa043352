// Families that break the naming rules, as a report: for a test, or for start-up. C++17.
//
//   EXPECT_TRUE(polymeter::Lint(metrics).ok()) << polymeter::Lint(metrics).ToText();
//
// Registration refuses what no backend can carry; this finds what is valid and misleads. The rules
// are those of Prometheus' naming practice (https://prometheus.io/docs/practices/naming/) as
// `promtool check metrics` applies them, and two of our own, marked *:
//
//   help            no help text
//   counter_total   a counter without _total
//   total_suffix    _total on another type (not of unknown type)
//   base_unit       a unit that is not Prometheus' base unit: milliseconds, kilobytes, hours (and
//                   mebibytes, which promtool does not know)
//   abbreviated     an abbreviated unit: _ms, _kb, _sec
//   type_in_name    the name says a type: jobs_counter
//   reserved_suffix _bucket, _sum or _count on a type that has no such samples
//   reserved_label  `le` or `quantile` on a type to which it does not belong
//   colon           ':' is for recording rules
//   camel_case      camelCase in a name or a label name
//   unit_suffix   * the family has a unit and its name does not end in it (before _total)
//   created_suffix* _created, which OpenMetrics writes itself
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "polymeter/export.h"
#include "polymeter/metrics.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE

// A rule that a family breaks.
struct LintProblem {
  std::string family;     // as Prometheus sees it: an info ends in _info
  std::string_view rule;  // one of the above; static
  std::string message;    // what is wrong, and what to write instead
};

// What Lint found.
struct LintReport {
  std::vector<LintProblem> problems;  // ordered by family, then by the order of the rules above
  // Nothing was found.
  bool ok() const noexcept { return problems.empty(); }
  // A line for every problem: "jobs: counter_total: ...".
  POLYMETER_EXPORT std::string ToText() const;
};

// Of every family of the snapshot, also those of producers and those without series; a family of a
// producer is known only while it is there. Each rule is reported once a family. Thread-safe.
POLYMETER_EXPORT LintReport Lint(const Snapshot& snapshot);
// Of what a Metrics holds now.
POLYMETER_EXPORT LintReport Lint(const Metrics& metrics);

POLYMETER_END_NAMESPACE
