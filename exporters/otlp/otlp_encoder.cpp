#include "exporters/otlp/otlp_encoder.h"

#include <chrono>
#include <utility>
#include <vector>

#include "exporters/otlp/attributes.h"
#include "exporters/otlp/exemplar_form.h"
#include "exporters/otlp/family_form.h"
#include "exporters/otlp/json_request.h"
#include "exporters/otlp/otlp_cache.h"
#include "exporters/otlp/protobuf_request.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

using encoding::PaddedText;
using encoding::TextBuffer;

std::uint64_t UnixNanos(SystemTime time) noexcept {
  const auto nanos =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  return nanos < 0 ? 0 : static_cast<std::uint64_t>(nanos);
}

// One snapshot being written. `Request` builds the bytes.
template <class Request>
class Pass {
 public:
  Pass(const Snapshot& snapshot, const OtlpEncoderOptions& options, OtlpCache& cache,
       MessageSink& sink)
      : snapshot_(snapshot),
        options_(options),
        time_(UnixNanos(snapshot.time())),
        cache_(cache),
        sink_(sink),
        request_(snapshot.resource(), cache.body()) {}

  EncodeReport Run() {
    cache_.BeginPass();
    for (const FamilyView& family : snapshot_.families()) {
      if (family.size() != 0) WriteFamily(family);
      if (!report_.complete) return std::move(report_);
    }
    if (!request_.empty()) Flush();
    if (report_.complete) cache_.EndPass();
    return std::move(report_);
  }

 private:
  void WriteFamily(const FamilyView& family) {
    form_ = FormOf(family, options_.explicit_histograms);
    family_ = &cache_.Of(family.id);
    if (family_->data != form_.data) {
      family_->attributes = {};
      family_->data = form_.data;
    }
    if (family_->head.empty()) Request::AppendHead(family_->head, form_);
    request_.Open(form_, family_->head.text());
    family_->attributes.BeginPass(family.size());
    std::visit([&](const auto& points) { WritePoints(family, points); }, family.points);
    if (!report_.complete) return;
    family_->attributes.EndPass();
    request_.Close();
  }

  void WritePoints(const FamilyView& family, const CounterPoints& points) {
    const bool all_integers = AllIntegers(points);
    for (const CounterPoint& point : points) {
      const std::uint64_t start = StartOf(family, point.series, time_);
      const bool integer = IsInteger(point, all_integers);
      const Texts texts =
          TextsOf(family, point.series, point.exemplar, point.exemplar != nullptr ? 1 : 0, integer);
      if (integer) {
        const auto value = static_cast<std::int64_t>(point.whole);
        Put(texts, [&](PaddedText text) { request_.Integer(text, start, time_, value); });
      } else {
        Put(texts, [&](PaddedText text) { request_.Double(text, start, time_, point.value()); });
      }
      if (!report_.complete) return;
    }
  }

  void WritePoints(const FamilyView& family, const GaugePoints& points) {
    for (const GaugePoint& point : points) {
      const Texts texts = TextsOf(family, point.series);
      // A Gauge has no begin.
      const std::uint64_t start = family.additive ? StartOf(family, point.series, time_) : 0;
      Put(texts, [&](PaddedText text) { request_.Double(text, start, time_, point.value); });
      if (!report_.complete) return;
    }
  }

  void WritePoints(const FamilyView& family, const UnknownPoints& points) {
    for (const UnknownPoint& point : points) {
      const Texts texts = TextsOf(family, point.series);
      Put(texts, [&](PaddedText text) { request_.Double(text, 0, time_, point.value); });
      if (!report_.complete) return;
    }
  }

  void WritePoints(const FamilyView& family, const InfoPoints& points) {
    for (const InfoPoint& point : points) {
      const Texts texts = TextsOf(family, point.series);
      const std::uint64_t start = StartOf(family, point.series, time_);
      Put(texts, [&](PaddedText text) { request_.Integer(text, start, time_, 1); });
      if (!report_.complete) return;
    }
  }

  void WritePoints(const FamilyView& family, const HistogramPoints& points) {
    for (const HistogramPoint& point : points) {
      const std::uint64_t start = StartOf(family, point.series, time_);
      const Texts texts =
          TextsOf(family, point.series, point.exemplars, point.exemplar_count, false);
      if (form_.data == OtlpData::kExponentialHistogram) {
        Put(texts,
            [&](PaddedText text) { request_.ExponentialHistogram(text, start, time_, point); });
      } else {
        Put(texts, [&](PaddedText text) { request_.Histogram(text, start, time_, point); });
      }
      if (!report_.complete) return;
    }
  }

  void WritePoints(const FamilyView& family, const SummaryPoints& points) {
    std::vector<Quantile> scratch;
    for (const SummaryPoint& point : points) {
      const Texts texts = TextsOf(family, point.series);
      const std::uint64_t start = StartOf(family, point.series, time_);
      const std::vector<Quantile>& quantiles = QuantilesOf(point, scratch);
      Put(texts, [&](PaddedText text) {
        request_.Summary(text, start, time_, point.count, SumOf(point), quantiles);
      });
      if (!report_.complete) return;
    }
  }

  // Encoded fields of a point that are made of texts.
  struct Texts {
    PaddedText all;
    PaddedText attributes;  // `all` without the exemplars
  };

  Texts TextsOf(const FamilyView& family, SeriesView series) {
    const PaddedText text = family_->attributes.Of(series, [&](TextBuffer& out) {
      Request::AppendAttributes(out, form_.data, attributes_.Of(family, series));
    });
    return {text, text};
  }
  Texts TextsOf(const FamilyView& family, SeriesView series, const Exemplar* exemplars,
                std::size_t count, bool integers) {
    Texts texts = TextsOf(family, series);
    if (count == 0) return texts;
    exemplars_.integers = integers;
    exemplars_.exemplars.clear();
    for (std::size_t i = 0; i < count; ++i) exemplars_.exemplars.push_back(&exemplars[i]);
    joined_.Clear();
    joined_.Append(texts.attributes);
    Request::AppendExemplars(joined_, form_.data, exemplars_, attributes_);
    texts.all = joined_.text();
    return texts;
  }

  // Writes a point into the open request, or into the next one when it has no room left.
  template <class Write>
  void Put(const Texts& texts, Write&& write) {
    if (Fits(texts.all, write)) return Count();
    if (points_ != 0) {
      request_.Close();
      if (!Flush()) return;
      request_.Open(form_, family_->head.text());
      if (Fits(texts.all, write)) return Count();
    }
    // The value is worth more than its examples.
    if (texts.all.size != texts.attributes.size && Fits(texts.attributes, write)) return Count();
    report_.LeaveOut("too_large");
  }

  template <class Write>
  bool Fits(PaddedText text, Write&& write) {
    const std::size_t mark = request_.mark();
    write(text);
    if (request_.size() <= options_.max_request_bytes) return true;
    request_.TakeBack(mark);
    return false;
  }

  void Count() noexcept {
    ++points_;
    ++report_.points;
  }

  bool Flush() {
    report_.complete = request_.Flush(sink_) && sink_.EndMessage(points_);
    points_ = 0;
    return report_.complete;
  }

  const Snapshot& snapshot_;
  const OtlpEncoderOptions& options_;
  const std::uint64_t time_;
  OtlpCache& cache_;
  MessageSink& sink_;
  Request request_;
  EncodeReport report_;
  std::size_t points_ = 0;  // in the open request

  FamilyForm form_;  // of the family being written
  OtlpCache::Family* family_ = nullptr;
  Attributes attributes_;
  ExemplarList exemplars_;  // of the point being written
  TextBuffer joined_;       // its attributes and exemplars
};

class OtlpEncoder final : public Encoder {
 public:
  explicit OtlpEncoder(const OtlpEncoderOptions& options) : options_(options) {}

  std::unique_ptr<EncoderCache> MakeCache() const override { return std::make_unique<OtlpCache>(); }

  EncodeReport Encode(const Snapshot& snapshot, EncoderCache* cache,
                      MessageSink& sink) const override {
    OtlpCache local;
    OtlpCache& used = cache != nullptr ? static_cast<OtlpCache&>(*cache) : local;
    if (options_.json) {
      return Pass<JsonRequest>(snapshot, options_, used, sink).Run();
    }
    return Pass<ProtobufRequest>(snapshot, options_, used, sink).Run();
  }

  std::string_view content_type() const override {
    return options_.json ? "application/json" : "application/x-protobuf";
  }

 private:
  const OtlpEncoderOptions options_;
};

}  // namespace

std::unique_ptr<Encoder> MakeOtlpEncoder(const OtlpEncoderOptions& options) {
  return std::make_unique<OtlpEncoder>(options);
}

}  // namespace detail
POLYMETER_END_NAMESPACE
