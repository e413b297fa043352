#include "sdk/src/exemplar_labels.h"

#include <algorithm>

#include "sdk/src/text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

bool IsExemplarLabelName(std::string_view name) noexcept {
  return IsLabelName(name) && name != "trace_id" && name != "span_id" && name != "le";
}

// Appends `text` and takes its code points from `room`. False when it does not fit: then the
// caller takes back what was appended.
bool AppendText(std::string_view text, std::size_t& room, PackedLabels& packed) noexcept {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  while (!text.empty()) {
    if (room == 0) return false;
    --room;
    const std::size_t length = LengthOfCodePoint(text);
    const std::string_view piece = length == 0 ? kReplacement : text.substr(0, length);
    std::copy(piece.begin(), piece.end(), packed.text.begin() + packed.bytes);
    packed.bytes += static_cast<std::uint32_t>(piece.size());
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return true;
}

bool HasLabel(const PackedLabels& packed, std::string_view name) noexcept {
  bool found = false;
  packed.ForEach([&](std::string_view known, std::string_view) { found |= known == name; });
  return found;
}

}  // namespace

void LabelPacker::Add(std::string_view name, std::string_view value) noexcept {
  if (full_ || !IsExemplarLabelName(name) || HasLabel(packed_, name)) {
    ++left_out_;
    return;
  }
  const std::uint32_t begin = packed_.bytes;
  const bool named = packed_.count < kMostExemplarLabels && AppendText(name, room_, packed_);
  const std::uint32_t middle = packed_.bytes;
  if (!named || !AppendText(value, room_, packed_)) {
    packed_.bytes = begin;
    full_ = true;
    ++left_out_;
    return;
  }
  packed_.lengths[2 * packed_.count] = static_cast<std::uint16_t>(middle - begin);
  packed_.lengths[2 * packed_.count + 1] = static_cast<std::uint16_t>(packed_.bytes - middle);
  ++packed_.count;
}

}  // namespace detail
POLYMETER_END_NAMESPACE
