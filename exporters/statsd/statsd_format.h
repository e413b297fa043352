// How a StatsD receiver wants to be spoken to. StatsD has no specification: what is right for one
// receiver is wrong for the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class StatsdDialect : std::uint8_t {
  // github.com/statsd/statsd and what imitates it: a gauge's sign makes it relative, timings are
  // milliseconds.
  kStatsd,
  // Datadog's: gauges are absolute, histograms have a type of their own and any unit, a line may
  // hold
  // several values.
  kDogstatsd,
};

enum class StatsdTags : std::uint8_t {
  kNone,       // in the name: requests.method.GET:1|c
  kGraphite,   // behind the name: requests;method=GET:1|c
  kDogstatsd,  // behind the value: requests:1|c|#method:GET
};

// What a histogram becomes.
enum class StatsdHistograms : std::uint8_t {
  kSamples,   // timings: single observations, each for so many as it stands for
  kBuckets,   // timings: one a bucket, for as many as the bucket has
  kCounters,  // <name>_count, <name>_sum and <name>_bucket, cumulative and with `le`
};

constexpr std::size_t kMostUdpBytes = 1432;   // of payload, in ordinary Ethernet
constexpr std::size_t kMostUnixBytes = 8192;  // what Datadog's Agent reads at once

struct StatsdFormat {
  StatsdDialect dialect = StatsdDialect::kStatsd;
  StatsdTags tags = StatsdTags::kNone;
  StatsdHistograms histograms = StatsdHistograms::kSamples;
  char histogram_type = 'h';  // of kDogstatsd: h (histogram) or d (distribution)
  bool packing = true;        // of kDogstatsd: several values in a line
  std::size_t most_packet_bytes = kMostUdpBytes;
  std::string prefix;  // with the dot at its end; empty: none
  // Of StatsdDialect::kDogstatsd: on every line, unless the series has a label of that name. An
  // empty value is a tag without one.
  std::vector<std::pair<std::string, std::string>> constant_tags;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
