// Adapter `host`: the machine, with node_exporter's families, names and labels, so that its
// dashboards and alerts work. C++17; link polymeter::host.
//
//   auto metrics = polymeter::FromEnvironment("transcriber");
//   polymeter::HostMetrics host(metrics);   // as long as it lives
//
// For a machine that has no node_exporter: beside one, every family would be there twice.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE

// What is shown, and of which machine. The patterns are ECMAScript regular expressions that are
// searched for in the name (so anchor them: "^veth"). One that is malformed is ignored, with one
// message, and counted in polymeter's refusals with the reason "bad_option". A name is shown when
// it is included and not excluded. The defaults are those of Debian's node_exporter 1.5.
class HostOptions {
 public:
  // ram, loop and fd devices, and partitions. zram is shown.
  static constexpr const char* kExcludedDisks =
      "^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$";
  // veth and bridges are shown: on a machine with many containers exclude "^(lo|veth.*|br-.*)$".
  static constexpr const char* kExcludedNetworkDevices = "^lo$";
  // Of the kernel's own filesystems, of removable media and of containers.
  static constexpr const char* kExcludedMountPoints =
      "^/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";
  // Those that no disk is behind.
  static constexpr const char* kExcludedFilesystemTypes =
      "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"
      "iso9660|"
      "mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|"
      "tracefs)$";

  // Where the machine's root is mounted: its proc, sys and run are read there, and mount points
  // are shown without it. "/host" in a container that has the machine's / there.
  HostOptions& Root(std::string path) {
    root_ = std::move(path);
    return *this;
  }
  // Block devices by name. An include without an exclude replaces the default exclude.
  HostOptions& IncludeDisks(std::string pattern) {
    include_disks_ = std::move(pattern);
    return *this;
  }
  // See IncludeDisks.
  HostOptions& ExcludeDisks(std::string pattern) {
    exclude_disks_ = std::move(pattern);
    return *this;
  }
  // Network devices by name, the same.
  HostOptions& IncludeNetworkDevices(std::string pattern) {
    include_network_devices_ = std::move(pattern);
    return *this;
  }
  // See IncludeNetworkDevices.
  HostOptions& ExcludeNetworkDevices(std::string pattern) {
    exclude_network_devices_ = std::move(pattern);
    return *this;
  }
  // Filesystems by where they are mounted.
  HostOptions& ExcludeMountPoints(std::string pattern) {
    exclude_mount_points_ = std::move(pattern);
    return *this;
  }
  // Filesystems by type.
  HostOptions& ExcludeFilesystemTypes(std::string pattern) {
    exclude_filesystem_types_ = std::move(pattern);
    return *this;
  }
  // Shows the filesystem at / whatever its type: a container's root is an overlay, which
  // node_exporter (and the default here) leaves out.
  HostOptions& AlwaysShowRootFilesystem(bool show = true) {
    always_show_root_filesystem_ = show;
    return *this;
  }
  // How long one collection waits for all mounts' numbers. A mount that does not answer shows
  // node_filesystem_device_error 1 and no sizes, and is not asked again before its call has
  // returned. Keep it below Options::ProducerBudget.
  HostOptions& MountTimeout(std::chrono::milliseconds time) {
    mount_timeout_ = time;
    return *this;
  }

  const std::string& root() const noexcept { return root_; }
  const std::optional<std::string>& include_disks() const noexcept { return include_disks_; }
  const std::optional<std::string>& exclude_disks() const noexcept { return exclude_disks_; }
  const std::optional<std::string>& include_network_devices() const noexcept {
    return include_network_devices_;
  }
  const std::optional<std::string>& exclude_network_devices() const noexcept {
    return exclude_network_devices_;
  }
  const std::optional<std::string>& exclude_mount_points() const noexcept {
    return exclude_mount_points_;
  }
  const std::optional<std::string>& exclude_filesystem_types() const noexcept {
    return exclude_filesystem_types_;
  }
  bool always_show_root_filesystem() const noexcept { return always_show_root_filesystem_; }
  std::chrono::milliseconds mount_timeout() const noexcept { return mount_timeout_; }

 private:
  std::string root_ = "/";
  std::optional<std::string> include_disks_;
  std::optional<std::string> exclude_disks_;
  std::optional<std::string> include_network_devices_;
  std::optional<std::string> exclude_network_devices_;
  std::optional<std::string> exclude_mount_points_;
  std::optional<std::string> exclude_filesystem_types_;
  bool always_show_root_filesystem_ = false;
  std::chrono::milliseconds mount_timeout_{200};
};

// Reads /proc (stat, loadavg, meminfo, diskstats, PID 1's or the own mountinfo, net/dev, pressure),
// /sys/class/net and udev's data once a snapshot, on a thread of the library, and asks every mount
// for its numbers on threads of its own, of which at most eight can hang at a time. Bytes,
// seconds and counts, as each name says; CPU times are the kernel's since boot, `user` and `nice`
// include the guest times that node_cpu_guest_seconds_total repeats.
//
// What cannot be read is missing alone: node_scrape_collector_success tells which (collector is
// cpu, diskstats, filesystem, loadavg, meminfo, netdev or pressure). Nothing here throws or waits
// for a filesystem. On a Metrics that does not record, nothing is read.
//
// Sources: https://docs.kernel.org/filesystems/proc.html, .../admin-guide/iostats.html,
// .../accounting/psi.html; names as of node_exporter 1.5.
class POLYMETER_EXPORT HostMetrics {
 public:
  explicit HostMetrics(const Metrics& metrics, const HostOptions& options = {});

 private:
  Attachment attachment_;
};

POLYMETER_END_NAMESPACE
