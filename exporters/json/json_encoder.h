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
// - A histogram that has exponential buckets (Prometheus' native, OpenTelemetry's exponential ones)
//   has them in `native`: {"schema": 3, "zero_threshold": 1e-128, "zero_count": 0,
//   "positive": {"first": -2, "counts": [1, 0, 4]}, "negative": {"first": 0, "counts": []},
//   "positive_infinite": 0, "negative_infinite": 0, "count": 5}. Counts are not cumulative; with
//   base = 2^(2^-schema), the bucket of index i is (base^(i-1), base^i], below zero
//   [-base^i, -base^(i-1)), and `first` is the index of the first count. Zero is what is not
//   further away from it than zero_threshold. Where it has no others, `buckets` is "+Inf" alone.
// - Of what keeps exemplars and has some, a counter has one as `exemplar`, a histogram has
//   `exemplars`: [{"value": 0.25, "time": "...", "trace_id": "4bf9...", "span_id": "00f0...",
//   "labels": {}}]; the ids in hex, and only where there was a trace.
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
