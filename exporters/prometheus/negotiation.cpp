#include "exporters/prometheus/negotiation.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

POLYMETER_BEGIN_NAMESPACE
namespace {

using detail::NameEscaping;

std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool Same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

// Takes what comes before the next `separator` outside of quotes off the front of `rest`.
std::string_view Next(std::string_view& rest, char separator) {
  bool quoted = false;
  std::size_t i = 0;
  for (; i < rest.size(); ++i) {
    if (rest[i] == '\\' && quoted) {
      ++i;
    } else if (rest[i] == '"') {
      quoted = !quoted;
    } else if (rest[i] == separator && !quoted) {
      break;
    }
  }
  i = std::min(i, rest.size());
  const std::string_view part = rest.substr(0, i);
  rest.remove_prefix(std::min(i + 1, rest.size()));
  return Trim(part);
}

struct Element {
  std::string_view what;
  std::string_view version;
  std::string_view proto;
  std::string_view encoding;
  std::optional<NameEscaping> escaping;  // one that is known
  double q = 1;
};

std::optional<NameEscaping> EscapingNamed(std::string_view name) {
  for (const NameEscaping escaping : {NameEscaping::kUnderscores, NameEscaping::kDots,
                                      NameEscaping::kValues, NameEscaping::kAllowUtf8}) {
    if (name == detail::ToString(escaping)) return escaping;
  }
  return std::nullopt;
}

// Nothing when the q-value is not one.
std::optional<Element> Parse(std::string_view text) {
  Element element;
  element.what = Next(text, ';');
  while (!text.empty()) {
    std::string_view value = Next(text, ';');
    const std::string_view name = Next(value, '=');
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (Same(name, "version")) element.version = value;
    if (Same(name, "proto")) element.proto = value;
    if (Same(name, "encoding")) element.encoding = value;
    if (Same(name, "escaping")) element.escaping = EscapingNamed(value);
    if (Same(name, "q")) {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(),
                                                element.q, std::chars_format::fixed);
      if (error != std::errc() || end != value.data() + value.size() || !(element.q >= 0) ||
          element.q > 1) {
        return std::nullopt;
      }
    }
  }
  return element;
}

// Nothing when it is not a format of ours.
std::optional<ExpositionFormat> FormatOf(const Element& element) {
  if (Same(element.what, "application/vnd.google.protobuf")) {
    if (element.proto != "io.prometheus.client.MetricFamily" || element.encoding != "delimited") {
      return std::nullopt;
    }
    return ExpositionFormat::kProtobuf;
  }
  if (Same(element.what, "application/openmetrics-text")) {
    if (element.version != "1.0.0") return std::nullopt;
    return ExpositionFormat::kOpenMetrics100;
  }
  if (Same(element.what, "text/plain")) {
    const std::string_view version = element.version;
    if (!version.empty() && version != "0.0.4" && version != "1.0.0") return std::nullopt;
    return ExpositionFormat::kText004;
  }
  if (Same(element.what, "text/*") || Same(element.what, "*/*")) return ExpositionFormat::kText004;
  return std::nullopt;
}

}  // namespace

Negotiated NegotiateFormat(std::string_view accept, std::optional<ExpositionFormat> only,
                           bool protobuf) {
  ExpositionFormat best = only.value_or(ExpositionFormat::kText004);
  std::optional<NameEscaping> escaping;
  double best_q = 0;
  std::optional<NameEscaping> any_escaping;
  double any_q = 0;
  while (!accept.empty()) {
    const auto element = Parse(Next(accept, ','));
    if (!element) continue;
    if (element->escaping && element->q > any_q) {
      any_escaping = element->escaping;
      any_q = element->q;
    }
    const auto format = FormatOf(*element);
    if (!format || element->q <= best_q || (only && format != only)) continue;
    if (format == ExpositionFormat::kProtobuf && !only && !protobuf) continue;
    best = *format;
    escaping = element->escaping;
    best_q = element->q;
  }
  if (best == ExpositionFormat::kProtobuf && !escaping) escaping = any_escaping;
  return {best, escaping.value_or(NameEscaping::kUnderscores), escaping.has_value()};
}

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<double> gzip;
  std::optional<double> alias;  // of old (RFC 9110, 8.4.1.3)
  std::optional<double> any;
  while (!accept_encoding.empty()) {
    const auto element = Parse(Next(accept_encoding, ','));
    if (!element) continue;
    if (Same(element->what, "gzip")) gzip = element->q;
    if (Same(element->what, "x-gzip")) alias = element->q;
    if (element->what == "*") any = element->q;
  }
  if (!gzip) gzip = alias;
  return gzip.value_or(any.value_or(0)) > 0;
}

POLYMETER_END_NAMESPACE
