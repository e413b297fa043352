// Which format a scraper gets (RFC 9110, section 12.5; Prometheus' content negotiation).
#pragma once

#include <cstdint>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE

enum class ExpositionFormat : std::uint8_t { kText004, kOpenMetrics100 };

// The best of what `accept` offers: highest q first, then the first named. OpenMetrics only where
// its version 1.0.0 is asked for by name; a wildcard, nothing that is known, or no header at all
// gives text 0.0.4. Never fails: an element that does not parse is passed over.
ExpositionFormat NegotiateFormat(std::string_view accept);

// Whether gzip is acceptable with q > 0, by name or by `*`.
bool AcceptsGzip(std::string_view accept_encoding);

POLYMETER_END_NAMESPACE
