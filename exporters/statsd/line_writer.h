// Lines of the three types, in the form that the receiver wants, into packets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exporters/statsd/packets.h"
#include "exporters/statsd/statsd_format.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// What stands before and behind a line's value, but for its type.
struct LineHead {
  std::string_view name;
  std::string_view tags;        // of the series
  std::string_view number_tag;  // le or quantile
};

class LineWriter {
 public:
  LineWriter(const StatsdFormat& format, MessageSink& sink)
      : format_(format),
        dogstatsd_(format.dialect == StatsdDialect::kDogstatsd),
        packets_(sink, format.most_packet_bytes) {}

  // A difference; nothing for 0.
  void Counter(const LineHead& head, std::uint64_t value);
  void Counter(const LineHead& head, double value);
  void Gauge(const LineHead& head, double value);
  // Observations, each for `weight` of them, times 10^shift.
  void Timings(const LineHead& head, const double* first, const double* last, std::uint64_t weight,
               int shift);

  // Ends a point. Why something of it could not be written (the first reason); null: all is well,
  // and the point goes with its packet.
  const char* EndPoint() noexcept;
  // Sends what is left. Gives the points for which there was no packet.
  std::size_t Finish() { return packets_.Finish(); }
  // False once the sink has refused bytes.
  bool ok() const noexcept { return packets_.ok(); }

 private:
  void Begin(const LineHead& head);
  void AppendHead(const LineHead& head);
  void AppendNumber(double value, int shift);
  void End(const LineHead& head, std::string_view type, std::string_view rate);
  void Add();
  void Fault(const char* reason) noexcept {
    if (fault_ == nullptr) fault_ = reason;
  }

  const StatsdFormat& format_;
  const bool dogstatsd_;
  Packets packets_;
  const char* fault_ = nullptr;  // of the point
  std::string line_;
  std::string rate_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
