// What an adapter's table says of one family. The same row makes the family and its line in the
// documentation (test/docs), so that the two cannot differ.
#pragma once

#include <string_view>

#include "polymeter/options.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct FamilyRow {
  MetricType type;
  std::string_view name;  // after the adapter's prefix, where it has one
  std::string_view help;
  std::string_view unit = {};       // Prometheus' word: "seconds", "bytes", "ratio"
  std::string_view labels = {};     // comma-separated: "method,path,status"
  std::string_view otel_name = {};  // where a semantic convention names it
  // Comma-separated label=attribute: "method=http.request.method,path=http.route"; without a label
  // an attribute of every series: "=rpc.system.name=jsonrpc"
  std::string_view otel_attributes = {};
  bool additive = false;  // a gauge that is a sum (UpDownCounter)
};

// For Metrics' families and FamilySink::BeginFamily alike; add Buckets where needed.
FamilyOptions OptionsOf(const FamilyRow& row);

}  // namespace detail
POLYMETER_END_NAMESPACE
