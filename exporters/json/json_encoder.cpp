#include "exporters/json/json_encoder.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/common/encoding/block_writer.h"
#include "exporters/common/encoding/json_text.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using encoding::BlockWriter;
using encoding::TextBuffer;

// What stands between the tokens.
struct Layout {
  std::string_view level1;  // before a member of the document
  std::string_view level2;  // before a family
  std::string_view level3;  // before a member of a family
  std::string_view level4;  // before a series
  std::string_view end0;    // before what closes the document, its array, a family, its array
  std::string_view end1;
  std::string_view end2;
  std::string_view end3;
  std::string_view comma;  // within a line
  std::string_view colon;
};
constexpr Layout kCompactLayout{"", "", "", "", "", "", "", "", ",", ":"};
constexpr Layout kPrettyLayout{"\n  ", "\n    ", "\n      ", "\n        ", "\n",
                               "\n  ", "\n    ", "\n      ", ", ",         ": "};

std::int64_t UnixNanos(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

// One document being written.
class Document {
 public:
  Document(const Layout& layout, MessageSink& sink) : layout_(layout), out_(sink) {}

  EncodeReport Write(const Snapshot& snapshot, MessageSink& sink) {
    WriteHead(snapshot);
    bool first = true;
    for (const FamilyView& family : snapshot.families()) {
      if (!out_.ok()) break;
      if (family.size() == 0) continue;
      out_.Append(std::exchange(first, false) ? "" : ",");
      WriteFamily(family);
    }
    if (!first) out_.Append(layout_.end1);
    out_.Append("]");
    out_.Append(layout_.end0);
    out_.Append("}\n");
    out_.Flush();
    report_.complete = out_.ok() && sink.EndMessage(static_cast<std::size_t>(report_.points));
    return std::move(report_);
  }

 private:
  // --- tokens --------------------------------------------------------------------------------

  void Key(std::string_view name) {
    out_.Append("\"");
    out_.Append(name);
    out_.Append("\"");
    out_.Append(layout_.colon);
  }
  // A member after another one, in the same line.
  void NextKey(std::string_view name) {
    out_.Append(layout_.comma);
    Key(name);
  }
  void Text(std::string_view text) {
    scratch_.Clear();
    encoding::AppendJsonString(scratch_, text);
    out_.Append(scratch_.text());
  }
  void Integer(std::uint64_t value) {
    out_.Advance(encoding::WriteJsonInteger(out_.Reserve(encoding::kMostJsonNumber), value));
  }
  void SignedInteger(std::int32_t value) {
    if (value < 0) out_.Append("-");
    Integer(static_cast<std::uint64_t>(std::abs(std::int64_t{value})));
  }
  void Double(double value) {
    out_.Advance(encoding::WriteJsonDouble(out_.Reserve(encoding::kMostJsonNumber), value));
  }
  // As a string, whatever the number is.
  void DoubleText(double value) {
    char* const to = out_.Reserve(encoding::kMostJsonNumber);
    *to = '"';
    char* const end = encoding::WriteDouble(to + 1, value);
    *end = '"';
    out_.Advance(end + 1);
  }
  void Time(std::int64_t nanos) {
    char* const to = out_.Reserve(encoding::kMostRfc3339 + 2);
    *to = '"';
    char* const end = encoding::WriteRfc3339(to + 1, nanos);
    *end = '"';
    out_.Advance(end + 1);
  }

  // --- document ------------------------------------------------------------------------------

  void WriteHead(const Snapshot& snapshot) {
    const std::int64_t nanos = UnixNanos(snapshot.time());
    out_.Append("{");
    out_.Append(layout_.level1);
    Key("time");
    Time(nanos);
    Member(layout_.level1, "time_unix_nanos");
    Text(std::to_string(nanos));
    Member(layout_.level1, "resource");
    WriteResource(snapshot.resource());
    Member(layout_.level1, "families");
    out_.Append("[");
  }
  // A member after another one, in a line of its own.
  void Member(std::string_view level, std::string_view name) {
    out_.Append(",");
    out_.Append(level);
    Key(name);
  }

  void WriteResource(const Resource& resource) {
    keys_.clear();
    out_.Append("{");
    for (const auto& [name, value] : resource.attributes) {
      if (!IsNewKey(name)) continue;
      if (keys_.size() > 1) out_.Append(layout_.comma);
      Text(name);
      out_.Append(layout_.colon);
      Text(value);
    }
    out_.Append("}");
  }

  void WriteFamily(const FamilyView& family) {
    out_.Append(layout_.level2);
    out_.Append("{");
    out_.Append(layout_.level3);
    Key("name");
    Text(family.name);
    Member(layout_.level3, "type");
    Text(ToString(family.type()));
    Member(layout_.level3, "help");
    Text(family.help);
    Member(layout_.level3, "unit");
    Text(family.unit);
    Member(layout_.level3, "series");
    out_.Append("[");
    std::visit(
        [&](const auto& points) {
          bool first = true;
          for (const auto& point : points) {
            if (!out_.ok()) return;
            out_.Append(std::exchange(first, false) ? "" : ",");
            BeginSeries(family, point.series);
            WriteValues(point);
            out_.Append("}");
            ++report_.points;
          }
        },
        family.points);
    out_.Append(layout_.end3);
    out_.Append("]");
    out_.Append(layout_.end2);
    out_.Append("}");
  }

  void BeginSeries(const FamilyView& family, SeriesView series) {
    out_.Append(layout_.level4);
    out_.Append("{");
    Key("labels");
    out_.Append("{");
    bool first = true;
    VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
      if (!std::exchange(first, false)) out_.Append(layout_.comma);
      Text(name);
      out_.Append(layout_.colon);
      Text(value);
    });
    out_.Append("}");
  }

  // --- points --------------------------------------------------------------------------------

  // Of what counts from zero.
  void WriteStart(SeriesView series) {
    if (series.start_unix_nanos() <= 0) return;
    NextKey("start_time");
    Time(series.start_unix_nanos());
  }

  void WriteValues(const CounterPoint& point) {
    WriteStart(point.series);
    NextKey("value");
    if (point.is_integer()) {
      Integer(point.whole);
    } else {
      Double(point.value());
    }
    if (point.exemplar == nullptr) return;
    NextKey("exemplar");
    WriteExemplar(*point.exemplar);
  }
  void WriteValues(const GaugePoint& point) {
    NextKey("value");
    Double(point.value);
  }
  void WriteValues(const UnknownPoint& point) {
    NextKey("value");
    Double(point.value);
  }
  void WriteValues(const InfoPoint&) {}

  void WriteValues(const HistogramPoint& point) {
    WriteTotals(point.series, point.count, point.sum);
    NextKey("buckets");
    out_.Append("[");
    std::uint64_t cumulative = 0;
    for (std::uint32_t i = 0; i <= point.bound_count; ++i) {
      cumulative += point.buckets[i];
      if (i != 0) out_.Append(layout_.comma);
      out_.Append("{");
      Key("le");
      DoubleText(i < point.bound_count ? point.bounds[i] : std::numeric_limits<double>::infinity());
      NextKey("count");
      Integer(cumulative);
      out_.Append("}");
    }
    out_.Append("]");
    if (point.native != nullptr) WriteNative(*point.native);
    if (point.exemplar_count == 0) return;
    NextKey("exemplars");
    out_.Append("[");
    for (std::uint32_t i = 0; i < point.exemplar_count; ++i) {
      if (i != 0) out_.Append(layout_.comma);
      WriteExemplar(point.exemplars[i]);
    }
    out_.Append("]");
  }

  void WriteNative(const NativeHistogram& native) {
    NextKey("native");
    out_.Append("{");
    Key("schema");
    SignedInteger(native.schema);
    NextKey("zero_threshold");
    Double(native.zero_threshold);
    NextKey("zero_count");
    Integer(native.zero_count);
    NextKey("positive");
    WriteNativeBuckets(native.positive);
    NextKey("negative");
    WriteNativeBuckets(native.negative);
    NextKey("positive_infinite");
    Integer(native.positive_infinite);
    NextKey("negative_infinite");
    Integer(native.negative_infinite);
    NextKey("count");
    Integer(native.count);
    out_.Append("}");
  }
  void WriteNativeBuckets(const NativeBuckets& buckets) {
    out_.Append("{");
    Key("first");
    SignedInteger(buckets.first);
    NextKey("counts");
    out_.Append("[");
    for (std::uint32_t i = 0; i < buckets.size; ++i) {
      if (i != 0) out_.Append(layout_.comma);
      Integer(buckets.counts[i]);
    }
    out_.Append("]}");
  }

  void WriteExemplar(const Exemplar& exemplar) {
    out_.Append("{");
    Key("value");
    Double(exemplar.value);
    if (exemplar.unix_nanos > 0) {
      NextKey("time");
      Time(exemplar.unix_nanos);
    }
    if (exemplar.trace.valid()) {
      const auto trace = exemplar.trace.TraceIdHex();
      NextKey("trace_id");
      Text({trace.data(), trace.size()});
      const auto span = exemplar.trace.SpanIdHex();
      NextKey("span_id");
      Text({span.data(), span.size()});
    }
    NextKey("labels");
    keys_.clear();
    out_.Append("{");
    for (std::uint32_t i = 0; i < exemplar.label_count; ++i) {
      const Label& label = exemplar.labels[i];
      if (!IsNewKey(label.name)) continue;
      if (keys_.size() > 1) out_.Append(layout_.comma);
      Text(label.name);
      out_.Append(layout_.colon);
      Text(label.value);
    }
    out_.Append("}}");
  }
  // Of an object whose keys nobody has checked: a few, and none may come twice, not even repaired.
  bool IsNewKey(std::string_view name) {
    std::string key = detail::ToUtf8(name);
    if (std::find(keys_.begin(), keys_.end(), key) != keys_.end()) return false;
    keys_.push_back(std::move(key));
    return true;
  }

  void WriteValues(const SummaryPoint& point) {
    WriteTotals(point.series, point.count, point.sum);
    NextKey("quantiles");
    out_.Append("[");
    for (std::uint32_t i = 0; i < point.quantile_count; ++i) {
      if (i != 0) out_.Append(layout_.comma);
      out_.Append("{");
      Key("quantile");
      DoubleText(point.quantiles[i].quantile);
      NextKey("value");
      Double(point.quantiles[i].value);
      out_.Append("}");
    }
    out_.Append("]");
  }

  void WriteTotals(SeriesView series, std::uint64_t count, double sum) {
    WriteStart(series);
    NextKey("count");
    Integer(count);
    NextKey("sum");
    Double(sum);
  }

  const Layout& layout_;
  BlockWriter out_;
  EncodeReport report_;
  TextBuffer scratch_;
  std::vector<std::string> keys_;  // of the open object
};

class JsonEncoder final : public Encoder {
 public:
  JsonEncoder(const Layout& layout, std::string_view content_type) noexcept
      : layout_(layout), content_type_(content_type) {}

  EncodeReport Encode(const Snapshot& snapshot, EncoderCache*, MessageSink& sink) const override {
    return Document(layout_, sink).Write(snapshot, sink);
  }
  std::string_view content_type() const override { return content_type_; }

 private:
  const Layout& layout_;
  const std::string_view content_type_;
};

}  // namespace

std::unique_ptr<Encoder> MakeJsonEncoder(JsonStyle style) {
  return std::make_unique<JsonEncoder>(style == JsonStyle::kPretty ? kPrettyLayout : kCompactLayout,
                                       "application/json");
}

std::unique_ptr<Encoder> MakeJsonLinesEncoder() {
  return std::make_unique<JsonEncoder>(kCompactLayout, "application/jsonl");
}

POLYMETER_END_NAMESPACE
