// JSON, one document a snapshot; and JSON Lines, the same document in one line.
//
//   {"time": "2026-01-31T23:59:59.250Z", "time_unix_nanos": "1769903999250000000",
//    "resource": {"service.name": "transcriber", ...},
//    "families": [{"name": "jobs_total", "type": "counter", "help": "Jobs.", "unit": "",
//                  "series": [{"labels": {"model": "large"}, "start_time": "...", "value": 3}]}]}
//
// - `type`: counter, gauge, histogram, summary, info, unknown. Families are ordered by name; one
//   without series is left out.
// - A series of a counter, gauge or unknown has `value`; of an info nothing more.
//   Of a histogram `count`, `sum` and `buckets` [{"le": "0.1", "count": 7}], cumulative, the last
//   one with le "+Inf"; of a summary `count`, `sum` and `quantiles` [{"quantile": "0.5",
//   "value": 1}]. `le` and `quantile` are strings, as in Prometheus' labels.
// - `start_time` of counters, histograms and summaries: since when the series counts from zero;
//   only where it is known.
// - A number that JSON or its usual readers cannot hold is a string of it: "NaN", "+Inf", "-Inf",
//   and integers above 2^53, exact. Everything else is a JSON number in the shortest form that
//   reads back the same. time_unix_nanos is always a string.
// - Keys are unique; constant labels are among `labels`. Bytes that are not UTF-8 are U+FFFD.
//
// Every point is carried; a snapshot is one message, which ends in LF.
#pragma once

#include <cstdint>
#include <memory>

#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE

enum class JsonStyle : std::uint8_t {
  kCompact,
  kPretty,  // indented, a series a line
};

std::unique_ptr<Encoder> MakeJsonEncoder(JsonStyle style = JsonStyle::kCompact);
// A compact document with the media type of JSON Lines.
std::unique_ptr<Encoder> MakeJsonLinesEncoder();

POLYMETER_END_NAMESPACE
