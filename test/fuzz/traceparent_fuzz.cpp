// libFuzzer: a traceparent header, whole from the input or a right one with some bytes changed.
// What is taken must look as the grammar says
// (https://www.w3.org/TR/trace-context/#traceparent-header), and must come back from its own text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "polymeter/tracing.h"

namespace {

constexpr std::string_view kRight = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

// Digits where kRight has digits, dashes where it has dashes, and what may follow.
bool FollowsTheGrammar(std::string_view header) {
  if (header.size() < kRight.size()) return false;
  for (std::size_t i = 0; i < kRight.size(); ++i) {
    const bool digit = header[i] != '\0' && std::string_view("0123456789abcdef").find(header[i]) !=
                                                std::string_view::npos;
    if (kRight[i] == '-' ? header[i] != '-' : !digit) return false;
  }
  const std::string_view version = header.substr(0, 2);
  if (version == "ff") return false;
  if (header.substr(3, 32) == std::string(32, '0')) return false;
  if (header.substr(36, 16) == std::string(16, '0')) return false;
  return header.size() == kRight.size() || (version != "00" && header[kRight.size()] == '-');
}

void Check(std::string_view header) {
  const auto trace = polymeter::ParseTraceparent(header);
  if (trace.has_value() != FollowsTheGrammar(header)) std::abort();
  if (!trace) return;
  const std::string text = polymeter::FormatTraceparent(*trace);
  if (text.size() != kRight.size() || text.substr(3, 49) != header.substr(3, 49)) std::abort();
  const auto again = polymeter::ParseTraceparent(text);
  if (!again || again->trace_id != trace->trace_id || again->span_id != trace->span_id)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Check({reinterpret_cast<const char*>(data), size});
  std::string header(kRight);
  for (std::size_t i = 0; i + 1 < size && i < 12; i += 2) {
    const std::size_t at = data[i] % (header.size() + 1);
    if (at == header.size()) header += '-';
    header[at] = static_cast<char>(data[i + 1]);
  }
  Check(header);
  return 0;
}
