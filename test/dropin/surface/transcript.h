// How the surface program tells what it found: one line a fact, "theme/fact = value", each key
// once.
//
// The program is plain prometheus-cpp code in C++14. It is built against the drop-in and against
// prometheus-cpp, and compare.py compares what both print. Facts that prometheus-cpp 1.0.1 does not
// have are under SURFACE_1_3 and say "1.3/..."; expected_1_3.txt has what 1.3's documentation says
// of them.
#pragma once

#include <cmath>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/metric_family.h"
#include "prometheus/metric_type.h"

namespace surface {

// Control bytes, quotes and backslashes as escapes, so that a fact stays one line.
inline std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\r') {
      escaped += "\\r";
    } else if (c == '\\') {
      escaped += "\\\\";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

inline void Say(const std::string& key, const std::string& value) {
  std::printf("%s = %s\n", key.c_str(), Escaped(value).c_str());
  std::fflush(stdout);
}
inline void Say(const std::string& key, const char* value) { Say(key, std::string(value)); }
inline void Say(const std::string& key, bool value) { Say(key, value ? "yes" : "no"); }
inline void Say(const std::string& key, int value) { Say(key, std::to_string(value)); }
inline void Say(const std::string& key, std::size_t value) { Say(key, std::to_string(value)); }

inline std::string Text(double value) {
  if (std::isnan(value)) return "NaN";
  char text[64];
  std::snprintf(text, sizeof(text), "%.17g", value);
  return text;
}
inline void Say(const std::string& key, double value) { Say(key, Text(value)); }

// What `action` throws, by type; the text of an exception is nobody's contract.
template <class Action>
std::string Thrown(const Action& action) {
  try {
    action();
  } catch (const std::invalid_argument&) {
    return "std::invalid_argument";
  } catch (const std::length_error&) {
    return "std::length_error";
  } catch (const std::out_of_range&) {
    return "std::out_of_range";
  } catch (const std::logic_error&) {
    return "std::logic_error";
  } catch (const std::runtime_error&) {
    return "std::runtime_error";
  } catch (const std::bad_alloc&) {
    return "std::bad_alloc";
  } catch (const std::exception&) {
    return "std::exception";
  } catch (...) {
    return "something else";
  }
  return "nothing";
}

inline std::string Text(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Gauge:
      return "gauge";
    case prometheus::MetricType::Summary:
      return "summary";
    case prometheus::MetricType::Untyped:
      return "untyped";
    case prometheus::MetricType::Histogram:
      return "histogram";
#if defined(SURFACE_1_3)
    case prometheus::MetricType::Info:
      return "info";
#endif
  }
  return "?";
}

// Every field of a metric that differs from the default, labels in the order in which they stand.
inline std::string Text(const prometheus::ClientMetric& metric) {
  std::string text = "{";
  for (const prometheus::ClientMetric::Label& label : metric.label) {
    text += label.name + "=" + label.value + ",";
  }
  text += "}";
  if (metric.counter.value != 0) text += " counter " + Text(metric.counter.value);
  if (metric.gauge.value != 0) text += " gauge " + Text(metric.gauge.value);
  if (metric.untyped.value != 0) text += " untyped " + Text(metric.untyped.value);
  if (!metric.histogram.bucket.empty()) {
    text += " histogram " + std::to_string(metric.histogram.sample_count) + " sum " +
            Text(metric.histogram.sample_sum) + " buckets";
    for (const prometheus::ClientMetric::Bucket& bucket : metric.histogram.bucket) {
      text += " " + Text(bucket.upper_bound) + "=" + std::to_string(bucket.cumulative_count);
    }
  }
  if (metric.summary.sample_count != 0 || !metric.summary.quantile.empty()) {
    text += " summary " + std::to_string(metric.summary.sample_count) + " sum " +
            Text(metric.summary.sample_sum) + " quantiles";
    for (const prometheus::ClientMetric::Quantile& quantile : metric.summary.quantile) {
      text += " " + Text(quantile.quantile) + "=" + Text(quantile.value);
    }
  }
  if (metric.timestamp_ms != 0) text += " at " + std::to_string(metric.timestamp_ms);
  return text;
}

inline std::string Text(const prometheus::MetricFamily& family) {
  std::string text = family.name + " (" + family.help + ") " + Text(family.type);
  // Two series stand in no order that anybody promises.
  std::vector<std::string> metrics;
  for (const prometheus::ClientMetric& metric : family.metric) metrics.push_back(Text(metric));
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    for (std::size_t j = i + 1; j < metrics.size(); ++j) {
      if (metrics[j] < metrics[i]) metrics[i].swap(metrics[j]);
    }
  }
  for (const std::string& metric : metrics) text += " | " + metric;
  return text;
}

inline std::string Text(const std::vector<prometheus::MetricFamily>& families) {
  std::string text;
  for (const prometheus::MetricFamily& family : families) text += "[" + Text(family) + "]";
  return text.empty() ? "nothing" : text;
}

// The themes, in the order in which they run. Those that speak HTTP get what they need.
void ForwardDeclarations();
void CompileTimeFacts();
void Instruments();
void Summaries();
void Families();
void Registries();
void OwnTypes();
void Serializers();
void Names();
void Threads();
void Exposers();
void Gateways(const std::string& port);

}  // namespace surface
