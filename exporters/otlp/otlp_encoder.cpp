#include "exporters/otlp/otlp_encoder.h"

#include <chrono>
#include <utility>
#include <vector>

#include "exporters/otlp/attributes.h"
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
  Pass(const Snapshot& snapshot, std::size_t most_bytes, OtlpCache& cache, MessageSink& sink)
      : snapshot_(snapshot),
        most_bytes_(most_bytes),
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
    form_ = FormOf(family);
    family_ = &cache_.Of(family.id);
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
      const PaddedText attributes = AttributesOf(family, point.series);
      const std::uint64_t start = StartOf(family, point.series, time_);
      if (IsInteger(point, all_integers)) {
        const auto value = static_cast<std::int64_t>(point.whole);
        Put([&] { request_.Integer(attributes, start, time_, value); });
      } else {
        Put([&] { request_.Double(attributes, start, time_, point.value()); });
      }
      if (!report_.complete) return;
    }
  }

  void WritePoints(const FamilyView& family, const GaugePoints& points) {
    for (const GaugePoint& point : points) {
      const PaddedText attributes = AttributesOf(family, point.series);
      // A Gauge has no begin.
      const std::uint64_t start = family.additive ? StartOf(family, point.series, time_) : 0;
      Put([&] { request_.Double(attributes, start, time_, point.value); });
      if (!report_.complete) return;
    }
  }

  void WritePoints(const FamilyView& family, const UnknownPoints& points) {
    for (const UnknownPoint& point : points) {
      const PaddedText attributes = AttributesOf(family, point.series);
      Put([&] { request_.Double(attributes, 0, time_, point.value); });
      if (!report_.complete) return;
    }
  }

  void WritePoints(const FamilyView& family, const InfoPoints& points) {
    for (const InfoPoint& point : points) {
      const PaddedText attributes = AttributesOf(family, point.series);
      const std::uint64_t start = StartOf(family, point.series, time_);
      Put([&] { request_.Integer(attributes, start, time_, 1); });
      if (!report_.complete) return;
    }
  }

  void WritePoints(const FamilyView& family, const HistogramPoints& points) {
    for (const HistogramPoint& point : points) {
      const PaddedText attributes = AttributesOf(family, point.series);
      const std::uint64_t start = StartOf(family, point.series, time_);
      Put([&] { request_.Histogram(attributes, start, time_, point); });
      if (!report_.complete) return;
    }
  }

  void WritePoints(const FamilyView& family, const SummaryPoints& points) {
    std::vector<Quantile> scratch;
    for (const SummaryPoint& point : points) {
      const PaddedText attributes = AttributesOf(family, point.series);
      const std::uint64_t start = StartOf(family, point.series, time_);
      const std::vector<Quantile>& quantiles = QuantilesOf(point, scratch);
      Put([&] {
        request_.Summary(attributes, start, time_, point.count, SumOf(point), quantiles);
      });
      if (!report_.complete) return;
    }
  }

  PaddedText AttributesOf(const FamilyView& family, SeriesView series) {
    return family_->attributes.Of(series, [&](TextBuffer& out) {
      Request::AppendAttributes(out, form_.data, attributes_.Of(family, series));
    });
  }

  // Writes a point into the open request, or into the next one when it has no room left.
  template <class Write>
  void Put(Write&& write) {
    if (Fits(write)) return Count();
    if (points_ != 0) {
      request_.Close();
      if (!Flush()) return;
      request_.Open(form_, family_->head.text());
      if (Fits(write)) return Count();
    }
    DropTooLarge();
  }

  template <class Write>
  bool Fits(Write&& write) {
    const std::size_t mark = request_.mark();
    write();
    if (request_.size() <= most_bytes_) return true;
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

  void DropTooLarge() {
    if (report_.dropped.empty()) report_.dropped.push_back({"too_large", 0});
    ++report_.dropped.front().points;
  }

  const Snapshot& snapshot_;
  const std::size_t most_bytes_;
  const std::uint64_t time_;
  OtlpCache& cache_;
  MessageSink& sink_;
  Request request_;
  EncodeReport report_;
  std::size_t points_ = 0;  // in the open request

  FamilyForm form_;  // of the family being written
  OtlpCache::Family* family_ = nullptr;
  Attributes attributes_;
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
      return Pass<JsonRequest>(snapshot, options_.max_request_bytes, used, sink).Run();
    }
    return Pass<ProtobufRequest>(snapshot, options_.max_request_bytes, used, sink).Run();
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
