// An ExportMetricsServiceRequest in protobuf, built point by point in one buffer.
// opentelemetry-proto collector/metrics/v1/metrics_service.proto
//
// Lengths stand before what they measure. A metric's head is short and its points are many, so room
// is left in front of the points, the head is written there when the points are known, and the gap
// before it is skipped on the way out: no byte of a point is ever moved.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/common/encoding/padded_text.h"
#include "exporters/otlp/attributes.h"
#include "exporters/otlp/exemplar_form.h"
#include "exporters/otlp/family_form.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class ProtobufRequest {
 public:
  // --- what a cache keeps ----------------------------------------------------------------------
  // Name, description and unit.
  static void AppendHead(encoding::TextBuffer& out, const FamilyForm& form);
  static void AppendAttributes(encoding::TextBuffer& out, OtlpData data,
                               const std::vector<Attribute>& attributes);
  // Not kept: they change with every snapshot.
  static void AppendExemplars(encoding::TextBuffer& out, OtlpData data, const ExemplarList& list,
                              Attributes& scratch);

  // `body` is cleared and must outlive this.
  ProtobufRequest(const Resource& resource, encoding::TextBuffer& body);

  // --- a metric: its points come in between ----------------------------------------------------
  void Open(const FamilyForm& form, encoding::PaddedText head);
  void Close();  // without points it leaves nothing

  // --- a point of the open metric, with its encoded attributes, and behind them its exemplars ----
  void Integer(encoding::PaddedText attributes, std::uint64_t start, std::uint64_t time,
               std::int64_t value);
  void Double(encoding::PaddedText attributes, std::uint64_t start, std::uint64_t time,
              double value);
  void Histogram(encoding::PaddedText attributes, std::uint64_t start, std::uint64_t time,
                 const HistogramPoint& point);
  // Of a point that has exponential buckets.
  void ExponentialHistogram(encoding::PaddedText attributes, std::uint64_t start,
                            std::uint64_t time, const HistogramPoint& point);
  void Summary(encoding::PaddedText attributes, std::uint64_t start, std::uint64_t time,
               std::uint64_t count, double sum, const std::vector<Quantile>& quantiles);
  std::size_t mark() const noexcept { return body_.size(); }
  // Takes back the points since `mark`.
  void TakeBack(std::size_t mark) noexcept;

  // --- the whole -------------------------------------------------------------------------------
  // The bytes that the message has when it is closed now, or a few more.
  std::size_t size() const noexcept { return before_ + body_.size() + kMostTail; }
  bool empty() const noexcept { return body_.size() == 0; }
  // Gives the message to `sink`, but for its end, and begins the next one. Between metrics.
  bool Flush(MessageSink& sink);

 private:
  static constexpr std::size_t kMostTail = 64;  // what Close adds behind the points

  // Room for a point of `size` bytes; gives where it begins.
  char* StartPoint(std::size_t size);

  encoding::TextBuffer& body_;
  std::string resource_;  // field 1 of ResourceMetrics
  std::string scope_;     // field 1 of ScopeMetrics
  std::size_t before_;    // the most that stands before the metrics
  std::vector<std::pair<std::size_t, std::size_t>> gaps_;  // in body_: begin, end

  FamilyForm form_;  // of the open metric
  encoding::PaddedText head_{nullptr, 0};
  std::size_t metric_begin_ = 0;  // in body_
  std::size_t points_begin_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
