// Serializer and TextSerializer.
#include "prometheus/text_serializer.h"

#include <limits>
#include <ostream>
#include <sstream>
#include <string_view>

#include "exporters/common/encoding/escape.h"
#include "exporters/common/encoding/numbers.h"

namespace prometheus {

using polymeter::encoding::AppendEscaped;
using polymeter::encoding::kMostDigits;
using polymeter::encoding::Quotes;
using polymeter::encoding::TextBuffer;

std::string Serializer::Serialize(const std::vector<MetricFamily>& metrics) const {
  std::ostringstream out;
  Serialize(out, metrics);
  return out.str();
}

namespace {

std::string_view TypeText(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
    case MetricType::Info:  // the format has no other
      return "gauge";
    case MetricType::Summary:
      return "summary";
    case MetricType::Histogram:
      return "histogram";
    case MetricType::Untyped:
      break;
  }
  return "untyped";
}

// Writes one family after the other into a buffer, and that to the stream when it is long.
class TextPage {
 public:
  explicit TextPage(std::ostream& out) : out_(out) {}

  void Write(const MetricFamily& family) {
    family_ = &family;
    const std::string_view suffix = family.type == MetricType::Info ? "_info" : "";
    if (!family.help.empty()) {
      Metadata("# HELP ", suffix);
      AppendEscaped(text_, family.help, Quotes::kPlain);
      text_.Append("\n");
    }
    Metadata("# TYPE ", suffix);
    text_.Append(TypeText(family.type));
    text_.Append("\n");
    for (const ClientMetric& metric : family.metric) {
      WriteMetric(metric);
      if (text_.size() >= kBlock) Flush();
    }
  }

  void Flush() {
    out_.write(text_.text().data, static_cast<std::streamsize>(text_.size()));
    text_.Clear();
  }

 private:
  static constexpr std::size_t kBlock = 64 * 1024;

  void WriteMetric(const ClientMetric& metric) {
    metric_ = &metric;
    labels_.Clear();
    for (const ClientMetric::Label& label : metric.label) {
      if (!labels_.empty()) labels_.Append(",");
      labels_.Append(label.name);
      labels_.Append("=\"");
      AppendEscaped(labels_, label.value, Quotes::kEscaped);
      labels_.Append("\"");
    }
    switch (family_->type) {
      case MetricType::Counter:
        return Number("", metric.counter.value);
      case MetricType::Gauge:
        return Number("", metric.gauge.value);
      case MetricType::Info:
        return Number("_info", metric.info.value);
      case MetricType::Untyped:
        return Number("", metric.untyped.value);
      case MetricType::Summary:
        return WriteSummary(metric.summary);
      case MetricType::Histogram:
        return WriteHistogram(metric.histogram);
    }
  }

  void WriteSummary(const ClientMetric::Summary& summary) {
    Whole("_count", summary.sample_count);
    Number("_sum", summary.sample_sum);
    for (const ClientMetric::Quantile& quantile : summary.quantile) {
      Head("", "quantile", quantile.quantile);
      Append(quantile.value);
      Tail();
    }
  }

  void WriteHistogram(const ClientMetric::Histogram& histogram) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    Whole("_count", histogram.sample_count);
    Number("_sum", histogram.sample_sum);
    for (const ClientMetric::Bucket& bucket : histogram.bucket) {
      Bucket(bucket.upper_bound, bucket.cumulative_count);
    }
    const bool complete =
        !histogram.bucket.empty() && histogram.bucket.back().upper_bound == kInfinity;
    if (!complete) Bucket(kInfinity, histogram.sample_count);
  }

  // --- lines ---------------------------------------------------------------------------------

  void Metadata(std::string_view keyword, std::string_view suffix) {
    text_.Append(keyword);
    text_.Append(family_->name);
    text_.Append(suffix);
    text_.Append(" ");
  }
  void Head(std::string_view suffix) {
    text_.Append(family_->name);
    text_.Append(suffix);
    if (!labels_.empty()) {
      text_.Append("{");
      text_.Append(labels_.text());
      text_.Append("}");
    }
    text_.Append(" ");
  }
  void Head(std::string_view suffix, std::string_view label, double value) {
    text_.Append(family_->name);
    text_.Append(suffix);
    text_.Append("{");
    if (!labels_.empty()) {
      text_.Append(labels_.text());
      text_.Append(",");
    }
    text_.Append(label);
    text_.Append("=\"");
    Append(value);
    text_.Append("\"} ");
  }
  void Tail() {
    if (metric_->timestamp_ms != 0) {
      char* to = text_.Room(kMostDigits + 2);
      *to++ = ' ';
      text_.Advance(std::to_chars(to, to + kMostDigits, metric_->timestamp_ms).ptr);
    }
    text_.Append("\n");
  }
  void Append(double value) {
    text_.Advance(polymeter::encoding::WriteDouble(text_.Room(kMostDigits), value));
  }
  void Append(std::uint64_t value) {
    text_.Advance(polymeter::encoding::WriteInteger(text_.Room(kMostDigits), value));
  }
  void Number(std::string_view suffix, double value) {
    Head(suffix);
    Append(value);
    Tail();
  }
  void Whole(std::string_view suffix, std::uint64_t value) {
    Head(suffix);
    Append(value);
    Tail();
  }
  void Bucket(double bound, std::uint64_t count) {
    Head("_bucket", "le", bound);
    Append(count);
    Tail();
  }

  std::ostream& out_;
  const MetricFamily* family_ = nullptr;
  const ClientMetric* metric_ = nullptr;
  TextBuffer labels_;
  TextBuffer text_;
};

}  // namespace

void TextSerializer::Serialize(std::ostream& out, const std::vector<MetricFamily>& metrics) const {
  TextPage page(out);
  for (const MetricFamily& family : metrics) page.Write(family);
  page.Flush();
}

}  // namespace prometheus
