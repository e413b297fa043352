// What a page in one of Prometheus' formats does to a family.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/portability.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

enum class PageKind : std::uint8_t {
  kText,         // text 0.0.4
  kOpenMetrics,  // OpenMetrics 1.0
  kProtobuf,     // Prometheus' delimited messages
};

// `backend` is the name in the notes. `other_form`: the reader may choose a format that carries
// exponential buckets.
std::vector<PortabilityNote> PagePortability(const FamilyDescription& family,
                                             std::string_view backend, PageKind kind,
                                             bool other_form = false);

// The name of an info's samples: x_info.
std::string InfoSampleName(std::string_view name);

}  // namespace detail
POLYMETER_END_NAMESPACE
