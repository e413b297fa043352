// The labels of an exemplar, checked and packed into one piece of memory of fixed size: what the
// recording path makes of what it is given, without allocating.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// OpenMetrics 1.0, "Exemplars": the names and values of one have at most 128 code points.
constexpr std::size_t kMostExemplarCodePoints = 128;
constexpr std::size_t kMostExemplarLabels = 8;
// What trace_id and span_id take of them: two names, 32 and 16 hex digits.
constexpr std::size_t kTraceCodePoints = 8 + 32 + 7 + 16;

struct PackedLabels {
  std::array<std::uint16_t, 2 * kMostExemplarLabels> lengths;  // name, value, name, ...
  std::array<char, 4 * kMostExemplarCodePoints> text;          // UTF-8, one after the other
  std::uint32_t count = 0;                                     // of labels
  std::uint32_t bytes = 0;                                     // of text

  PackedLabels() noexcept {}  // the arrays hold what is packed
  // Calls visit(name, value) for each.
  template <class Visit>
  void ForEach(Visit&& visit) const {
    const char* at = text.data();
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string_view name(at, lengths[2 * i]);
      const std::string_view value(at + name.size(), lengths[2 * i + 1]);
      visit(name, value);
      at = value.data() + value.size();
    }
  }
};

// Packs as many of the labels that it is given, from the first on, as have room in `code_points`,
// which is at most kMostExemplarCodePoints. Left out are also those whose name is no label name,
// stands for something else in an exemplar (trace_id, span_id, le) or came before. Bytes that are
// not UTF-8 become U+FFFD.
class LabelPacker {
 public:
  LabelPacker(std::size_t code_points, PackedLabels& packed) noexcept
      : room_(code_points), packed_(packed) {}
  void Add(std::string_view name, std::string_view value) noexcept;
  // How many so far.
  std::size_t left_out() const noexcept { return left_out_; }

 private:
  std::size_t room_;
  PackedLabels& packed_;  // empty at first
  std::size_t left_out_ = 0;
  bool full_ = false;  // one did not fit: nor do those after it
};

}  // namespace detail
POLYMETER_END_NAMESPACE
