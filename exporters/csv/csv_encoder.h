// CSV (RFC 4180), one number a row, so that new labels never change the columns:
//
//   timestamp,name,type,labels,field,value
//   2026-01-31T23:59:59.250Z,jobs_total,counter,"{""model"":""large""}",value,3
//   2026-01-31T23:59:59.250Z,lat_seconds,histogram,"{""le"":""0.1""}",bucket,7
//   2026-01-31T23:59:59.250Z,lat_seconds,histogram,"{""le"":""+Inf""}",bucket,9
//   2026-01-31T23:59:59.250Z,lat_seconds,histogram,{},count,9
//   2026-01-31T23:59:59.250Z,lat_seconds,histogram,{},sum,3.5
//
// - `timestamp`: RFC 3339 in UTC, cut to the millisecond. `type`: counter, gauge, histogram,
//   summary, info, unknown. `labels`: a JSON object of strings, constant labels among them, keys
//   unique.
// - `field`: `value` (of an info: 1); of a histogram a `bucket` for each bound, cumulative, the
//   bound in the label le, then `count` and `sum`; of a summary a `quantile` for each, in the
//   label quantile, then `count` and `sum`.
// - A histogram's exponential buckets (Prometheus' native ones) are `native_bucket` rows behind the
//   others: cumulative as well, with le for each bound at which a bucket that counted something
//   ends and each at which buckets that counted nothing end, so that what lies between two rows
//   lies in one bucket or is nothing. A bucket of one value alone (the zero bucket of a threshold
//   of 0) has one row, and the empty stretch before it has none: two rows would have one le. Bounds
//   below zero do not belong to what is below them. Its resolution is `native_schema`.
// - `value`: digits of an integer, exact; else the shortest form that reads back the same; NaN,
//   +Inf, -Inf.
// - Help, unit, start times, resource and exemplars have no place.
//
// - `name`: a name that is not [a-zA-Z_:][a-zA-Z0-9_:]* is quoted; one that holds a control
//   character, a quote, ; or | or begins with a space or one of = + - @ is a JSON string
//   ("""a\nb"""), to be known by the quote that its cell begins with.
//
// No cell holds a line break: a label's is \n in its JSON. No cell of text begins with a character
// that makes a spreadsheet calculate (= + - @): labels begin with {.
// A spreadsheet that splits at ; or | instead of commas would find such cells inside of labels;
// so these two are written as JSON's \u003b and \u007c, which reads back the same.
//
// Every point is carried; a snapshot is one message.
#pragma once

#include <memory>
#include <string>

#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE

struct CsvOptions {
  bool header = true;           // each message begins with the names of the columns
  bool crlf = true;             // rows end as RFC 4180 says; else in LF
  bool defuse_formulas = true;  // ; and | in labels as \u003b and \u007c
};

std::unique_ptr<Encoder> MakeCsvEncoder(CsvOptions options = {});
// The row with the names of the columns, for a file that many messages are appended to.
std::string CsvHeader(const CsvOptions& options);

POLYMETER_END_NAMESPACE
