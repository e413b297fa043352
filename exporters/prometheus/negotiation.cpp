#include "exporters/prometheus/negotiation.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

POLYMETER_BEGIN_NAMESPACE
namespace {

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
  double q = 1;
};

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

}  // namespace

ExpositionFormat NegotiateFormat(std::string_view accept) {
  ExpositionFormat best = ExpositionFormat::kText004;
  double best_q = 0;
  while (!accept.empty()) {
    const auto element = Parse(Next(accept, ','));
    if (!element || element->q <= best_q) continue;
    if (Same(element->what, "application/openmetrics-text") && element->version == "1.0.0") {
      best = ExpositionFormat::kOpenMetrics100;
      best_q = element->q;
    } else if ((Same(element->what, "text/plain") &&
                (element->version.empty() || element->version == "0.0.4")) ||
               Same(element->what, "text/*") || Same(element->what, "*/*")) {
      best = ExpositionFormat::kText004;
      best_q = element->q;
    }
  }
  return best;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<double> gzip;
  std::optional<double> any;
  while (!accept_encoding.empty()) {
    const auto element = Parse(Next(accept_encoding, ','));
    if (!element) continue;
    if (Same(element->what, "gzip") || Same(element->what, "x-gzip")) gzip = element->q;
    if (element->what == "*") any = element->q;
  }
  return gzip.value_or(any.value_or(0)) > 0;
}

POLYMETER_END_NAMESPACE
