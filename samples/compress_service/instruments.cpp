// Names, help, units and buckets.
#include "instruments.h"

#include <zlib.h>

#include <cstdint>

namespace compress_service {
namespace {

polymeter::FamilyOptions Bytes() { return polymeter::FamilyOptions().Unit("bytes"); }

}  // namespace

CompressionInstruments::CompressionInstruments(const polymeter::Metrics& metrics)
    : ratio(metrics.Histogram(
          "compression_ratio", "Bytes in for each byte out.", {"level"},
          polymeter::FamilyOptions().Buckets({0.5, 1, 1.5, 2, 3, 4, 6, 10, 20, 50, 100, 500}))),
      input_bytes(metrics.Counter("compression_input_bytes_total", "Bytes compressed.", Bytes())),
      output_bytes(metrics.Counter("compression_output_bytes_total",
                                   "Bytes that came out of the compression.", Bytes())) {}

polymeter::JobQueueOptions CompressionJobs(std::size_t workers) {
  return polymeter::JobQueueOptions()
      .Prefix("compression")
      .Labels({"level"})
      .Allow("level", {"1", "2", "3", "4", "5", "6", "7", "8", "9"})
      .Allow("reason", {"out_of_memory"})
      .DurationBuckets(polymeter::ExponentialBuckets(0.0005, 2, 14))
      .Workers(static_cast<std::int64_t>(workers));
}

void ShowBuildInfo(const polymeter::Metrics& metrics, std::string_view version) {
  metrics.Gauge("compress_service_build_info", "The running build; always 1.", {"version", "zlib"})
      .With(version, zlibVersion())
      .Set(1);
}

}  // namespace compress_service
