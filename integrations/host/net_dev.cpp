#include "integrations/host/net_dev.h"

#include <utility>

#include "integrations/host/fields.h"
#include "integrations/host/host_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

std::vector<NetworkDevice> ParseNetDev(std::string_view text) {
  std::vector<NetworkDevice> devices;
  while (!text.empty()) {
    const std::string_view line = NextLine(text);
    // The last one: a name may have colons ("eth0:1"), and a number may follow without a blank.
    const std::size_t colon = line.rfind(':');
    if (colon == std::string_view::npos) continue;  // the two lines at the top
    std::string_view before = line.substr(0, colon);
    std::string_view after = line.substr(colon + 1);
    NetworkDevice device{std::string(NextField(before)), {}, std::nullopt};
    bool good = !device.name.empty();
    for (std::uint64_t& value : device.values) {
      const auto number = NumberOf<std::uint64_t>(NextField(after));
      good = good && number.has_value();
      value = number.value_or(0);
    }
    if (good) devices.push_back(std::move(device));
  }
  return devices;
}

void Write(const std::vector<NetworkDevice>& devices, FamilySink& sink) {
  for (std::size_t i = 0; i < kNetworkValues; ++i) {
    FamilyWriter family(sink, kNetworkStats + i);
    for (const NetworkDevice& device : devices) {
      family.sink().Counter({{"device", device.name}}, device.values[i]);
    }
  }
  FamilyWriter nohandler(sink, kNetworkReceiveNohandler);
  for (const NetworkDevice& device : devices) {
    if (device.receive_nohandler) {
      nohandler.sink().Counter({{"device", device.name}}, *device.receive_nohandler);
    }
  }
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
