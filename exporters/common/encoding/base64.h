// Base64 (RFC 4648, 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// Nothing: not base64. With or without padding.
POLYMETER_EXPORT std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace detail
POLYMETER_END_NAMESPACE
