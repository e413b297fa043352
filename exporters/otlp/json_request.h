// An ExportMetricsServiceRequest in OTLP's JSON: keys in lowerCamelCase, 64-bit integers as
// strings, enums as numbers. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporters/common/encoding/padded_text.h"
#include "exporters/otlp/attributes.h"
#include "exporters/otlp/exemplar_form.h"
#include "exporters/otlp/family_form.h"
#include "polymeter/encoder.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// The same members as ProtobufRequest has, which says what they are for.
class JsonRequest {
 public:
  static void AppendHead(encoding::TextBuffer& out, const FamilyForm& form);
  static void AppendAttributes(encoding::TextBuffer& out, OtlpData data,
                               const std::vector<Attribute>& attributes);
  static void AppendExemplars(encoding::TextBuffer& out, OtlpData data, const ExemplarList& list,
                              Attributes& scratch);

  JsonRequest(const Resource& resource, encoding::TextBuffer& body);

  void Open(const FamilyForm& form, encoding::PaddedText head);
  void Close();

  void Integer(encoding::PaddedText attributes, std::uint64_t start, std::uint64_t time,
               std::int64_t value);
  void Double(encoding::PaddedText attributes, std::uint64_t start, std::uint64_t time,
              double value);
  void Histogram(encoding::PaddedText attributes, std::uint64_t start, std::uint64_t time,
                 const HistogramPoint& point);
  void ExponentialHistogram(encoding::PaddedText attributes, std::uint64_t start,
                            std::uint64_t time, const HistogramPoint& point);
  void Summary(encoding::PaddedText attributes, std::uint64_t start, std::uint64_t time,
               std::uint64_t count, double sum, const std::vector<Quantile>& quantiles);
  std::size_t mark() const noexcept { return body_.size(); }
  void TakeBack(std::size_t mark) noexcept;

  std::size_t size() const noexcept { return before_.size() + body_.size() + kMostTail; }
  bool empty() const noexcept { return body_.size() == 0; }
  bool Flush(MessageSink& sink);

 private:
  static constexpr std::size_t kMostTail = 192;  // what closes a metric and the request

  void StartPoint(encoding::PaddedText attributes, std::uint64_t start, std::uint64_t time);
  void EndPoint() { body_.Append("}"); }

  encoding::TextBuffer& body_;
  std::string before_;  // what stands before the metrics

  FamilyForm form_;  // of the open metric
  std::size_t metric_begin_ = 0;
  std::size_t points_begin_ = 0;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
