// Where an Exposer listens: from prometheus-cpp's bind address and civetweb's options to options of
// our server. Pure. Internal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/common/transport/http_server.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct ExposerAddress {
  HttpServerOptions server;
  // The IPv6 half of "+8080": at the port of the address before it, and nothing where there is no
  // IPv6.
  bool second_half = false;
};

// Both throw CivetException, with what is accepted, for what they do not understand, and
// std::invalid_argument for what is refused.
std::vector<ExposerAddress> ParseBindAddress(const std::string& text, std::size_t threads);
std::vector<ExposerAddress> ParseExposerOptions(const std::vector<std::string>& options);

// Throws std::invalid_argument for options that an Exposer must not have in any server that it
// starts itself. For a server of civetweb's own.
void CheckCivetwebOptions(const std::vector<std::string>& options);

}  // namespace detail
POLYMETER_END_NAMESPACE
