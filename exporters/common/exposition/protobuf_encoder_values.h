// What a series' point is in protobuf: the one field of Metric that holds its value, tag included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/common/encoding/padded_text.h"
#include "exporters/common/exposition/name_escaping.h"
#include "exporters/common/exposition/protobuf_encoder_native.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Quicker to find out than UTF-8, and all there is most of the time.
inline bool IsAscii(std::string_view text) noexcept {
  unsigned char all = 0;
  for (const char c : text) all = static_cast<unsigned char>(all | static_cast<unsigned char>(c));
  return all < 0x80;
}

// The bytes of a LabelPair as the field `field`, of texts of so many bytes.
std::size_t LabelPairSize(std::uint32_t field, std::size_t name, std::size_t value) noexcept;
// Appends a LabelPair as the field `field`. What is not UTF-8 is repaired.
void AppendLabelPair(encoding::TextBuffer& out, std::uint32_t field, std::string_view name,
                     std::string_view value);

// Reusable. What the functions give is valid until the next call.
class ProtobufValues {
 public:
  using PaddedText = encoding::PaddedText;

  ProtobufValues(NameEscaping escaping, bool created) noexcept
      : escaping_(escaping), created_(created) {}

  PaddedText Of(const CounterPoint& point);
  PaddedText Of(const GaugePoint& point);
  PaddedText Of(const UnknownPoint& point);
  PaddedText Of(const InfoPoint& point);
  PaddedText Of(const SummaryPoint& point);
  // Empty: it cannot be written.
  PaddedText Of(const HistogramPoint& point);

  // How long it is.
  template <class Point>
  std::size_t SizeOf(const Point& point) {
    return Of(point).size;
  }
  std::size_t SizeOf(const CounterPoint& point) {
    return point.exemplar == nullptr && !created_ ? kNumberSize : Of(point).size;
  }
  std::size_t SizeOf(const HistogramPoint& point);
  std::size_t SizeOf(const GaugePoint&) noexcept { return kNumberSize; }
  std::size_t SizeOf(const UnknownPoint&) noexcept { return kNumberSize; }
  std::size_t SizeOf(const InfoPoint&) noexcept { return kNumberSize; }

 private:
  static constexpr std::size_t kNumberSize = 11;  // two heads in one byte each way, eight bytes

  PaddedText Number(std::uint32_t metric_field, double value);
  // Around what is appended to body_: gives it as a field of Metric.
  void BeginBody();
  PaddedText Body(std::uint32_t metric_field);
  void AppendCreated(std::uint32_t field, SeriesView series);
  // An Exemplar, in exemplar_.
  PaddedText Message(const Exemplar& exemplar);
  void AppendExemplars(const HistogramPoint& point);
  void AppendBuckets(const HistogramPoint& point, std::uint64_t most);

  const NameEscaping escaping_;
  const bool created_;
  encoding::TextBuffer value_;
  encoding::TextBuffer body_;
  encoding::TextBuffer exemplar_;
  NativeBucketsWriter native_;
  std::vector<const Exemplar*> by_time_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
