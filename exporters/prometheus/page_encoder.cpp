#include "exporters/prometheus/page_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>

#include "exporters/common/encoding/block_writer.h"
#include "exporters/common/encoding/escape.h"
#include "exporters/common/encoding/numbers.h"
#include "exporters/prometheus/line_heads.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using encoding::AppendEscaped;
using encoding::BlockWriter;
using encoding::kMostDigits;
constexpr std::size_t kMostLeText = sizeof(FamilyHeads::LeText::text);
using encoding::Quotes;

bool EndsWith(std::string_view text, std::string_view suffix) noexcept {
  return text.size() > suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}
std::string_view Without(std::string_view text, std::string_view suffix) noexcept {
  return EndsWith(text, suffix) ? text.substr(0, text.size() - suffix.size()) : text;
}

const FamilyView* Find(const Snapshot& snapshot, std::string_view name) {
  const auto& families = snapshot.families();  // ordered by name
  const auto found = std::lower_bound(
      families.begin(), families.end(), name,
      [](const FamilyView& family, std::string_view wanted) { return family.name < wanted; });
  return found != families.end() && found->name == name && found->size() != 0 ? &*found : nullptr;
}

bool HasCreated(const FamilyView* family) noexcept {
  return family != nullptr && (family->type() == MetricType::kHistogram ||
                               family->type() == MetricType::kSummary);
}

// Whether another family of the page uses `name`, for itself or for a sample.
bool Taken(const Snapshot& snapshot, std::string_view name) {
  if (Find(snapshot, name) != nullptr) return true;
  for (const std::string_view suffix : {"_sum", "_count", "_bucket", "_created"}) {
    if (EndsWith(name, suffix) && HasCreated(Find(snapshot, Without(name, suffix)))) return true;
  }
  return false;
}

// How a family is presented: its name in the metadata, its type, and that of its samples.
struct Presentation {
  std::string_view name;
  std::string_view type;
  std::string sample;
  bool demoted = false;  // because of another family's name
};

Presentation Present(const FamilyView& family, const Snapshot& snapshot, bool openmetrics) {
  const std::string_view name = family.name;
  switch (family.type()) {
    case MetricType::kCounter: {
      if (!openmetrics) return {name, "counter", std::string(name)};
      const std::string_view base = Without(name, "_total");
      if (base == name) return {name, "unknown", std::string(name)};
      if (Taken(snapshot, base) || Taken(snapshot, std::string(base) + "_created")) {
        return {name, "unknown", std::string(name), true};
      }
      return {base, "counter", std::string(name)};
    }
    case MetricType::kInfo: {
      const std::string_view base = Without(name, "_info");
      const std::string sample = std::string(base) + "_info";
      if (!openmetrics) return {{}, "gauge", sample};
      if (base != name && Taken(snapshot, base)) return {name, "gauge", sample, true};
      return {base, "info", sample};
    }
    case MetricType::kGauge: return {name, "gauge", std::string(name)};
    case MetricType::kHistogram: return {name, "histogram", std::string(name)};
    case MetricType::kSummary: return {name, "summary", std::string(name)};
    case MetricType::kUnknown: break;
  }
  return {name, openmetrics ? "unknown" : "untyped", std::string(name)};
}

std::string Prologue(const FamilyView& family, const Presentation& as, bool openmetrics) {
  const std::string_view name = as.name.empty() ? std::string_view(as.sample) : as.name;
  std::string help;
  if (!family.help.empty()) {
    help.append("# HELP ").append(name).append(" ");
    AppendEscaped(help, family.help, openmetrics ? Quotes::kEscaped : Quotes::kPlain);
    help += '\n';
  }
  std::string type;
  type.append("# TYPE ").append(name).append(" ").append(as.type).append("\n");
  if (!openmetrics) return help + type;
  std::string unit;
  if (!family.unit.empty() && as.type != "info" &&
      EndsWith(name, "_" + std::string(family.unit))) {
    unit.append("# UNIT ").append(name).append(" ").append(family.unit).append("\n");
  }
  return type + unit + help;
}

void AppendLabels(std::string& out, const FamilyView& family, SeriesView series) {
  bool first = true;
  VisitLabels(family, series, [&](std::string_view name, std::string_view value) {
    if (!first) out += ',';
    first = false;
    out.append(name).append("=\"");
    AppendEscaped(out, value, Quotes::kEscaped);
    out += '"';
  });
}

// One page being written.
class Page {
 public:
  Page(const Snapshot& snapshot, PageDialect dialect, LineHeads* heads, MessageSink& sink)
      : snapshot_(snapshot), dialect_(dialect), heads_(heads), out_(sink) {}

  EncodeReport Write(MessageSink& sink) {
    if (heads_ != nullptr) heads_->BeginPage();
    if (dialect_.openmetrics) WriteTarget();
    for (const FamilyView& family : snapshot_.families()) {
      if (!out_.ok()) break;
      if (family.size() != 0) WriteFamily(family);
    }
    if (dialect_.openmetrics) out_.Append("# EOF\n");
    out_.Flush();
    report_.complete = out_.ok() && sink.EndMessage(static_cast<std::size_t>(report_.points));
    if (heads_ != nullptr) heads_->EndPage();
    return std::move(report_);
  }

 private:
  void WriteFamily(const FamilyView& family) {
    const Presentation as = Present(family, snapshot_, dialect_.openmetrics);
    if (dialect_.openmetrics && as.type != "histogram" && as.type != "summary" &&
        HasCreated(Find(snapshot_, Without(family.name, "_created"))) &&
        EndsWith(family.name, "_created")) {
      Drop("name_clash", family.size());
      return;
    }
    FamilyHeads local;
    FamilyHeads& heads = heads_ != nullptr ? heads_->Of(family.id) : local;
    if (heads.prologue.empty() || heads.demoted != as.demoted) {
      heads.prologue = Prologue(family, as, dialect_.openmetrics);
      heads.demoted = as.demoted;
    }
    out_.Append(heads.prologue);
    std::visit([&](const auto& points) { WritePoints(family, as, heads, points); },
               family.points);
  }

  // `name{labels} `, cached.
  std::string_view Head(const FamilyView& family, std::string_view name, FamilyHeads& heads,
                        SeriesView series) {
    return Cached(heads, series, [&](std::string& head) {
      head += name;
      const std::size_t brace = head.size();
      head += '{';
      AppendLabels(head, family, series);
      if (head.size() == brace + 1) {
        head.pop_back();
      } else {
        head += '}';
      }
      head += ' ';
    });
  }
  // The labels alone, for kinds with several lines a series.
  std::string_view Labels(const FamilyView& family, FamilyHeads& heads, SeriesView series) {
    return Cached(heads, series,
                  [&](std::string& head) { AppendLabels(head, family, series); });
  }
  template <class Make>
  std::string_view Cached(FamilyHeads& heads, SeriesView series, Make&& make) {
    if (heads_ != nullptr) return heads.Head(series, make);
    scratch_.clear();
    make(scratch_);
    return scratch_;
  }

  void Integer(std::uint64_t value) {
    char* const to = out_.Reserve(kMostDigits + 1);
    char* const end = encoding::WriteInteger(to, value);
    *end = '\n';
    out_.Advance(end + 1);
  }
  void Double(double value) {
    char* const to = out_.Reserve(kMostDigits + 1);
    char* const end = dialect_.openmetrics ? encoding::WriteFloat(to, value)
                                           : encoding::WriteDouble(to, value);
    *end = '\n';
    out_.Advance(end + 1);
  }
  void Sample(std::string_view head, double value) {
    out_.Append(head);
    Double(value);
  }
  // name<suffix>{labels} without its value
  void Start(std::string_view name, std::string_view suffix, std::string_view labels) {
    out_.Append(name);
    out_.Append(suffix);
    if (!labels.empty()) {
      out_.Append("{");
      out_.Append(labels);
      out_.Append("}");
    }
    out_.Append(" ");
  }
  void Drop(std::string_view reason, std::uint64_t points) {
    for (EncodeReport::Drop& drop : report_.dropped) {
      if (drop.reason == reason) {
        drop.points += points;
        return;
      }
    }
    report_.dropped.push_back({reason, points});
  }

  // Unix seconds with the fraction that the nanoseconds have.
  void Created(std::string_view name, std::string_view labels, SeriesView series) {
    if (!dialect_.created || series.start_unix_nanos() <= 0) return;
    Start(name, "_created", labels);
    const auto nanos = static_cast<std::uint64_t>(series.start_unix_nanos());
    char digits[kMostDigits + 16];
    char* end = encoding::WriteInteger(digits, nanos / 1000000000u);
    *end++ = '.';
    std::uint64_t fraction = nanos % 1000000000u;
    for (std::uint64_t unit = 100000000u; unit != 0; unit /= 10) {
      *end++ = static_cast<char>('0' + fraction / unit);
      fraction %= unit;
    }
    while (end[-1] == '0' && end[-2] != '.') --end;
    *end++ = '\n';
    out_.Append(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }

  void WritePoints(const FamilyView& family, const Presentation& as, FamilyHeads& heads,
                   const CounterPoints& points) {
    const std::string_view base = Without(as.sample, "_total");
    for (const CounterPoint& point : points) {
      if (!out_.ok()) return;
      if (dialect_.openmetrics && as.type == "counter" && !(point.value() >= 0)) {
        Drop("counter_value", 1);
        continue;
      }
      out_.Append(Head(family, as.sample, heads, point.series));
      if (point.is_integer()) {
        Integer(point.whole);
      } else {
        Double(point.value());
      }
      if (dialect_.created && as.type == "counter") {
        std::string labels;
        AppendLabels(labels, family, point.series);
        Created(base, labels, point.series);
      }
      ++report_.points;
    }
  }

  void WritePoints(const FamilyView& family, const Presentation& as, FamilyHeads& heads,
                   const GaugePoints& points) {
    for (const GaugePoint& point : points) {
      if (!out_.ok()) return;
      Sample(Head(family, as.sample, heads, point.series), point.value);
      ++report_.points;
    }
  }

  void WritePoints(const FamilyView& family, const Presentation& as, FamilyHeads& heads,
                   const UnknownPoints& points) {
    for (const UnknownPoint& point : points) {
      if (!out_.ok()) return;
      Sample(Head(family, as.sample, heads, point.series), point.value);
      ++report_.points;
    }
  }

  void WritePoints(const FamilyView& family, const Presentation& as, FamilyHeads& heads,
                   const InfoPoints& points) {
    for (const InfoPoint& point : points) {
      if (!out_.ok()) return;
      out_.Append(Head(family, as.sample, heads, point.series));
      Integer(1);
      ++report_.points;
    }
  }

  // le="0.1"} for every bound and +Inf.
  void MakeLeTexts(FamilyHeads& heads, const HistogramPoint& point) const {
    heads.bounds.assign(point.bounds, point.bounds + point.bound_count);
    heads.le_texts.clear();
    for (std::uint32_t i = 0; i <= point.bound_count; ++i) {
      char digits[kMostDigits];
      const double bound = i < point.bound_count ? point.bounds[i] : INFINITY;
      char* const end = dialect_.openmetrics ? encoding::WriteFloat(digits, bound)
                                             : encoding::WriteDouble(digits, bound);
      const std::string text = "le=\"" + std::string(digits, end) + "\"} ";
      FamilyHeads::LeText& le = heads.le_texts.emplace_back();
      std::memcpy(le.text, text.data(), text.size());
      le.size = static_cast<std::uint8_t>(text.size());
    }
  }

  // Sums that OpenMetrics can carry.
  bool HasSum(const HistogramPoint& point) const {
    return !dialect_.openmetrics ||
           (point.sum >= 0 && (point.bound_count == 0 || point.bounds[0] >= 0));
  }

  void WritePoints(const FamilyView& family, const Presentation& as, FamilyHeads& heads,
                   const HistogramPoints& points) {
    const std::string bucket = as.sample + "_bucket{";
    for (const HistogramPoint& point : points) {
      if (!out_.ok()) return;
      if (heads.le_texts.size() != point.bound_count + 1 ||
          !std::equal(heads.bounds.begin(), heads.bounds.end(), point.bounds)) {
        MakeLeTexts(heads, point);
      }
      const std::string_view labels = Labels(family, heads, point.series);
      WriteBuckets(bucket, labels, heads, point);
      if (HasSum(point)) {
        // The order of each format's reference writer.
        if (dialect_.openmetrics) WriteCount(as.sample, labels, point.count);
        Start(as.sample, "_sum", labels);
        Double(point.sum);
        if (!dialect_.openmetrics) WriteCount(as.sample, labels, point.count);
      }
      Created(as.sample, labels, point.series);
      ++report_.points;
    }
  }

  void WriteBuckets(std::string_view bucket, std::string_view labels, const FamilyHeads& heads,
                    const HistogramPoint& point) {
    line_.assign(bucket);
    if (!labels.empty()) line_.append(labels).append(",");
    const std::size_t most = line_.size() + kMostLeText + kMostDigits + 1;
    std::uint64_t cumulative = 0;
    for (std::uint32_t i = 0; i <= point.bound_count; ++i) {
      cumulative += point.buckets[i];
      const FamilyHeads::LeText& le = heads.le_texts[i];
      if (most > BlockWriter::kMostReserved) {
        out_.Append(line_);
        out_.Append(std::string_view(le.text, le.size));
        Integer(cumulative);
        continue;
      }
      char* to = out_.Reserve(most);
      std::memcpy(to, line_.data(), line_.size());
      to += line_.size();
      std::memcpy(to, le.text, kMostLeText);  // a fixed size is a few moves; the rest is overwritten
      to = encoding::WriteInteger(to + le.size, cumulative);
      *to++ = '\n';
      out_.Advance(to);
    }
  }

  void WriteCount(std::string_view name, std::string_view labels, std::uint64_t count) {
    Start(name, "_count", labels);
    Integer(count);
  }

  void WritePoints(const FamilyView& family, const Presentation& as, FamilyHeads& heads,
                   const SummaryPoints& points) {
    for (const SummaryPoint& point : points) {
      if (!out_.ok()) return;
      const std::string_view labels = Labels(family, heads, point.series);
      for (std::uint32_t i = 0; i < point.quantile_count; ++i) {
        char digits[kMostDigits];
        char* const end =
            dialect_.openmetrics ? encoding::WriteFloat(digits, point.quantiles[i].quantile)
                                 : encoding::WriteDouble(digits, point.quantiles[i].quantile);
        out_.Append(as.sample);
        out_.Append("{");
        out_.Append(labels);
        out_.Append(labels.empty() ? "quantile=\"" : ",quantile=\"");
        out_.Append(std::string_view(digits, static_cast<std::size_t>(end - digits)));
        out_.Append("\"} ");
        Double(point.quantiles[i].value);
      }
      if (!dialect_.openmetrics || point.sum >= 0) {
        if (dialect_.openmetrics) WriteCount(as.sample, labels, point.count);
        Start(as.sample, "_sum", labels);
        Double(point.sum);
        if (!dialect_.openmetrics) WriteCount(as.sample, labels, point.count);
      }
      Created(as.sample, labels, point.series);
      ++report_.points;
    }
  }

  // The resource as an info family named target (OpenMetrics 1.0, "Supporting target metadata").
  void WriteTarget() {
    const auto& attributes = snapshot_.resource().attributes;
    if (attributes.empty() || Taken(snapshot_, "target") || Taken(snapshot_, "target_info")) return;
    std::map<std::string, std::string> labels;  // attributes that become one name are joined
    for (const auto& [name, value] : attributes) {
      std::string label;
      for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        const bool digit = c >= '0' && c <= '9';
        if (digit && label.empty()) label += '_';
        label += letter || digit ? c : '_';
      }
      while (label.substr(0, 2) == "__") label.erase(0, 1);
      if (label.empty()) continue;
      std::string& joined = labels[label];
      joined += (joined.empty() ? "" : ";") + value;
    }
    std::string text = "# TYPE target info\n# HELP target Target metadata\ntarget_info{";
    for (const auto& [name, value] : labels) {
      text.append(text.back() == '{' ? "" : ",").append(name).append("=\"");
      AppendEscaped(text, value, Quotes::kEscaped);
      text += '"';
    }
    out_.Append(text + "} 1\n");
  }

  const Snapshot& snapshot_;
  const PageDialect dialect_;
  LineHeads* const heads_;
  BlockWriter out_;
  EncodeReport report_;
  std::string scratch_;
  std::string line_;
};

}  // namespace

std::unique_ptr<EncoderCache> PageEncoder::MakeCache() const {
  return std::make_unique<LineHeads>();
}

EncodeReport PageEncoder::Encode(const Snapshot& snapshot, EncoderCache* cache,
                                 MessageSink& sink) const {
  return Page(snapshot, dialect_, static_cast<LineHeads*>(cache), sink).Write(sink);
}

std::string_view PageEncoder::content_type() const {
  return dialect_.openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                              : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace detail
POLYMETER_END_NAMESPACE
