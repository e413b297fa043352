// Which format a scraper gets (RFC 9110, section 12.5; Prometheus' content negotiation,
// https://prometheus.io/docs/instrumenting/content_negotiation/).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "exporters/common/exposition/name_escaping.h"
#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE

enum class ExpositionFormat : std::uint8_t { kText004, kOpenMetrics100, kProtobuf };
constexpr std::size_t kExpositionFormats = 3;

// What a page is to be.
struct Negotiated {
  ExpositionFormat format = ExpositionFormat::kText004;
  detail::NameEscaping escaping = detail::NameEscaping::kUnderscores;
  // The client asked for the scheme, and is told that it is what it gets.
  bool escaping_asked = false;
};

// The best of what `accept` offers: highest q first, then the first named. OpenMetrics only where
// its version 1.0.0 is asked for by name, protobuf only for delimited MetricFamily messages; text
// 1.0.0 is served as 0.0.4, in which quoted names work as well. A wildcard, nothing that is
// known, or no header at all gives text 0.0.4. Never fails: an element that does not parse is
// passed over.
//
// Names are escaped as the chosen element's parameter `escaping` says, by underscores without one.
// Prometheus 3 leaves it out of its protobuf element, whatever names it takes, and has it in
// those beside: there it is taken from the best element that has one. A client that sends none
// at all, such as Prometheus 2, knows no UTF-8 names.
//
// `only`: the one format that is served, whatever else is preferred. `protobuf`: without it, that
// format is not among what is served.
Negotiated NegotiateFormat(std::string_view accept,
                           std::optional<ExpositionFormat> only = std::nullopt,
                           bool protobuf = true);

// Whether gzip is acceptable with q > 0, by name or by `*`.
bool AcceptsGzip(std::string_view accept_encoding);

POLYMETER_END_NAMESPACE
