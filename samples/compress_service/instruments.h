// Every metric of the service, in one place: what an operator can ask it.
#pragma once

#include <polymeter/polymeter.h>

#include <string_view>

namespace compress_service {

// Labels have few values: routes and methods are closed sets, so that a stranger who asks for
// random paths makes no new series.
enum class Route { kCompress, kHealth, kUnmatched };
std::string_view LabelValue(Route route);

Route RouteOf(std::string_view path);
// The method as a label: "_OTHER" unless it is one of HTTP's common ones.
std::string_view MethodLabel(std::string_view method);

struct HttpInstruments {
  explicit HttpInstruments(const polymeter::Metrics& metrics);

  polymeter::CounterFamily<3> requests;  // route, method, status
  polymeter::HistogramFamily<1> request_duration;
  polymeter::HistogramFamily<1> request_size;
  polymeter::HistogramFamily<1> response_size;
  polymeter::Gauge requests_in_flight;
};

struct CompressionInstruments {
  explicit CompressionInstruments(const polymeter::Metrics& metrics);

  polymeter::Gauge queue_depth;
  polymeter::Histogram queue_wait;
  polymeter::Gauge workers;
  polymeter::Gauge workers_busy;
  polymeter::HistogramFamily<1> duration;  // level
  polymeter::HistogramFamily<1> ratio;     // level
  polymeter::Counter input_bytes;
  polymeter::Counter output_bytes;
};

// compress_service_build_info{version,zlib} 1: which build a number comes from.
void ShowBuildInfo(const polymeter::Metrics& metrics, std::string_view version);

// Raises a gauge for as long as a scope lasts, whatever way it is left.
class Held {
 public:
  explicit Held(polymeter::Gauge gauge) : gauge_(gauge) { gauge_.Increment(); }
  ~Held() { gauge_.Decrement(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  const polymeter::Gauge gauge_;
};

}  // namespace compress_service
