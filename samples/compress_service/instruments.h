// What the service measures of its own, beside what the adapters for HTTP, jobs and the process do.
#pragma once

#include <polymeter/job_queue.h>
#include <polymeter/polymeter.h>

#include <cstddef>
#include <string_view>

namespace compress_service {

struct CompressionInstruments {
  explicit CompressionInstruments(const polymeter::Metrics& metrics);

  polymeter::HistogramFamily<1> ratio;  // level
  polymeter::Counter input_bytes;
  polymeter::Counter output_bytes;
};

// compression_jobs_*, _queue_size, _job_wait_seconds and so on, by level.
polymeter::JobQueueOptions CompressionJobs(std::size_t workers);

// compress_service_build_info{version,zlib} 1: which build a number comes from.
void ShowBuildInfo(const polymeter::Metrics& metrics, std::string_view version);

}  // namespace compress_service
