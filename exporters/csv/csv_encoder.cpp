#include "exporters/csv/csv_encoder.h"

#include <chrono>
#include <limits>
#include <string_view>
#include <utility>

#include "exporters/common/encoding/block_writer.h"
#include "exporters/common/encoding/json_text.h"

POLYMETER_BEGIN_NAMESPACE
namespace {

using encoding::BlockWriter;
using encoding::kMostDigits;
using encoding::TextBuffer;

constexpr std::string_view kColumns = "timestamp,name,type,labels,field,value";

// Appends JSON as it stands within the quotes of a cell.
void AppendQuoted(TextBuffer& out, std::string_view json, bool defuse) {
  for (;;) {
    const std::size_t plain = json.find_first_of(defuse ? "\";|" : "\"");
    out.Append(json.substr(0, plain));
    if (plain == std::string_view::npos) return;
    out.Append(json[plain] == '"' ? "\"\"" : json[plain] == ';' ? "\\u003b" : "\\u007c");
    json.remove_prefix(plain + 1);
  }
}

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
      head_.Append(family.name);
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
    AppendQuoted(labels_, json_.text(), options_.defuse_formulas);
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
    WriteTotals(point.count, point.sum);
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
  TextBuffer head_;    // of this family's rows: timestamp,name,type,
  TextBuffer json_;    // this series' labels
  TextBuffer labels_;  // the same, quoted
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
