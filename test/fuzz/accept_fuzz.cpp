// libFuzzer: an Accept header, whole from the input or built of entries, against a choice that is
// made here in the simplest way.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "exporters/prometheus/negotiation.h"

namespace {

using polymeter::ExpositionFormat;
using polymeter::NegotiateFormat;
using polymeter::detail::NameEscaping;

void Need(bool holds, std::string_view why, std::string_view accept) {
  if (holds) return;
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(why.size()), why.data(),
               static_cast<int>(accept.size()), accept.data());
  std::abort();
}

struct Entry {
  std::string_view text;
  std::optional<ExpositionFormat> format;  // none: nothing that is served
  std::optional<NameEscaping> escaping = std::nullopt;
};
constexpr Entry kEntries[] = {
    {"application/openmetrics-text;version=1.0.0", ExpositionFormat::kOpenMetrics100},
    {"application/openmetrics-text; version=1.0.0; charset=utf-8",
     ExpositionFormat::kOpenMetrics100},
    {"Application/OpenMetrics-Text;Version=\"1.0.0\"", ExpositionFormat::kOpenMetrics100},
    {"application/openmetrics-text;version=0.0.1", std::nullopt},
    {"application/openmetrics-text", std::nullopt},
    {"text/plain;version=0.0.4", ExpositionFormat::kText004},
    {"text/plain", ExpositionFormat::kText004},
    {"text/*", ExpositionFormat::kText004},
    {"*/*", ExpositionFormat::kText004},
    {"text/plain;version=\"0.0.4\"", ExpositionFormat::kText004},
    {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
     ExpositionFormat::kProtobuf},
    {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
     std::nullopt},
    {"application/vnd.google.protobuf", std::nullopt},
    {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
     ExpositionFormat::kOpenMetrics100, NameEscaping::kAllowUtf8},
    {"text/plain;version=1.0.0; Escaping=\"dots\"", ExpositionFormat::kText004,
     NameEscaping::kDots},
    {"text/plain;version=0.0.4;escaping=values", ExpositionFormat::kText004, NameEscaping::kValues},
    {"text/html", std::nullopt},
    {"application/json;x=\"a,b;c\\\"\"", std::nullopt},
    {"", std::nullopt},
    {";", std::nullopt},
};
constexpr std::string_view kQ[] = {"",        ";q=1",     ";q=0.9", "; q=0.5",
                                   ";q=0.50", ";q=0.001", ";q=0",   ";Q=0.7"};
constexpr double kQValue[] = {1, 1, 0.9, 0.5, 0.5, 0.001, 0, 0.7};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(polymeter::AcceptsGzip(bytes));
  for (const auto only : {ExpositionFormat::kText004, ExpositionFormat::kOpenMetrics100,
                          ExpositionFormat::kProtobuf}) {
    Need(NegotiateFormat(bytes, only).format == only, "another than the only format", bytes);
  }
  Need(NegotiateFormat(bytes, std::nullopt, /*protobuf=*/false).format !=
           ExpositionFormat::kProtobuf,
       "protobuf where it is not served", bytes);
  // Nothing that follows is better than a first entry with q=1.
  const std::string first = "application/openmetrics-text;version=1.0.0;q=1," + std::string(bytes);
  Need(NegotiateFormat(first).format == ExpositionFormat::kOpenMetrics100,
       "not the first of the best", first);

  std::string accept;
  ExpositionFormat best = ExpositionFormat::kText004;
  double best_q = 0;
  std::optional<NameEscaping> escaping;
  for (std::size_t i = 0; i + 1 < size && i < 16; i += 2) {
    const Entry& entry = kEntries[data[i] % std::size(kEntries)];
    const std::size_t q = data[i + 1] % std::size(kQ);
    accept += (i == 0 ? "" : i % 4 == 0 ? "," : " , ") + std::string(entry.text);
    accept += kQ[q];
    if (entry.format && kQValue[q] > best_q) {
      best = *entry.format;
      best_q = kQValue[q];
      escaping = entry.escaping;
    }
  }
  const auto negotiated = NegotiateFormat(accept);
  Need(negotiated.format == best, "not the best", accept);
  // Protobuf takes its scheme from another entry.
  if (best == ExpositionFormat::kProtobuf) return 0;
  Need(negotiated.escaping == escaping.value_or(NameEscaping::kUnderscores) &&
           negotiated.escaping_asked == escaping.has_value(),
       "another scheme than the one that was asked for", accept);
  return 0;
}
