// zlib, as one function.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace compress_service {

constexpr int kMinLevel = 1;
constexpr int kMaxLevel = 9;

// `text` as a gzip file (RFC 1952); nothing when zlib finds no memory. Levels as zlib's.
std::optional<std::string> Gzip(std::string_view text, int level);

}  // namespace compress_service
