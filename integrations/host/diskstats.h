// Block devices: /proc/diskstats, and what udev knows about them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/host/udev.h"
#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

// Linux 2.6 has 11 values, 4.18 adds four about discards, 5.5 two about flushes.
constexpr std::size_t kDiskValues = 17;

struct Disk {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::string name;
  std::size_t count = 0;  // of the values that the kernel gave
  std::array<std::uint64_t, kDiskValues> values{};
  UdevProperties udev;  // not in the file
};

// Lines with fewer than 11 values (partitions, long ago) or torn ones are left out; values after
// the 17th are not known.
std::vector<Disk> ParseDiskStats(std::string_view text);
// Sectors are of 512 bytes whatever the device's are; times are in milliseconds.
void Write(const std::vector<Disk>& disks, FamilySink& sink);

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
