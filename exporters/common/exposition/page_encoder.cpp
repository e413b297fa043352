#include "exporters/common/exposition/page_encoder.h"

#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "exporters/common/encoding/block_writer.h"
#include "exporters/common/encoding/escape.h"
#include "exporters/common/encoding/numbers.h"
#include "exporters/common/exposition/exemplar_text.h"
#include "exporters/common/exposition/family_names.h"
#include "exporters/common/exposition/line_heads.h"
#include "exporters/common/exposition/page_labels.h"
#include "exporters/common/exposition/target_info.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using encoding::AppendEscaped;
using encoding::BlockWriter;
using encoding::CopyPadded;
using encoding::kMostDigits;
using encoding::PaddedText;
using encoding::Quotes;
using encoding::TextBuffer;

void AppendMetadata(TextBuffer& out, std::string_view keyword, std::string_view family,
                    std::string_view text, Quotes quotes) {
  out.Append("# ");
  out.Append(keyword);
  out.Append(" ");
  out.Append(family);
  out.Append(" ");
  AppendEscaped(out, text, quotes);
  out.Append("\n");
}

// What stands before the labels of a sample: `x_sum{` or `{"my.x_sum",`.
TextBuffer HeadOf(const std::string& name, std::string_view suffix, bool plain) {
  std::string text = name;
  text.append(suffix);
  if (plain) return TextBuffer(text.append("{"));
  return TextBuffer("{" + QuotedName(text) + ",");
}

bool IsUnitOf(std::string_view unit, std::string_view name) {
  return IsPlainMetricName(unit) && name.size() > unit.size() + 1 &&
         name.substr(name.size() - unit.size()) == unit &&
         name[name.size() - unit.size() - 1] == '_';
}

// One page being written.
class Page {
 public:
  Page(const Snapshot& snapshot, PageDialect dialect, LineHeads* heads, MessageSink& sink)
      : snapshot_(snapshot),
        dialect_(dialect),
        naming_(snapshot, dialect.openmetrics, dialect.escaping),
        heads_(heads),
        out_(sink),
        write_(dialect.openmetrics ? encoding::WriteFloat : encoding::WriteDouble) {}

  EncodeReport Write(MessageSink& sink) {
    if (heads_ != nullptr) heads_->BeginPage();
    if (naming_.has_target()) {
      AppendTargetInfo(scratch_, snapshot_.resource());
      out_.Append(scratch_.text());
    }
    const auto write = [this](const FamilyView& family, FamilyForm form) {
      WriteFamily(family, form);
    };
    for (const FamilyView& family : snapshot_.families()) {
      if (!out_.ok()) break;
      if (family.size() != 0) naming_.Visit(family, report_, write);
    }
    if (dialect_.openmetrics) out_.Append("# EOF\n");
    out_.Flush();
    report_.complete = out_.ok() && sink.EndMessage(static_cast<std::size_t>(report_.points));
    if (heads_ != nullptr && out_.ok()) heads_->EndPage();
    return std::move(report_);
  }

 private:
  void WriteFamily(const FamilyView& family, FamilyForm form) {
    FamilyHeads local;
    FamilyHeads& heads = heads_ != nullptr ? heads_->Of(family.id) : local;
    if (heads.prologue.empty() || heads.form != form) MakeHeads(heads, family, form);
    out_.Append(heads.prologue.text());
    heads.labels.BeginPass(family.size());
    std::visit([&](const auto& points) { WritePoints(family, heads, points); }, family.points);
    if (out_.ok()) heads.labels.EndPass();
  }

  void MakeHeads(FamilyHeads& heads, const FamilyView& family, FamilyForm form) const {
    const FamilyNames names = naming_.NamesOf(family, form);
    const bool plain =
        !family.utf8_names || (IsPlainMetricName(names.family) && IsPlainMetricName(names.sample));
    const std::string shown = plain ? names.family : QuotedName(names.family);
    const bool openmetrics = dialect_.openmetrics;
    TextBuffer prologue;
    const auto help = [&] {
      if (family.help.empty()) return;
      AppendMetadata(prologue, "HELP", shown, family.help,
                     openmetrics ? Quotes::kEscaped : Quotes::kPlain);
    };
    if (!openmetrics) help();
    AppendMetadata(prologue, "TYPE", shown, names.type, Quotes::kPlain);
    if (openmetrics) {
      if (names.type != "info" && IsUnitOf(family.unit, names.family)) {
        AppendMetadata(prologue, "UNIT", shown, family.unit, Quotes::kPlain);
      }
      help();
    }
    heads.sample = HeadOf(names.sample, "", plain);
    heads.bucket = HeadOf(names.sample, "_bucket", plain);
    heads.sum = HeadOf(names.sample, "_sum", plain);
    heads.count = HeadOf(names.sample, "_count", plain);
    // Start times have a place only where the type has one.
    heads.created = TextBuffer();
    if (dialect_.created &&
        (names.type == "counter" || names.type == "histogram" || names.type == "summary")) {
      heads.created = HeadOf(names.family, "_created", plain);
    }
    heads.counter = names.type == "counter";
    heads.form = form;
    heads.prologue = std::move(prologue);
  }

  // This and the pieces of a line are inlined by force: GCC would call them, which took a quarter
  // of a line's time.
  __attribute__((always_inline)) PaddedText Labels(const FamilyView& family, FamilyHeads& heads,
                                                   SeriesView series) {
    const auto make = [&](TextBuffer& out) {
      AppendPageLabels(out, family, series, dialect_.escaping);
    };
    if (heads_ != nullptr) return heads.labels.Of(series, make);
    scratch_.Clear();
    make(scratch_);
    return scratch_.text();
  }

  // --- lines ---------------------------------------------------------------------------------

  // A line but for its number; `name` ends in '{', a quoted one in ','. Gives where the number
  // goes.
  __attribute__((always_inline)) char* Start(const TextBuffer& name, PaddedText labels) {
    const PaddedText head = name.text();
    if (head.size + labels.size > kMostHead) return StartLong(head, labels);
    char* to = CopyPadded(out_.Reserve(head.size + labels.size + kMostRest), head);
    if (labels.size == 0) {
      if (to[-1] == ',') {  // a quoted name
        to[-1] = '}';
        ++to;
      }
      to[-1] = ' ';
      return to;
    }
    to = CopyPadded(to, labels);
    to[0] = '}';
    to[1] = ' ';
    return to + 2;
  }
  // The same with a label more, written as BoundTexts are.
  char* Start(const TextBuffer& name, PaddedText labels, PaddedText last) {
    const PaddedText head = name.text();
    if (head.size + labels.size > kMostHead) {
      out_.Append(head);
      out_.Append(labels);
      return CopyPadded(out_.Reserve(last.size + kMostRest), last);
    }
    char* to = CopyPadded(out_.Reserve(head.size + labels.size + last.size + kMostRest), head);
    if (labels.size != 0) to = CopyPadded(to, labels);
    return CopyPadded(to, last);
  }
  __attribute__((noinline)) char* StartLong(PaddedText head, PaddedText labels) {
    if (labels.size == 0) {
      out_.Append({head.data, head.size - 1});
      out_.Append(head.data[head.size - 1] == ',' ? "} " : " ");
    } else {
      out_.Append(head);
      out_.Append(labels);
      out_.Append("} ");
    }
    return out_.Reserve(kMostRest);
  }
  void End(char* end) {
    *end = '\n';
    out_.Advance(end + 1);
  }
  // With an exemplar, unless it is null.
  void EndWith(const Exemplar* exemplar, char* end) {
    if (exemplar == nullptr) return End(end);
    out_.Advance(end);
    exemplar_.Clear();
    AppendExemplarText(exemplar_, *exemplar, dialect_.escaping);
    exemplar_.Append("\n");
    out_.Append(exemplar_.text());
  }

  __attribute__((always_inline)) void Integer(const TextBuffer& name, PaddedText labels,
                                              std::uint64_t value) {
    End(encoding::WriteInteger(Start(name, labels), value));
  }
  void Double(const TextBuffer& name, PaddedText labels, double value) {
    End(write_(Start(name, labels), value));
  }
  void Created(const FamilyHeads& heads, PaddedText labels, SeriesView series) {
    if (heads.created.empty() || series.start_unix_nanos() <= 0) return;
    const auto nanos = static_cast<std::uint64_t>(series.start_unix_nanos());
    End(encoding::WriteSeconds(Start(heads.created, labels), nanos));
  }

  // --- points --------------------------------------------------------------------------------

  void WritePoints(const FamilyView& family, FamilyHeads& heads, const CounterPoints& points) {
    // As `unknown` a counter may have any value.
    const bool strict = dialect_.openmetrics && heads.counter;
    for (const CounterPoint& point : points) {
      if (!out_.ok()) return;
      if (strict && !(point.is_integer() || point.value() >= 0)) {
        report_.LeaveOut("counter_value");
        continue;
      }
      const PaddedText labels = Labels(family, heads, point.series);
      if (strict && point.exemplar != nullptr && !std::isnan(point.exemplar->value)) {
        char* const to = Start(heads.sample, labels);
        EndWith(point.exemplar, point.is_integer() ? encoding::WriteInteger(to, point.whole)
                                                   : write_(to, point.value()));
      } else if (point.is_integer()) {
        Integer(heads.sample, labels, point.whole);
      } else {
        Double(heads.sample, labels, point.value());
      }
      Created(heads, labels, point.series);
      ++report_.points;
    }
  }

  void WritePoints(const FamilyView& family, FamilyHeads& heads, const GaugePoints& points) {
    for (const GaugePoint& point : points) {
      if (!out_.ok()) return;
      Double(heads.sample, Labels(family, heads, point.series), point.value);
      ++report_.points;
    }
  }

  void WritePoints(const FamilyView& family, FamilyHeads& heads, const UnknownPoints& points) {
    for (const UnknownPoint& point : points) {
      if (!out_.ok()) return;
      Double(heads.sample, Labels(family, heads, point.series), point.value);
      ++report_.points;
    }
  }

  void WritePoints(const FamilyView& family, FamilyHeads& heads, const InfoPoints& points) {
    for (const InfoPoint& point : points) {
      if (!out_.ok()) return;
      Integer(heads.sample, Labels(family, heads, point.series), 1);
      ++report_.points;
    }
  }

  void WritePoints(const FamilyView& family, FamilyHeads& heads, const HistogramPoints& points) {
    for (const HistogramPoint& point : points) {
      if (!out_.ok()) return;
      heads.bounds.Use(point, write_);
      const PaddedText labels = Labels(family, heads, point.series);
      if (dialect_.openmetrics && point.exemplar_count != 0) {
        BucketExemplars exemplars(point);
        WriteBuckets(heads, point, labels,
                     [&](char* end, std::uint32_t i) { EndWith(exemplars.Of(i), end); });
      } else {
        WriteBuckets(heads, point, labels, [&](char* end, std::uint32_t) { End(end); });
      }
      // Observations below zero are possible or evident: the sum may shrink.
      const bool negative = (point.bound_count != 0 && point.bounds[0] < 0) ||
                            (point.native != nullptr && point.native->negative.size != 0);
      if (!dialect_.openmetrics) {
        Double(heads.sum, labels, point.sum);
        Integer(heads.count, labels, point.count);
      } else if (point.sum >= 0 && !negative) {  // _count is there if and only if _sum is
        Integer(heads.count, labels, point.count);
        Double(heads.sum, labels, point.sum);
      }
      Created(heads, labels, point.series);
      ++report_.points;
    }
  }

  template <class EndLine>
  void WriteBuckets(const FamilyHeads& heads, const HistogramPoint& point, PaddedText labels,
                    EndLine end_line) {
    std::uint64_t cumulative = 0;
    for (std::uint32_t i = 0; i <= point.bound_count; ++i) {
      cumulative += point.buckets[i];
      const PaddedText bound =
          labels.size == 0 ? heads.bounds.Alone(i) : heads.bounds.AfterLabels(i);
      end_line(encoding::WriteInteger(Start(heads.bucket, labels, bound), cumulative), i);
    }
  }

  void WritePoints(const FamilyView& family, FamilyHeads& heads, const SummaryPoints& points) {
    for (const SummaryPoint& point : points) {
      if (!out_.ok()) return;
      const PaddedText labels = Labels(family, heads, point.series);
      for (std::uint32_t i = 0; i < point.quantile_count; ++i) {
        WriteQuantile(heads, labels, point.quantiles[i]);
      }
      if (!dialect_.openmetrics) {
        Double(heads.sum, labels, point.sum);
        Integer(heads.count, labels, point.count);
      } else {
        Integer(heads.count, labels, point.count);
        if (point.sum >= 0) Double(heads.sum, labels, point.sum);
      }
      Created(heads, labels, point.series);
      ++report_.points;
    }
  }

  void WriteQuantile(const FamilyHeads& heads, PaddedText labels, const Quantile& quantile) {
    const bool in_range = quantile.quantile >= 0 && quantile.quantile <= 1;
    if (dialect_.openmetrics && (!in_range || quantile.value < 0)) return;
    char text[kMostDigits + 16 + encoding::kPadding] = ",quantile=\"";
    char* end = write_(text + 11, quantile.quantile);
    std::memcpy(end, "\"} ", 3);
    end += 3;
    const char* const begin = labels.size == 0 ? text + 1 : text;
    const PaddedText last{begin, static_cast<std::size_t>(end - begin)};
    End(write_(Start(heads.sample, labels, last), quantile.value));
  }

  static constexpr std::size_t kMostRest = kMostDigits + 3;  // "} ", a number, LF
  // Longer heads go piece by piece.
  static constexpr std::size_t kMostHead =
      BlockWriter::kMostReserved - BoundTexts::kMost - 16 - kMostRest;

  const Snapshot& snapshot_;
  const PageDialect dialect_;
  const FamilyNaming naming_;
  LineHeads* const heads_;
  BlockWriter out_;
  const BoundTexts::Write write_;
  EncodeReport report_;
  TextBuffer scratch_;
  TextBuffer exemplar_;
};

}  // namespace

std::unique_ptr<EncoderCache> PageEncoder::MakeCache() const {
  return std::make_unique<LineHeads>();
}

EncodeReport PageEncoder::Encode(const Snapshot& snapshot, EncoderCache* cache,
                                 MessageSink& sink) const {
  return Page(snapshot, dialect_, static_cast<LineHeads*>(cache), sink).Write(sink);
}

// Text with quoted names is version 1.0.0. Of escaping nothing is said where it is the default.
PageEncoder::PageEncoder(PageDialect dialect)
    : dialect_(dialect),
      content_type_(std::string(dialect.openmetrics ? "application/openmetrics-text; version=1.0.0"
                                : dialect.escaping == NameEscaping::kAllowUtf8
                                    ? "text/plain; version=1.0.0"
                                    : "text/plain; version=0.0.4") +
                    "; charset=utf-8" +
                    (dialect.escaping == NameEscaping::kUnderscores
                         ? std::string()
                         : "; escaping=" + std::string(ToString(dialect.escaping)))) {}

std::string_view PageEncoder::content_type() const { return content_type_; }

}  // namespace detail
POLYMETER_END_NAMESPACE
