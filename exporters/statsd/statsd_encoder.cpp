#include "exporters/statsd/statsd_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "exporters/common/encoding/native_bounds.h"
#include "exporters/common/encoding/written_labels.h"
#include "exporters/statsd/line_texts.h"
#include "exporters/statsd/line_writer.h"
#include "exporters/statsd/names.h"
#include "exporters/statsd/written_names.h"
#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

// Datadog's unified tags: what the environment says, else what the Metrics knows of itself.
// https://docs.datadoghq.com/getting_started/tagging/unified_service_tagging
void AddIdentity(std::vector<std::pair<std::string, std::string>>& tags, const Resource& resource) {
  constexpr std::pair<std::string_view, std::string_view> kSources[] = {
      {"service.name", "service"}, {"service.version", "version"}};
  for (const auto& [attribute, tag] : kSources) {
    const bool known = std::any_of(tags.begin(), tags.end(),
                                   [tag = tag](const auto& entry) { return entry.first == tag; });
    if (known) continue;
    for (const auto& [name, value] : resource.attributes) {
      if (name != attribute || value.empty() || value.rfind("unknown_service", 0) == 0) continue;
      tags.emplace_back(tag, value);
    }
  }
}

// By its unit; where none is given, by its name.
bool IsInSeconds(const FamilyView& family) {
  constexpr std::string_view kSuffix = "_seconds";
  if (!family.unit.empty()) return family.unit == kSuffix.substr(1);
  return family.name.size() > kSuffix.size() &&
         family.name.substr(family.name.size() - kSuffix.size()) == kSuffix;
}

// One flush being written.
class Flush {
 public:
  Flush(const Snapshot& snapshot, const StatsdFormat& format, LineTexts* texts, MessageSink& sink)
      : snapshot_(snapshot),
        format_(format),
        dogstatsd_(format.dialect == StatsdDialect::kDogstatsd),
        texts_(texts),
        names_(snapshot, format),
        lines_(format, sink) {
    if (!dogstatsd_) return;
    constant_tags_ = format.constant_tags;
    AddIdentity(constant_tags_, snapshot.resource());
    // Labels are UTF-8 already; a receiver may refuse a line that is not.
    for (auto& [name, value] : constant_tags_) {
      name = ToUtf8(name);
      value = ToUtf8(value);
    }
  }

  EncodeReport Write() {
    if (texts_ != nullptr) {
      std::string constants;
      for (const auto& [name, value] : constant_tags_) {
        constants.append(name).append("\n").append(value).append("\n");
      }
      texts_->BeginFlush(constants);
    }
    for (const FamilyView& family : snapshot_.families()) {
      if (!lines_.ok()) break;
      if (family.size() != 0) WriteFamily(family);
    }
    if (const std::size_t points = lines_.Finish(); points != 0 && lines_.ok()) {
      report_.points -= points;
      report_.LeaveOut("no_packet", points);
    }
    report_.complete = lines_.ok();
    if (texts_ != nullptr && lines_.ok()) texts_->EndFlush();
    return std::move(report_);
  }

 private:
  void WriteFamily(const FamilyView& family) {
    if (names_.Clashes(family)) {
      report_.LeaveOut("name_clash", family.size());
      return;
    }
    // What counts is added up by the receiver; of two gauges only the last would be left.
    const bool last_wins = family.type() == MetricType::kGauge ||
                           family.type() == MetricType::kInfo ||
                           family.type() == MetricType::kUnknown;
    if (family.utf8_names && last_wins) {
      std::uint64_t left_out = 0;
      if (const auto rest = encoding::WithoutClashingSeries(family, tag_name_, left_out)) {
        report_.LeaveOut("name_clash", left_out);
        WriteSeries(*rest);
        return;
      }
    }
    WriteSeries(family);
  }

  void WriteSeries(const FamilyView& family) {
    FamilyTexts local;
    FamilyTexts& texts = texts_ != nullptr ? texts_->Of(family.id) : local;
    if (texts.name.empty()) {
      std::string name = format_.prefix;
      AppendMetricName(name, family.name);
      texts.count = name + "_count";
      texts.sum = name + "_sum";
      texts.bucket = name + "_bucket";
      texts.quantile = name + "_quantile";
      texts.name = std::move(name);
    }
    texts.tags.BeginPass();
    std::visit(
        [&](const auto& points) {
          for (const auto& point : points) {
            if (!lines_.ok()) return;
            WritePoint(family, texts, point);
            EndPoint();
          }
        },
        family.points);
    texts.tags.EndPass();
  }

  LineHead HeadOf(const FamilyView& family, FamilyTexts& texts, SeriesView series) const {
    const std::string& tags = texts.tags.Of(series, [&](std::string& out) {
      for (const auto& [name, value] : constant_tags_) {
        AppendConstant(out, family, series, name, value);
      }
      if (family.utf8_names) {
        for (const auto& [name, value] : encoding::WrittenLabels(family, series, tag_name_)) {
          AppendTag(out, format_.tags, name, value, dogstatsd_);
        }
        return;
      }
      VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
        AppendTag(out, format_.tags, name, value, dogstatsd_);
      });
    });
    return {texts.name, tags, {}};
  }
  // A label of the series wins.
  void AppendConstant(std::string& out, const FamilyView& family, SeriesView series,
                      const std::string& name, const std::string& value) const {
    bool shadowed = false;
    VisitLabels(family, series,
                [&](std::string_view label, std::string_view) { shadowed |= label == name; });
    if (shadowed) return;
    if (!value.empty()) {
      AppendTag(out, format_.tags, name, value, true);
    } else if (format_.tags == StatsdTags::kDogstatsd) {
      AppendBareTag(out, name);
    }
  }

  // --- points --------------------------------------------------------------------------------

  void WritePoint(const FamilyView& family, FamilyTexts& texts, const CounterPoint& point) {
    const LineHead head = HeadOf(family, texts, point.series);
    if (point.is_integer()) {
      lines_.Counter(head, point.whole);
    } else {
      lines_.Counter(head, point.value());
    }
  }
  void WritePoint(const FamilyView& family, FamilyTexts& texts, const GaugePoint& point) {
    lines_.Gauge(HeadOf(family, texts, point.series), point.value);
  }
  void WritePoint(const FamilyView& family, FamilyTexts& texts, const UnknownPoint& point) {
    lines_.Gauge(HeadOf(family, texts, point.series), point.value);
  }
  void WritePoint(const FamilyView& family, FamilyTexts& texts, const InfoPoint& point) {
    lines_.Gauge(HeadOf(family, texts, point.series), 1);
  }

  void WritePoint(const FamilyView& family, FamilyTexts& texts, const SummaryPoint& point) {
    LineHead head = HeadOf(family, texts, point.series);
    head.name = texts.count;
    lines_.Counter(head, point.count);
    head.name = texts.sum;
    lines_.Counter(head, point.sum);
    // Not the name itself: statsd_exporter takes no <name>_count beside a gauge <name>.
    head.name = texts.quantile;
    for (std::uint32_t i = 0; i < point.quantile_count; ++i) {
      const Quantile& quantile = point.quantiles[i];
      if (std::isnan(quantile.value)) continue;  // nothing was observed
      number_tag_.clear();
      AppendNumberTag(number_tag_, format_.tags, "quantile", quantile.quantile);
      head.number_tag = number_tag_;
      lines_.Gauge(head, quantile.value);
    }
  }

  void WritePoint(const FamilyView& family, FamilyTexts& texts, const HistogramPoint& point) {
    const LineHead head = HeadOf(family, texts, point.series);
    // What a producer brings has no observations; its series may stand in a family of ours.
    const bool produced = point.series.generation() == 0;
    const bool counters = format_.histograms == StatsdHistograms::kCounters ||
                          (format_.histograms == StatsdHistograms::kSamples && produced);
    if (counters) {
      WriteCounters(head, texts, point);
      return;
    }
    // Timings are milliseconds in plain StatsD, whatever the name says.
    const int shift = !dogstatsd_ && IsInSeconds(family) ? 3 : 0;
    if (format_.histograms == StatsdHistograms::kSamples && point.sample_count != 0) {
      WriteSamples(head, point, shift);
    } else {
      WriteBuckets(head, point, shift);
    }
  }

  void WriteCounters(LineHead head, FamilyTexts& texts, const HistogramPoint& point) {
    texts.bounds.Use(point, format_.tags);
    std::uint64_t cumulative = 0;
    head.name = texts.bucket;
    for (std::uint32_t i = 0; i <= point.bound_count; ++i) {
      cumulative += point.buckets[i];
      head.number_tag = texts.bounds[i];
      lines_.Counter(head, cumulative);
    }
    head.number_tag = {};
    head.name = texts.sum;
    lines_.Counter(head, point.sum);
    head.name = texts.count;
    lines_.Counter(head, point.count);
  }

  // Each of the n observations that were kept stands for count / n of them. Weights are
  // whole, because receivers repeat an observation so many times; they add up to count.
  void WriteSamples(const LineHead& head, const HistogramPoint& point, int shift) {
    const std::uint64_t n = std::min<std::uint64_t>(point.sample_count, point.count);
    if (n == 0) return;
    const double* const samples = point.samples + (point.sample_count - n);
    const std::uint64_t weight = point.count / n;
    const std::uint64_t heavier = point.count % n;
    lines_.Timings(head, samples, samples + heavier, weight + 1, shift);
    lines_.Timings(head, samples + heavier, samples + n, weight, shift);
  }

  // The middle of each bucket, for as many as it has; of the last one its lower bound.
  void WriteBuckets(const LineHead& head, const HistogramPoint& point, int shift) {
    const std::uint32_t bounds = point.bound_count;
    // One bucket would say the mean only.
    if (bounds == 0 && point.native != nullptr) {
      return WriteNativeBuckets(head, *point.native, shift);
    }
    for (std::uint32_t i = 0; i <= bounds; ++i) {
      if (point.buckets[i] == 0) continue;
      double value;
      if (bounds == 0) {
        value = point.sum / static_cast<double>(point.count);
      } else if (i == bounds) {
        value = point.bounds[bounds - 1];
      } else if (i == 0) {
        value = point.bounds[0] > 0 ? point.bounds[0] / 2 : point.bounds[0];
      } else {
        value = point.bounds[i - 1] / 2 + point.bounds[i] / 2;
      }
      lines_.Timings(head, &value, &value + 1, point.buckets[i], shift);
    }
  }

  void WriteNativeBuckets(const LineHead& head, const NativeHistogram& native, int shift) {
    const auto put = [&](double value, std::uint64_t count) {
      if (count != 0) lines_.Timings(head, &value, &value + 1, count, shift);
    };
    for (const bool negative : {true, false}) {
      const NativeBuckets& buckets = negative ? native.negative : native.positive;
      for (std::uint32_t i = 0; i < buckets.size; ++i) {
        const std::int64_t index = std::int64_t{buckets.first} + i;
        const double middle = encoding::NativeMiddle(native.schema, index);
        put(negative ? -middle : middle, buckets.counts[i]);
      }
    }
    put(0, native.zero_count);
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    put(kInfinity, native.positive_infinite);
    put(-kInfinity, native.negative_infinite);
  }

  // --- accounts ------------------------------------------------------------------------------

  void EndPoint() {
    if (const char* const fault = lines_.EndPoint(); fault != nullptr) {
      report_.LeaveOut(fault);
    } else {
      ++report_.points;
    }
  }
  const Snapshot& snapshot_;
  const StatsdFormat& format_;
  const bool dogstatsd_;
  LineTexts* const texts_;
  const WrittenNames names_;
  LineWriter lines_;
  std::vector<std::pair<std::string, std::string>> constant_tags_;
  const encoding::WriteLabelName tag_name_ = [this](std::string_view name) {
    return TagName(format_.tags, name);
  };
  EncodeReport report_;
  std::string number_tag_;
};

class StatsdEncoder final : public Encoder {
 public:
  explicit StatsdEncoder(StatsdFormat format) : format_(std::move(format)) {}

  std::unique_ptr<EncoderCache> MakeCache() const override { return std::make_unique<LineTexts>(); }
  EncodeReport Encode(const Snapshot& snapshot, EncoderCache* cache,
                      MessageSink& sink) const override {
    return Flush(snapshot, format_, static_cast<LineTexts*>(cache), sink).Write();
  }
  std::string_view content_type() const override { return {}; }

 private:
  const StatsdFormat format_;
};

}  // namespace

std::unique_ptr<Encoder> MakeStatsdEncoder(StatsdFormat format) {
  return std::make_unique<StatsdEncoder>(std::move(format));
}

}  // namespace detail
POLYMETER_END_NAMESPACE
