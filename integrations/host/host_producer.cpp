#include "integrations/host/host_producer.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "integrations/common/file_reader.h"
#include "integrations/host/cpu_stat.h"
#include "integrations/host/diskstats.h"
#include "integrations/host/fields.h"
#include "integrations/host/host_families.h"
#include "integrations/host/loadavg.h"
#include "integrations/host/meminfo.h"
#include "integrations/host/net_dev.h"
#include "integrations/host/pressure.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {
namespace {

constexpr std::chrono::milliseconds kLongestTimeout = std::chrono::hours(1);

std::uint64_t TicksPerSecond() {
  const long ticks = sysconf(_SC_CLK_TCK);
  return ticks > 0 ? static_cast<std::uint64_t>(ticks) : 100;
}

}  // namespace

// What is kept from one collection to the next.
class HostProducer::Reader {
 public:
  explicit Reader(const HostConfig& config)
      : config_(config), cpu_(TicksPerSecond()), filesystems_(config.filesystem) {}

  void Collect(FamilySink& sink) {
    const std::pair<const char*, bool> collectors[] = {{"cpu", Cpu(sink)},
                                                       {"loadavg", Load(sink)},
                                                       {"meminfo", Memory(sink)},
                                                       {"diskstats", Disks(sink)},
                                                       {"netdev", Network(sink)},
                                                       {"pressure", Pressures(sink)},
                                                       {"filesystem", filesystems_.Write(sink)}};
    FamilyWriter success(sink, kCollectorSuccess);
    for (const auto& [name, good] : collectors)
      success.sink().Gauge({{"collector", name}}, good ? 1 : 0);
  }

 private:
  bool Read(const std::string& path) { return ReadFile(config_.root + path, text_); }

  bool Cpu(FamilySink& sink) {
    if (!Read("/proc/stat")) return false;
    CpuTimes times = ParseCpuStat(text_);
    if (times.empty()) return false;
    cpu_.Update(std::move(times));
    cpu_.Write(sink);
    return true;
  }

  bool Load(FamilySink& sink) {
    if (!Read("/proc/loadavg")) return false;
    const auto load = ParseLoadAverage(text_);
    if (!load) return false;
    Write(*load, sink);
    return true;
  }

  bool Memory(FamilySink& sink) {
    if (!Read("/proc/meminfo")) return false;
    const std::vector<MemoryField> fields = ParseMemInfo(text_);
    Write(fields, sink);
    return !fields.empty();
  }

  bool Disks(FamilySink& sink) {
    if (!Read("/proc/diskstats")) return false;
    std::vector<Disk> disks = ParseDiskStats(text_);
    disks.erase(
        std::remove_if(disks.begin(), disks.end(),
                       [this](const Disk& disk) { return !config_.disks.Admits(disk.name); }),
        disks.end());
    for (Disk& disk : disks) {
      if (Read("/run/udev/data/b" + std::to_string(disk.major) + ":" +
               std::to_string(disk.minor))) {
        disk.udev = UdevProperties(text_);
      }
    }
    Write(disks, sink);
    return true;
  }

  bool Network(FamilySink& sink) {
    if (!Read("/proc/net/dev")) return false;
    std::vector<NetworkDevice> devices = ParseNetDev(text_);
    devices.erase(std::remove_if(devices.begin(), devices.end(),
                                 [this](const NetworkDevice& device) {
                                   return !config_.network_devices.Admits(device.name);
                                 }),
                  devices.end());
    for (NetworkDevice& device : devices) {
      if (Read("/sys/class/net/" + device.name + "/statistics/rx_nohandler")) {
        std::string_view text = text_;
        device.receive_nohandler = NumberOf<std::uint64_t>(NextLine(text));
      }
    }
    Write(devices, sink);
    return true;
  }

  bool Pressures(FamilySink& sink) {
    struct Resource {
      const char* path;
      std::size_t waiting;
      std::optional<std::size_t> stalled;
    };
    const Resource resources[] = {
        {"/proc/pressure/cpu", kPressureCpuWaiting, std::nullopt},  // full has no meaning there
        {"/proc/pressure/io", kPressureIoWaiting, kPressureIoStalled},
        {"/proc/pressure/memory", kPressureMemoryWaiting, kPressureMemoryStalled}};
    bool all = true;
    for (const Resource& resource : resources) {
      const Pressure pressure = Read(resource.path) ? ParsePressure(text_) : Pressure();
      Write(pressure, resource.waiting, resource.stalled, sink);
      all = all && pressure.some.has_value();
    }
    return all;
  }

  const HostConfig& config_;
  std::string text_;
  HeldCpuTimes cpu_;
  Filesystems filesystems_;
};

HostConfig MakeHostConfig(const HostOptions& options, const NameFilter::Complain& complain,
                          AskMount ask, Say say) {
  std::string root = options.root();
  while (!root.empty() && root.back() == '/') root.pop_back();
  return {
      root,
      NameFilter("Disks", options.include_disks(), options.exclude_disks(),
                 HostOptions::kExcludedDisks, complain),
      NameFilter("NetworkDevices", options.include_network_devices(),
                 options.exclude_network_devices(), HostOptions::kExcludedNetworkDevices, complain),
      {root,
       NameFilter("MountPoints", std::nullopt, options.exclude_mount_points(),
                  HostOptions::kExcludedMountPoints, complain),
       NameFilter("FilesystemTypes", std::nullopt, options.exclude_filesystem_types(),
                  HostOptions::kExcludedFilesystemTypes, complain),
       options.always_show_root_filesystem(),
       std::clamp<std::chrono::milliseconds>(options.mount_timeout(), {}, kLongestTimeout),
       std::move(ask), std::move(say)}};
}

HostProducer::HostProducer(HostConfig config) : config_(std::move(config)) {}
HostProducer::~HostProducer() {
  if (process_ != getpid()) static_cast<void>(reader_.release());
}

void HostProducer::Collect(FamilySink& sink) {
  if (process_ != getpid()) {
    // In a forked child: the reader's threads are the parent's, and what it holds may have been
    // half changed.
    static_cast<void>(reader_.release());
    reader_ = std::make_unique<Reader>(config_);
    process_ = getpid();
  }
  reader_->Collect(sink);
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
