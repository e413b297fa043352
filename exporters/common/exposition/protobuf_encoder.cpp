#include "exporters/common/exposition/protobuf_encoder.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "exporters/common/encoding/block_writer.h"
#include "exporters/common/encoding/protobuf_wire.h"
#include "exporters/common/encoding/series_texts.h"
#include "exporters/common/encoding/written_labels.h"
#include "exporters/common/exposition/family_names.h"
#include "exporters/common/exposition/protobuf_encoder_fields.h"
#include "exporters/common/exposition/protobuf_encoder_values.h"
#include "exporters/common/exposition/target_info.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

namespace fields = prometheus_fields;
using encoding::BlockWriter;
using encoding::PaddedText;
using encoding::TextBuffer;

// --- what stays the same from page to page -------------------------------------------------------

struct ProtobufFamily {
  FamilyForm form = FamilyForm::kNatural;  // what the head was made for
  TextBuffer head;                         // name, help, type and unit; empty: not made yet
  encoding::SeriesTexts labels;            // LabelPairs, as fields of Metric
  std::uint64_t page = 0;                  // the last one that had it
};

class ProtobufCache final : public EncoderCache {
 public:
  void BeginPage() noexcept { ++page_; }
  ProtobufFamily& Of(std::uint64_t id) {
    ProtobufFamily& family = families_[id];
    family.page = page_;
    return family;
  }
  // After a whole page: forgets the families that it did not have.
  void EndPage() {
    std::erase_if(families_, [this](const auto& entry) { return entry.second.page != page_; });
  }

 private:
  std::uint64_t page_ = 0;
  std::unordered_map<std::uint64_t, ProtobufFamily> families_;
};

// --- names and labels ----------------------------------------------------------------------------

std::uint64_t WireType(MetricType type) noexcept {
  switch (type) {
    case MetricType::kCounter:
      return fields::kCounterType;
    case MetricType::kGauge:
    case MetricType::kInfo:
      return fields::kGaugeType;
    case MetricType::kHistogram:
      return fields::kHistogramType;
    case MetricType::kSummary:
      return fields::kSummaryType;
    case MetricType::kUnknown:
      break;
  }
  return fields::kUntypedType;
}

// Prometheus 3 refuses a page for a unit that its family's name does not end in.
bool EndsInUnit(std::string_view name, MetricType type, std::string_view unit) {
  constexpr std::string_view kTotalSuffix = "_total";
  if (unit.empty() || type == MetricType::kInfo) return false;
  if (type == MetricType::kCounter && name.ends_with(kTotalSuffix)) {
    name.remove_suffix(kTotalSuffix.size());
  }
  return name.size() > unit.size() + 1 && name.ends_with(unit) &&
         name[name.size() - unit.size() - 1] == '_';
}

void AppendHead(TextBuffer& out, std::string_view name, std::string_view help, MetricType type,
                std::string_view unit) {
  const auto text = [&out](std::uint32_t field, std::string_view bytes) {
    if (!bytes.empty()) encoding::AppendField(out, field, IsUtf8(bytes) ? bytes : ToUtf8(bytes));
  };
  text(fields::kFamilyName, name);
  text(fields::kFamilyHelp, help);
  encoding::AppendVarintField(out, fields::kFamilyType, WireType(type));
  if (EndsInUnit(name, type, unit)) text(fields::kFamilyUnit, unit);
}

// Whether labels are written under other names than their own.
bool Escapes(const FamilyView& family, NameEscaping escaping) noexcept {
  return family.utf8_names && escaping != NameEscaping::kAllowUtf8;
}

encoding::WriteLabelName Writer(NameEscaping escaping) {
  return [escaping](std::string_view name) { return EscapedLabelName(name, escaping); };
}

void AppendLabelPairs(TextBuffer& out, const FamilyView& family, SeriesView series,
                      NameEscaping escaping) {
  if (Escapes(family, escaping)) {
    for (const auto& [name, value] : encoding::WrittenLabels(family, series, Writer(escaping))) {
      AppendLabelPair(out, fields::kMetricLabel, name, value);
    }
    return;
  }
  VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
    AppendLabelPair(out, fields::kMetricLabel, name, value);
  });
}

// --- one page ------------------------------------------------------------------------------------

class ProtobufPage {
 public:
  ProtobufPage(const Snapshot& snapshot, const ProtobufOptions& options, ProtobufCache* cache,
               MessageSink& sink)
      : snapshot_(snapshot),
        options_(options),
        naming_(snapshot, /*openmetrics=*/false, options.escaping),
        cache_(cache),
        out_(sink),
        values_(options.escaping, options.created_timestamps) {}

  EncodeReport Write(MessageSink& sink) {
    if (cache_ != nullptr) cache_->BeginPage();
    WriteTarget();
    const auto write = [this](const FamilyView& family, FamilyForm form) {
      WriteFamily(family, form);
    };
    for (const FamilyView& family : snapshot_.families()) {
      if (!out_.ok()) break;
      if (family.size() != 0) naming_.Visit(family, report_, write);
    }
    out_.Flush();
    report_.complete = out_.ok() && sink.EndMessage(static_cast<std::size_t>(report_.points));
    if (cache_ != nullptr && out_.ok()) cache_->EndPage();
    return std::move(report_);
  }

 private:
  static constexpr std::string_view kTargetInfo = "target_info";

  std::string NameOf(const FamilyView& family, FamilyForm form) const {
    return naming_.NamesOf(family, form).sample;
  }

  bool HasTarget() const {
    if (snapshot_.resource().attributes.empty()) return false;
    for (const FamilyView& family : snapshot_.families()) {
      if (family.size() == 0 || !family.name.starts_with("target")) continue;
      const FamilyForm form = naming_.FormOf(family);
      if (form != FamilyForm::kLeftOut && NameOf(family, form) == kTargetInfo) return false;
    }
    return true;
  }

  void WriteTarget() {
    if (!HasTarget()) return;
    TextBuffer head;
    AppendHead(head, kTargetInfo, "Target metadata", MetricType::kInfo, {});
    TextBuffer labels;
    for (const auto& [name, value] : TargetLabels(snapshot_.resource())) {
      AppendLabelPair(labels, fields::kMetricLabel, name, value);
    }
    const PaddedText value = values_.Of(InfoPoint{SeriesView(nullptr)});
    const std::size_t metric = labels.size() + value.size;
    Begin(head.text(), encoding::FieldSize(fields::kFamilyMetric, metric));
    WriteMetric(labels.text(), value);
  }

  void WriteFamily(const FamilyView& family, FamilyForm form) {
    ProtobufFamily local;
    ProtobufFamily& kept = cache_ != nullptr ? cache_->Of(family.id) : local;
    if (kept.head.empty() || kept.form != form) {
      kept.head.Clear();
      kept.form = form;
      AppendHead(kept.head, NameOf(family, form), family.help, family.type(), family.unit);
    }
    kept.labels.BeginPass(family.size());
    std::visit([&](const auto& points) { WritePoints(family, kept, points); }, family.points);
    if (out_.ok()) kept.labels.EndPass();
  }

  // As many points a message as it may hold; all of them but for giant families.
  template <class Points>
  void WritePoints(const FamilyView& family, ProtobufFamily& kept, const Points& points) {
    for (auto begin = points.begin(); begin != points.end() && out_.ok();) {
      std::size_t size = 0;
      auto end = begin;
      for (; end != points.end(); ++end) {
        const std::size_t value = values_.SizeOf(*end);
        if (value == 0) continue;
        const std::size_t labels = LabelsSize(family, kept, end->series);
        const std::size_t metric = encoding::FieldSize(fields::kFamilyMetric, labels + value);
        if (size != 0 && kept.head.size() + size + metric > options_.max_message_bytes) break;
        size += metric;
      }
      // The pass that counts which texts are in use is the one below.
      if (begin == points.begin()) kept.labels.BeginPass(family.size());
      if (size != 0) Begin(kept.head.text(), size);
      for (; begin != end && out_.ok(); ++begin) {
        const PaddedText value = values_.Of(*begin);
        if (value.size == 0) {
          report_.LeaveOut("bad_native_histogram");
          continue;
        }
        WriteMetric(Labels(family, kept, begin->series), value);
        ++report_.points;
      }
    }
  }

  PaddedText Labels(const FamilyView& family, ProtobufFamily& kept, SeriesView series) {
    const auto make = [&](TextBuffer& out) {
      AppendLabelPairs(out, family, series, options_.escaping);
    };
    if (cache_ != nullptr) return kept.labels.Of(series, make);
    scratch_.Clear();
    make(scratch_);
    return scratch_.text();
  }

  // Without a cache the texts would be made twice.
  std::size_t LabelsSize(const FamilyView& family, ProtobufFamily& kept, SeriesView series) {
    if (cache_ != nullptr) return Labels(family, kept, series).size;
    std::size_t size = 0;
    bool plain = !family.utf8_names;
    VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
      plain = plain && IsAscii(value);
      size += LabelPairSize(fields::kMetricLabel, name.size(), value.size());
    });
    return plain ? size : Labels(family, kept, series).size;
  }

  // A message, of which `metrics` bytes follow the head.
  void Begin(PaddedText head, std::size_t metrics) {
    out_.Advance(encoding::WriteVarint(out_.Reserve(encoding::kMostVarint), head.size + metrics));
    out_.Append(head);
  }

  void WriteMetric(PaddedText labels, PaddedText value) {
    const std::size_t size = labels.size + value.size;
    const bool fits = size + encoding::kMostFieldHead <= BlockWriter::kMostReserved;
    char* to = out_.Reserve(encoding::kMostFieldHead + (fits ? size : 0));
    to = encoding::WriteFieldHead(to, fields::kFamilyMetric, size);
    if (fits) {
      if (labels.size != 0) to = encoding::CopyPadded(to, labels);
      out_.Advance(encoding::CopyPadded(to, value));
      return;
    }
    out_.Advance(to);
    out_.Append(labels);
    out_.Append(value);
  }

  const Snapshot& snapshot_;
  const ProtobufOptions& options_;
  const FamilyNaming naming_;
  ProtobufCache* const cache_;
  BlockWriter out_;
  ProtobufValues values_;
  EncodeReport report_;
  TextBuffer scratch_;
};

class ProtobufEncoder final : public Encoder {
 public:
  explicit ProtobufEncoder(const ProtobufOptions& options) : options_(options) {}

  std::unique_ptr<EncoderCache> MakeCache() const override {
    return std::make_unique<ProtobufCache>();
  }
  EncodeReport Encode(const Snapshot& snapshot, EncoderCache* cache,
                      MessageSink& sink) const override {
    return ProtobufPage(snapshot, options_, static_cast<ProtobufCache*>(cache), sink).Write(sink);
  }
  std::string_view content_type() const override {
    return "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
           "encoding=delimited";
  }

 private:
  const ProtobufOptions options_;
};

}  // namespace
}  // namespace detail

std::unique_ptr<Encoder> MakeProtobufEncoder(const ProtobufOptions& options) {
  return std::make_unique<detail::ProtobufEncoder>(options);
}

POLYMETER_END_NAMESPACE
