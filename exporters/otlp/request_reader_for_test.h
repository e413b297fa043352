// Reads requests back with protozero's reader, into plain structs that tests compare.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

using ReadAttributes = std::map<std::string, std::string>;  // "text", "int:5", "bool:1"

struct ReadRange {
  std::int32_t offset = 0;
  std::vector<std::uint64_t> counts;
};

struct ReadExemplar {
  ReadAttributes attributes;
  std::optional<std::uint64_t> time;
  std::optional<double> as_double;
  std::optional<std::int64_t> as_int;
  std::string trace_id;  // bytes
  std::string span_id;
};

struct ReadPoint {
  ReadAttributes attributes;
  std::optional<std::uint64_t> start;
  std::optional<std::uint64_t> time;
  std::optional<double> as_double;
  std::optional<std::int64_t> as_int;
  std::optional<std::uint64_t> count;
  std::optional<double> sum;
  std::vector<std::uint64_t> buckets;
  std::vector<double> bounds;
  std::vector<std::pair<double, double>> quantiles;
  std::optional<std::int32_t> scale;
  std::optional<std::uint64_t> zero_count;
  std::optional<double> zero_threshold;
  std::optional<ReadRange> positive;
  std::optional<ReadRange> negative;
  std::vector<ReadExemplar> exemplars;
};

struct ReadMetric {
  std::string name;
  std::string description;
  std::string unit;
  std::string data;  // "gauge", "sum", "histogram", "exponential", "summary"
  int temporality = 0;
  bool monotonic = false;
  ReadAttributes metadata;
  std::vector<ReadPoint> points;
};

struct ReadRequest {
  ReadAttributes resource;
  std::string scope_name;
  std::string scope_version;
  std::vector<ReadMetric> metrics;
};

// Throws on what the message must not have: unknown fields, a field twice, a point without value.
class RequestReader {
 public:
  static ReadRequest Read(std::string_view bytes) {
    ReadRequest out;
    protozero::pbf_reader request(bytes.data(), bytes.size());
    Need(request.next(1), "no ResourceMetrics");
    protozero::pbf_reader resource_metrics = request.get_message();
    Need(!request.next(), "more than one ResourceMetrics");
    Need(resource_metrics.next(1), "no Resource");
    protozero::pbf_reader resource = resource_metrics.get_message();
    while (resource.next()) {
      Need(resource.tag() == 1, "field of Resource");
      AddKeyValue(out.resource, resource.get_message());
    }
    Need(resource_metrics.next(2), "no ScopeMetrics");
    protozero::pbf_reader scope_metrics = resource_metrics.get_message();
    Need(!resource_metrics.next(), "more than one ScopeMetrics");
    Need(scope_metrics.next(1), "no InstrumentationScope");
    protozero::pbf_reader scope = scope_metrics.get_message();
    Need(scope.next(1), "no scope.name");
    out.scope_name = scope.get_string();
    Need(scope.next(2), "no scope.version");
    out.scope_version = scope.get_string();
    while (scope_metrics.next()) {
      Need(scope_metrics.tag() == 2, "field of ScopeMetrics");
      out.metrics.push_back(Metric(scope_metrics.get_message()));
    }
    return out;
  }

 private:
  static void Need(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(what);
  }

  static void AddKeyValue(ReadAttributes& out, protozero::pbf_reader pair) {
    Need(pair.next(1), "no key");
    const std::string key = pair.get_string();
    Need(pair.next(2), "no value");
    protozero::pbf_reader any = pair.get_message();
    Need(any.next(), "a value without a kind");
    std::string value;
    switch (any.tag()) {
      case 1:
        value = any.get_string();
        break;
      case 2:
        value = any.get_bool() ? "bool:1" : "bool:0";
        break;
      case 3:
        value = "int:" + std::to_string(any.get_int64());
        break;
      default:
        throw std::runtime_error("kind of AnyValue");
    }
    Need(!any.next(), "two values");
    Need(out.emplace(key, value).second, "a key twice");
  }

  static ReadMetric Metric(protozero::pbf_reader in) {
    ReadMetric out;
    while (in.next()) {
      switch (in.tag()) {
        case 1:
          out.name = in.get_string();
          break;
        case 2:
          out.description = in.get_string();
          break;
        case 3:
          out.unit = in.get_string();
          break;
        case 5:
          Data(out, "gauge", in.get_message());
          break;
        case 7:
          Data(out, "sum", in.get_message());
          break;
        case 9:
          Data(out, "histogram", in.get_message());
          break;
        case 10:
          Data(out, "exponential", in.get_message());
          break;
        case 11:
          Data(out, "summary", in.get_message());
          break;
        case 12:
          AddKeyValue(out.metadata, in.get_message());
          break;
        default:
          throw std::runtime_error("field of Metric");
      }
    }
    Need(!out.data.empty() && !out.points.empty(), "a metric without data");
    return out;
  }

  static void Data(ReadMetric& out, const char* kind, protozero::pbf_reader in) {
    Need(out.data.empty(), "two kinds of data");
    out.data = kind;
    while (in.next()) {
      if (in.tag() == 1) {
        out.points.push_back(Point(out.data, in.get_message()));
      } else if (in.tag() == 2 && out.data != "gauge" && out.data != "summary") {
        out.temporality = in.get_enum();
      } else if (in.tag() == 3 && out.data == "sum") {
        out.monotonic = in.get_bool();
      } else {
        throw std::runtime_error("field of " + out.data);
      }
    }
  }

  static ReadPoint Point(const std::string& data, protozero::pbf_reader in) {
    if (data == "exponential") return Exponential(in);
    ReadPoint out;
    const bool number = data == "gauge" || data == "sum";
    const bool histogram = data == "histogram";
    while (in.next()) {
      const auto tag = in.tag();
      if (tag == (histogram ? 9U : 7U)) {
        AddKeyValue(out.attributes, in.get_message());
      } else if ((tag == 5 && number) || (tag == 8 && histogram)) {
        out.exemplars.push_back(ReadExemplarOf(in.get_message()));
      } else if (tag == 2) {
        out.start = in.get_fixed64();
      } else if (tag == 3) {
        out.time = in.get_fixed64();
      } else if (tag == 4 && number) {
        out.as_double = in.get_double();
      } else if (tag == 6 && number) {
        out.as_int = in.get_sfixed64();
      } else if (tag == 4) {
        out.count = in.get_fixed64();
      } else if (tag == 5 && !number) {
        out.sum = in.get_double();
      } else if (tag == 6 && histogram) {
        for (const auto count : in.get_packed_fixed64()) out.buckets.push_back(count);
      } else if (tag == 7 && histogram) {
        for (const auto bound : in.get_packed_double()) out.bounds.push_back(bound);
      } else if (tag == 6) {
        protozero::pbf_reader quantile = in.get_message();
        Need(quantile.next(1), "no quantile");
        const double q = quantile.get_double();
        Need(quantile.next(2), "no value");
        out.quantiles.emplace_back(q, quantile.get_double());
      } else {
        throw std::runtime_error("field of a point");
      }
    }
    Need(!number || out.as_double.has_value() != out.as_int.has_value(), "not one value");
    return out;
  }

  static ReadPoint Exponential(protozero::pbf_reader in) {
    ReadPoint out;
    while (in.next()) {
      switch (in.tag()) {
        case 1:
          AddKeyValue(out.attributes, in.get_message());
          break;
        case 2:
          out.start = in.get_fixed64();
          break;
        case 3:
          out.time = in.get_fixed64();
          break;
        case 4:
          out.count = in.get_fixed64();
          break;
        case 5:
          out.sum = in.get_double();
          break;
        case 6:
          out.scale = in.get_sint32();
          break;
        case 7:
          out.zero_count = in.get_fixed64();
          break;
        case 8:
          Need(!out.positive.has_value(), "two positive ranges");
          out.positive = Range(in.get_message());
          break;
        case 9:
          Need(!out.negative.has_value(), "two negative ranges");
          out.negative = Range(in.get_message());
          break;
        case 11:
          out.exemplars.push_back(ReadExemplarOf(in.get_message()));
          break;
        case 14:
          out.zero_threshold = in.get_double();
          break;
        default:
          throw std::runtime_error("field of an exponential point");
      }
    }
    // Every receiver relies on it.
    std::uint64_t count = out.zero_count.value_or(0);
    for (const auto* const range : {&out.positive, &out.negative}) {
      if (!range->has_value()) continue;
      for (const std::uint64_t bucket : (*range)->counts) count += bucket;
    }
    Need(out.count == count, "count is not the sum of the buckets");
    return out;
  }

  static ReadRange Range(protozero::pbf_reader in) {
    ReadRange out;
    Need(in.next(1), "no offset");
    out.offset = in.get_sint32();
    Need(in.next(2), "no counts");
    for (const auto count : in.get_packed_uint64()) out.counts.push_back(count);
    Need(!in.next(), "field of Buckets");
    return out;
  }

  static ReadExemplar ReadExemplarOf(protozero::pbf_reader in) {
    ReadExemplar out;
    while (in.next()) {
      switch (in.tag()) {
        case 2:
          out.time = in.get_fixed64();
          break;
        case 3:
          out.as_double = in.get_double();
          break;
        case 4:
          out.span_id = in.get_bytes();
          break;
        case 5:
          out.trace_id = in.get_bytes();
          break;
        case 6:
          out.as_int = in.get_sfixed64();
          break;
        case 7:
          AddKeyValue(out.attributes, in.get_message());
          break;
        default:
          throw std::runtime_error("field of Exemplar");
      }
    }
    Need(out.as_double.has_value() != out.as_int.has_value(), "not one value of an exemplar");
    Need(out.trace_id.empty() == out.span_id.empty(), "half a trace");
    return out;
  }
};

}  // namespace testing
POLYMETER_END_NAMESPACE
