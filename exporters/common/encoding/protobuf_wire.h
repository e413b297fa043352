// Fields of protobuf messages, written to memory that has room for them.
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <protozero/varint.hpp>
#include <string_view>

#include "exporters/common/encoding/padded_text.h"

POLYMETER_BEGIN_NAMESPACE
namespace encoding {

constexpr std::uint32_t kVarintType = 0;
constexpr std::uint32_t kFixed64Type = 1;
constexpr std::uint32_t kLengthType = 2;

constexpr std::size_t kMostVarint = 10;     // bytes
constexpr std::size_t kMostFieldHead = 12;  // a tag of field 1 to 2047, and a length

constexpr std::uint32_t WireTag(std::uint32_t field, std::uint32_t type) noexcept {
  return field << 3 | type;
}

// Most are tags and lengths of one byte.
inline std::size_t VarintSize(std::uint64_t value) noexcept {
  return value < 0x80 ? 1 : static_cast<std::size_t>(protozero::length_of_varint(value));
}
inline char* WriteVarint(char* to, std::uint64_t value) noexcept {
  if (value >= 0x80) return to + protozero::add_varint_to_buffer(to, value);
  *to = static_cast<char>(value);
  return to + 1;
}

inline char* WriteVarintField(char* to, std::uint32_t field, std::uint64_t value) noexcept {
  return WriteVarint(WriteVarint(to, WireTag(field, kVarintType)), value);
}
inline char* WriteDoubleField(char* to, std::uint32_t field, double value) noexcept {
  to = WriteVarint(to, WireTag(field, kFixed64Type));
  const auto bits = std::bit_cast<std::uint64_t>(value);
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(to, &bits, 8);
  } else {
    for (int i = 0; i < 8; ++i) to[i] = static_cast<char>(bits >> (8 * i));
  }
  return to + 8;
}
// Tag and length of a field whose `size` bytes follow.
inline char* WriteFieldHead(char* to, std::uint32_t field, std::size_t size) noexcept {
  return WriteVarint(WriteVarint(to, WireTag(field, kLengthType)), size);
}
// Bytes of a field that holds `size` bytes.
inline std::size_t FieldSize(std::uint32_t field, std::size_t size) noexcept {
  return VarintSize(WireTag(field, kLengthType)) + VarintSize(size) + size;
}

// The same at the end of a buffer.
inline void AppendField(TextBuffer& out, std::uint32_t field, std::string_view bytes) {
  out.Advance(WriteFieldHead(out.Room(kMostFieldHead), field, bytes.size()));
  out.Append(bytes);
}
inline void AppendVarintField(TextBuffer& out, std::uint32_t field, std::uint64_t value) {
  out.Advance(WriteVarintField(out.Room(kMostFieldHead), field, value));
}
inline void AppendDoubleField(TextBuffer& out, std::uint32_t field, double value) {
  out.Advance(WriteDoubleField(out.Room(kMostFieldHead), field, value));
}

}  // namespace encoding
POLYMETER_END_NAMESPACE
