// TextSerializer, line by line, and serializers of a program's own.
#include <cstdint>
#include <limits>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/metric_family.h"
#include "prometheus/serializer.h"
#include "prometheus/text_serializer.h"
#include "test/dropin/surface/transcript.h"

namespace surface {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily One(MetricType type, const std::string& name, const ClientMetric& metric) {
  MetricFamily family;
  family.name = name;
  family.help = "Help.";
  family.type = type;
  family.metric.push_back(metric);
  return family;
}

std::string Page(const MetricFamily& family) {
  return prometheus::TextSerializer().Serialize({family});
}

std::string PageOf(double value) {
  ClientMetric metric;
  metric.gauge.value = value;
  const std::string page = Page(One(MetricType::Gauge, "g", metric));
  const std::size_t last = page.rfind("\ng ");
  return last == std::string::npos ? page : page.substr(last + 1);
}

class Counting : public prometheus::Serializer {
 public:
  using prometheus::Serializer::Serialize;
  void Serialize(std::ostream& out, const std::vector<MetricFamily>& families) const override {
    out << families.size() << " families";
  }
};

void SayKinds() {
  ClientMetric counter;
  counter.label = {{"b", "2"}, {"a", "1"}};
  counter.counter.value = 12;
  Say("serializer/counter", Page(One(MetricType::Counter, "c_total", counter)));
  Say("serializer/counter without _total", Page(One(MetricType::Counter, "c", counter)));
  counter.timestamp_ms = 1234567890123;
  Say("serializer/timestamp", Page(One(MetricType::Counter, "c_total", counter)));
  ClientMetric untyped;
  untyped.untyped.value = -6.5;
  Say("serializer/untyped", Page(One(MetricType::Untyped, "u", untyped)));
  ClientMetric summary;
  summary.label = {{"l", "v"}};
  summary.summary.sample_count = 3;
  summary.summary.sample_sum = 4.5;
  summary.summary.quantile = {{0.5, 1}, {0.99, 2}};
  Say("serializer/summary", Page(One(MetricType::Summary, "s", summary)));
  ClientMetric histogram;
  histogram.histogram.sample_count = 7;
  histogram.histogram.sample_sum = 70;
  histogram.histogram.bucket = {{2, 1}, {6, 2.5}, {7, std::numeric_limits<double>::infinity()}};
  Say("serializer/histogram", Page(One(MetricType::Histogram, "h", histogram)));
  histogram.histogram.bucket.pop_back();
  Say("serializer/histogram without +Inf", Page(One(MetricType::Histogram, "h", histogram)));
  histogram.histogram.bucket.clear();
  Say("serializer/histogram without buckets", Page(One(MetricType::Histogram, "h", histogram)));
  MetricFamily empty;
  empty.name = "empty";
  empty.type = MetricType::Gauge;
  Say("serializer/a family without metrics", Page(empty));
  Say("serializer/nothing", prometheus::TextSerializer().Serialize(std::vector<MetricFamily>()));
  MetricFamily no_help = One(MetricType::Gauge, "g", ClientMetric());
  no_help.help.clear();
  Say("serializer/no help", Page(no_help));
  Say("serializer/the same name twice", prometheus::TextSerializer().Serialize({no_help, no_help}));
#if defined(SURFACE_1_3)
  ClientMetric info;
  info.label = {{"version", "1"}};
  info.info.value = 1;
  Say("1.3/serializer/info", Page(One(MetricType::Info, "build", info)));
#endif
}

void SayNumbers() {
  Say("serializer/0", PageOf(0));
  Say("serializer/-0", PageOf(-0.0));
  Say("serializer/1", PageOf(1));
  Say("serializer/1234567", PageOf(1234567));
  Say("serializer/0.5", PageOf(0.5));
  Say("serializer/0.1", PageOf(0.1));
  Say("serializer/0.1+0.2", PageOf(0.1 + 0.2));
  Say("serializer/1e15", PageOf(1e15));
  Say("serializer/2^53", PageOf(9007199254740992.0));
  Say("serializer/1e300", PageOf(1e300));
  Say("serializer/1e-7", PageOf(1e-7));
  Say("serializer/+Inf", PageOf(std::numeric_limits<double>::infinity()));
  Say("serializer/-Inf", PageOf(-std::numeric_limits<double>::infinity()));
  Say("serializer/NaN", PageOf(std::numeric_limits<double>::quiet_NaN()));
}

void SayTexts() {
  ClientMetric metric;
  metric.label = {{"l", "quote \" backslash \\ line\nend"}};
  Say("serializer/label value", Page(One(MetricType::Gauge, "g", metric)));
  metric.label = {{"l", ""}};
  Say("serializer/empty label value", Page(One(MetricType::Gauge, "g", metric)));
  metric.label = {{"l", "\xC3\xA9\xE2\x82\xAC"}};
  Say("serializer/UTF-8", Page(One(MetricType::Gauge, "g", metric)));
  MetricFamily family = One(MetricType::Gauge, "g", ClientMetric());
  family.help = "A backslash \\, a quote \".";
  Say("serializer/help with a backslash", Page(family));
  family.help = "Two\nlines.";
  Say("serializer/help with a line break", Page(family));
}

void SayStreams() {
  ClientMetric metric;
  metric.gauge.value = 1.25;
  const std::vector<MetricFamily> families = {One(MetricType::Gauge, "g", metric)};
  std::ostringstream out;
  out.precision(3);
  out << "before ";
  prometheus::TextSerializer().Serialize(out, families);
  out << 2.0 / 3;
  Say("serializer/into a stream", out.str());
  const prometheus::Serializer& serializer = prometheus::TextSerializer();
  Say("serializer/through the base class", serializer.Serialize(families));
  Say("serializer/own", Counting().Serialize(families));
}

}  // namespace

void Serializers() {
  SayKinds();
  SayNumbers();
  SayTexts();
  SayStreams();
}

}  // namespace surface
