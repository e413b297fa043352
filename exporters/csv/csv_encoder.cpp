#include "exporters/csv/csv_encoder.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <string_view>
#include <utility>

#include "exporters/common/encoding/block_writer.h"
#include "exporters/common/encoding/json_text.h"
#include "exporters/common/encoding/native_bounds.h"
#include "exporters/csv/name_cell.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using encoding::BlockWriter;
using encoding::kMostDigits;
using encoding::TextBuffer;

constexpr std::string_view kColumns = "timestamp,name,type,labels,field,value";

// One table being written.
class Table {
 public:
  Table(const CsvOptions& options, MessageSink& sink)
      : options_(options), line_end_(options.crlf ? "\r\n" : "\n"), out_(sink) {}

  EncodeReport Write(const Snapshot& snapshot, MessageSink& sink) {
    if (options_.header) out_.Append(CsvHeader(options_));
    char time[encoding::kMostRfc3339];
    const std::int64_t nanos =
        std::chrono::duration_cast<std::chrono::nanoseconds>(snapshot.time().time_since_epoch())
            .count();
    char* const end = encoding::WriteRfc3339(time, nanos);
    for (const FamilyView& family : snapshot.families()) {
      if (!out_.ok()) break;
      head_.Clear();
      head_.Append({time, static_cast<std::size_t>(end - time)});
      head_.Append(",");
      detail::AppendNameCell(head_, family.name);
      head_.Append(",");
      head_.Append(ToString(family.type()));
      head_.Append(",");
      std::visit(
          [&](const auto& points) {
            for (const auto& point : points) {
              if (!out_.ok()) return;
              ReadLabels(family, point.series);
              WriteRows(point);
              ++report_.points;
            }
          },
          family.points);
    }
    out_.Flush();
    const auto points = static_cast<std::size_t>(report_.points);
    // Nothing at all is no message.
    report_.complete = out_.ok() && ((points == 0 && !options_.header) || sink.EndMessage(points));
    return std::move(report_);
  }

 private:
  // --- rows ----------------------------------------------------------------------------------

  // The labels as they stand in a cell, without the braces.
  void ReadLabels(const FamilyView& family, SeriesView series) {
    json_.Clear();
    VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
      if (!json_.empty()) json_.Append(",");
      encoding::AppendJsonString(json_, name);
      json_.Append(":");
      encoding::AppendJsonString(json_, value);
    });
    labels_.Clear();
    detail::AppendJsonInCell(labels_, json_.text(), options_.defuse_formulas);
  }

  // A row but for its number; gives where that goes.
  char* Start(std::string_view field) {
    out_.Append(head_.text());
    if (labels_.empty()) {
      out_.Append("{}");
    } else {
      out_.Append("\"{");
      out_.Append(labels_.text());
      out_.Append("}\"");
    }
    return Field(field);
  }
  // With one label more.
  char* Start(std::string_view field, std::string_view label, double value) {
    out_.Append(head_.text());
    out_.Append("\"{");
    out_.Append(labels_.text());
    out_.Append(labels_.empty() ? "\"\"" : ",\"\"");
    out_.Append(label);
    out_.Append("\"\":\"\"");
    out_.Advance(encoding::WriteDouble(out_.Reserve(kMostDigits), value));
    out_.Append("\"\"}\"");
    return Field(field);
  }
  char* Field(std::string_view field) {
    out_.Append(",");
    out_.Append(field);
    out_.Append(",");
    return out_.Reserve(kMostDigits);
  }
  void End(char* end) {
    out_.Advance(end);
    out_.Append(line_end_);
  }

  // --- points --------------------------------------------------------------------------------

  void WriteRows(const CounterPoint& point) {
    char* const to = Start("value");
    End(point.is_integer() ? encoding::WriteInteger(to, point.whole)
                           : encoding::WriteDouble(to, point.value()));
  }
  void WriteRows(const GaugePoint& point) {
    End(encoding::WriteDouble(Start("value"), point.value));
  }
  void WriteRows(const UnknownPoint& point) {
    End(encoding::WriteDouble(Start("value"), point.value));
  }
  void WriteRows(const InfoPoint&) { End(encoding::WriteInteger(Start("value"), 1)); }

  void WriteRows(const HistogramPoint& point) {
    std::uint64_t cumulative = 0;
    for (std::uint32_t i = 0; i <= point.bound_count; ++i) {
      cumulative += point.buckets[i];
      const double bound =
          i < point.bound_count ? point.bounds[i] : std::numeric_limits<double>::infinity();
      End(encoding::WriteInteger(Start("bucket", "le", bound), cumulative));
    }
    if (point.native != nullptr) WriteNative(*point.native);
    WriteTotals(point.count, point.sum);
  }

  // From the lowest bound to the highest.
  void WriteNative(const NativeHistogram& native) {
    char* const schema = Start("native_schema");
    End(std::to_chars(schema, schema + kMostDigits, native.schema).ptr);
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    native_count_ = 0;
    native_end_ = -kInfinity;
    if (native.negative_infinite != 0) WriteNativeRow(-kInfinity, native.negative_infinite);
    const NativeBuckets& negative = native.negative;
    for (std::uint32_t i = negative.size; i-- > 0;) {
      const std::int64_t index = std::int64_t{negative.first} + i;
      WriteNativeBucket(-encoding::NativeBound(native.schema, index),
                        -encoding::NativeBound(native.schema, index - 1), negative.counts[i]);
    }
    WriteNativeBucket(0 - native.zero_threshold, native.zero_threshold, native.zero_count);
    const NativeBuckets& positive = native.positive;
    for (std::uint32_t i = 0; i < positive.size; ++i) {
      const std::int64_t index = std::int64_t{positive.first} + i;
      WriteNativeBucket(encoding::NativeBound(native.schema, index - 1),
                        encoding::NativeBound(native.schema, index), positive.counts[i]);
    }
    WriteNativeRow(kInfinity, native.positive_infinite);
  }
  void WriteNativeBucket(double lower, double upper, std::uint64_t count) {
    if (count == 0) return;
    // Not below the zero bucket that holds 0 alone: it would be a second row of that bound.
    if (lower > native_end_ && lower != upper) WriteNativeRow(lower, 0);
    // The zero bucket may reach beyond the end of the first one that is not.
    WriteNativeRow(std::max(upper, native_end_), count);
  }
  void WriteNativeRow(double bound, std::uint64_t count) {
    native_count_ += count;
    native_end_ = bound;
    End(encoding::WriteInteger(Start("native_bucket", "le", bound), native_count_));
  }

  void WriteRows(const SummaryPoint& point) {
    for (std::uint32_t i = 0; i < point.quantile_count; ++i) {
      const Quantile& quantile = point.quantiles[i];
      End(encoding::WriteDouble(Start("quantile", "quantile", quantile.quantile), quantile.value));
    }
    WriteTotals(point.count, point.sum);
  }

  void WriteTotals(std::uint64_t count, double sum) {
    End(encoding::WriteInteger(Start("count"), count));
    End(encoding::WriteDouble(Start("sum"), sum));
  }

  const CsvOptions& options_;
  const std::string_view line_end_;
  BlockWriter out_;
  EncodeReport report_;
  TextBuffer head_;                 // of this family's rows: timestamp,name,type,
  TextBuffer json_;                 // this series' labels
  TextBuffer labels_;               // the same, quoted
  std::uint64_t native_count_ = 0;  // up to native_end_
  double native_end_ = 0;
};

class CsvEncoder final : public Encoder {
 public:
  explicit CsvEncoder(CsvOptions options) noexcept : options_(options) {}

  EncodeReport Encode(const Snapshot& snapshot, EncoderCache*, MessageSink& sink) const override {
    return Table(options_, sink).Write(snapshot, sink);
  }
  std::string_view content_type() const override {
    return options_.header ? "text/csv; charset=utf-8; header=present"
                           : "text/csv; charset=utf-8; header=absent";
  }

 private:
  const CsvOptions options_;
};

}  // namespace

std::unique_ptr<Encoder> MakeCsvEncoder(CsvOptions options) {
  return std::make_unique<CsvEncoder>(options);
}

std::string CsvHeader(const CsvOptions& options) {
  return std::string(kColumns).append(options.crlf ? "\r\n" : "\n");
}

POLYMETER_END_NAMESPACE
