// Network devices: /proc/net/dev.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

constexpr std::size_t kNetworkValues = 16;

struct NetworkDevice {
  std::string name;
  // receive: bytes packets errs drop fifo frame compressed multicast;
  // transmit: bytes packets errs drop fifo colls carrier compressed
  std::array<std::uint64_t, kNetworkValues> values{};
  std::optional<std::uint64_t> receive_nohandler;  // not in the file; from /sys
};

// A line that is torn is left out.
std::vector<NetworkDevice> ParseNetDev(std::string_view text);
void Write(const std::vector<NetworkDevice>& devices, FamilySink& sink);

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
