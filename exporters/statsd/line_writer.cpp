#include "exporters/statsd/line_writer.h"

#include <cmath>
#include <cstddef>
#include <utility>

#include "exporters/common/encoding/numbers.h"
#include "exporters/statsd/plain_number.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

void LineWriter::Counter(const LineHead& head, std::uint64_t value) {
  if (value == 0) return;
  Begin(head);
  char number[encoding::kMostDigits];
  line_.append(number, encoding::WriteInteger(number, value));
  End(head, "|c", {});
  Add();
}

void LineWriter::Counter(const LineHead& head, double value) {
  if (value == 0) return;
  if (!std::isfinite(value)) return Fault("not_finite");
  Begin(head);
  AppendNumber(value, 0);
  End(head, "|c", {});
  Add();
}

void LineWriter::Gauge(const LineHead& head, double value) {
  if (!std::isfinite(value)) return Fault("not_finite");
  Begin(head);
  if (value < 0 && !dogstatsd_) {
    // A sign makes it a difference: from zero, and in the same packet so that nothing can come
    // between them.
    AppendNumber(0, 0);
    End(head, "|g", {});
    line_ += '\n';
    AppendHead(head);
  }
  AppendNumber(value, 0);
  End(head, "|g", {});
  Add();
}

void LineWriter::Timings(const LineHead& head, const double* first, const double* last,
                         std::uint64_t weight, int shift) {
  if (first == last) return;
  rate_.clear();
  if (weight > 1) {
    char text[kMostPlainDigits];
    rate_.append("|@").append(text, WritePlain(text, RateOf(weight)));
  }
  const char dogstatsd_type[] = {'|', format_.histogram_type, '\0'};
  const char* const type = dogstatsd_ ? dogstatsd_type : "|ms";
  const bool packing = dogstatsd_ && format_.packing;
  // Behind the values of a packed line.
  std::size_t rest = 2 + rate_.size();
  if (format_.tags == StatsdTags::kDogstatsd) rest += head.tags.size() + head.number_tag.size() + 1;
  bool open = false;
  std::size_t most = 0;
  for (; first != last; ++first) {
    if (!std::isfinite(*first)) {
      Fault("not_finite");
      continue;
    }
    if (*first < 0 && !dogstatsd_) {
      Fault("negative_timing");
      continue;
    }
    char number[kMostPlainDigits];
    const std::string_view text(
        number, static_cast<std::size_t>(WritePlain(number, *first, shift) - number));
    if (open && packing && line_.size() + 1 + text.size() + rest <= most) {
      line_ += ':';
      line_ += text;
      continue;
    }
    if (open) {
      End(head, type, rate_);
      Add();
    }
    Begin(head);
    line_ += text;
    open = true;
    // What is left of this packet, where at least one value fits.
    most = line_.size() + rest <= packets_.room() ? packets_.room() : packets_.most();
  }
  if (!open) return;
  End(head, type, rate_);
  Add();
}

const char* LineWriter::EndPoint() noexcept {
  const char* const fault = std::exchange(fault_, nullptr);
  if (fault == nullptr) packets_.AddPoint();
  return fault;
}

void LineWriter::Begin(const LineHead& head) {
  line_.clear();
  AppendHead(head);
}

void LineWriter::AppendHead(const LineHead& head) {
  line_ += head.name;
  if (format_.tags != StatsdTags::kDogstatsd) {
    line_ += head.tags;
    line_ += head.number_tag;
  }
  line_ += ':';
}

void LineWriter::AppendNumber(double value, int shift) {
  char text[kMostPlainDigits];
  line_.append(text, WritePlain(text, value, shift));
}

// Type, rate, tags: some receivers take no other order.
void LineWriter::End(const LineHead& head, std::string_view type, std::string_view rate) {
  line_ += type;
  line_ += rate;
  if (format_.tags != StatsdTags::kDogstatsd) return;
  const std::size_t comma = line_.size();
  line_ += head.tags;
  line_ += head.number_tag;
  if (line_.size() != comma) line_.replace(comma, 1, "|#");
}

void LineWriter::Add() {
  if (!packets_.Add(line_)) Fault("too_large");
}

}  // namespace detail
POLYMETER_END_NAMESPACE
