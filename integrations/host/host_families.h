// The families of the adapter `host`: node_exporter's, in the order of HostRow.
#pragma once

#include <cstddef>
#include <iterator>

#include "integrations/common/family_row.h"
#include "polymeter/producer.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {

// Positions in kHostFamilies.
enum HostRow : std::size_t {
  kCpuSeconds,
  kCpuGuestSeconds,
  kLoad1,  // and 5 and 15
  kMemoryBytes = kLoad1 + 3,
  kMemoryCount,
  kDiskStats,  // the values of a line of diskstats, in its order
  kDiskInfo = kDiskStats + 17,
  kDiskFilesystemInfo,
  kDiskMapperInfo,
  kDiskAtaWriteCache,
  kDiskAtaWriteCacheEnabled,
  kDiskAtaRotationRate,
  kFilesystemDeviceError,
  kFilesystemSize,
  kFilesystemFree,
  kFilesystemAvail,
  kFilesystemFiles,
  kFilesystemFilesFree,
  kFilesystemReadonly,
  kNetworkStats,  // the values of a line of net/dev, in its order
  kNetworkReceiveNohandler = kNetworkStats + 16,
  kPressureCpuWaiting,
  kPressureIoWaiting,
  kPressureIoStalled,
  kPressureMemoryWaiting,
  kPressureMemoryStalled,
  kCollectorSuccess,
  kHostRows,
};

}  // namespace host

// `<field>` stands for every field that /proc/meminfo has: MemAvailable, Active_anon...
inline constexpr FamilyRow kHostFamilies[] = {
    {MetricType::kCounter, "node_cpu_seconds_total", "Seconds the CPUs spent in each mode.",
     "seconds", "cpu,mode"},
    {MetricType::kCounter, "node_cpu_guest_seconds_total",
     "Seconds the CPUs spent in guests (VMs) for each mode.", "seconds", "cpu,mode"},
    {MetricType::kGauge, "node_load1", "1m load average."},
    {MetricType::kGauge, "node_load5", "5m load average."},
    {MetricType::kGauge, "node_load15", "15m load average."},
    {MetricType::kGauge, "node_memory_<field>_bytes", "Memory information field <field>_bytes.",
     "bytes"},
    {MetricType::kGauge, "node_memory_<field>", "Memory information field <field>."},

    {MetricType::kCounter, "node_disk_reads_completed_total",
     "The total number of reads completed successfully.", "", "device"},
    {MetricType::kCounter, "node_disk_reads_merged_total", "The total number of reads merged.", "",
     "device"},
    {MetricType::kCounter, "node_disk_read_bytes_total",
     "The total number of bytes read successfully.", "bytes", "device"},
    {MetricType::kCounter, "node_disk_read_time_seconds_total",
     "The total number of seconds spent by all reads.", "seconds", "device"},
    {MetricType::kCounter, "node_disk_writes_completed_total",
     "The total number of writes completed successfully.", "", "device"},
    {MetricType::kCounter, "node_disk_writes_merged_total", "The number of writes merged.", "",
     "device"},
    {MetricType::kCounter, "node_disk_written_bytes_total",
     "The total number of bytes written successfully.", "bytes", "device"},
    {MetricType::kCounter, "node_disk_write_time_seconds_total",
     "This is the total number of seconds spent by all writes.", "seconds", "device"},
    {MetricType::kGauge, "node_disk_io_now", "The number of I/Os currently in progress.", "",
     "device"},
    {MetricType::kCounter, "node_disk_io_time_seconds_total", "Total seconds spent doing I/Os.",
     "seconds", "device"},
    {MetricType::kCounter, "node_disk_io_time_weighted_seconds_total",
     "The weighted # of seconds spent doing I/Os.", "seconds", "device"},
    {MetricType::kCounter, "node_disk_discards_completed_total",
     "The total number of discards completed successfully.", "", "device"},
    {MetricType::kCounter, "node_disk_discards_merged_total",
     "The total number of discards merged.", "", "device"},
    {MetricType::kCounter, "node_disk_discarded_sectors_total",
     "The total number of sectors discarded successfully.", "", "device"},
    {MetricType::kCounter, "node_disk_discard_time_seconds_total",
     "This is the total number of seconds spent by all discards.", "seconds", "device"},
    {MetricType::kCounter, "node_disk_flush_requests_total",
     "The total number of flush requests completed successfully", "", "device"},
    {MetricType::kCounter, "node_disk_flush_requests_time_seconds_total",
     "This is the total number of seconds spent by all flush requests.", "seconds", "device"},
    {MetricType::kGauge, "node_disk_info", "Info of /sys/block/<block_device>.", "",
     "device,major,minor,path,wwn,model,serial,revision"},
    {MetricType::kGauge, "node_disk_filesystem_info", "Info about disk filesystem.", "",
     "device,type,usage,uuid,version"},
    {MetricType::kGauge, "node_disk_device_mapper_info", "Info about disk device mapper.", "",
     "device,name,uuid,vg_name,lv_name,lv_layer"},
    {MetricType::kGauge, "node_disk_ata_write_cache", "ATA disk has a write cache.", "", "device"},
    {MetricType::kGauge, "node_disk_ata_write_cache_enabled",
     "ATA disk has its write cache enabled.", "", "device"},
    {MetricType::kGauge, "node_disk_ata_rotation_rate_rpm",
     "ATA disk rotation rate in RPMs (0 for SSDs).", "", "device"},

    {MetricType::kGauge, "node_filesystem_device_error",
     "Whether an error occurred while getting statistics for the given device.", "",
     "device,fstype,mountpoint"},
    {MetricType::kGauge, "node_filesystem_size_bytes", "Filesystem size in bytes.", "bytes",
     "device,fstype,mountpoint"},
    {MetricType::kGauge, "node_filesystem_free_bytes", "Filesystem free space in bytes.", "bytes",
     "device,fstype,mountpoint"},
    {MetricType::kGauge, "node_filesystem_avail_bytes",
     "Filesystem space available to non-root users in bytes.", "bytes", "device,fstype,mountpoint"},
    {MetricType::kGauge, "node_filesystem_files", "Filesystem total file nodes.", "",
     "device,fstype,mountpoint"},
    {MetricType::kGauge, "node_filesystem_files_free", "Filesystem total free file nodes.", "",
     "device,fstype,mountpoint"},
    {MetricType::kGauge, "node_filesystem_readonly", "Filesystem read-only status.", "",
     "device,fstype,mountpoint"},

    {MetricType::kCounter, "node_network_receive_bytes_total",
     "Network device statistic receive_bytes.", "bytes", "device"},
    {MetricType::kCounter, "node_network_receive_packets_total",
     "Network device statistic receive_packets.", "", "device"},
    {MetricType::kCounter, "node_network_receive_errs_total",
     "Network device statistic receive_errs.", "", "device"},
    {MetricType::kCounter, "node_network_receive_drop_total",
     "Network device statistic receive_drop.", "", "device"},
    {MetricType::kCounter, "node_network_receive_fifo_total",
     "Network device statistic receive_fifo.", "", "device"},
    {MetricType::kCounter, "node_network_receive_frame_total",
     "Network device statistic receive_frame.", "", "device"},
    {MetricType::kCounter, "node_network_receive_compressed_total",
     "Network device statistic receive_compressed.", "", "device"},
    {MetricType::kCounter, "node_network_receive_multicast_total",
     "Network device statistic receive_multicast.", "", "device"},
    {MetricType::kCounter, "node_network_transmit_bytes_total",
     "Network device statistic transmit_bytes.", "bytes", "device"},
    {MetricType::kCounter, "node_network_transmit_packets_total",
     "Network device statistic transmit_packets.", "", "device"},
    {MetricType::kCounter, "node_network_transmit_errs_total",
     "Network device statistic transmit_errs.", "", "device"},
    {MetricType::kCounter, "node_network_transmit_drop_total",
     "Network device statistic transmit_drop.", "", "device"},
    {MetricType::kCounter, "node_network_transmit_fifo_total",
     "Network device statistic transmit_fifo.", "", "device"},
    {MetricType::kCounter, "node_network_transmit_colls_total",
     "Network device statistic transmit_colls.", "", "device"},
    {MetricType::kCounter, "node_network_transmit_carrier_total",
     "Network device statistic transmit_carrier.", "", "device"},
    {MetricType::kCounter, "node_network_transmit_compressed_total",
     "Network device statistic transmit_compressed.", "", "device"},
    {MetricType::kCounter, "node_network_receive_nohandler_total",
     "Network device statistic receive_nohandler.", "", "device"},

    {MetricType::kCounter, "node_pressure_cpu_waiting_seconds_total",
     "Total time in seconds that processes have waited for CPU time", "seconds"},
    {MetricType::kCounter, "node_pressure_io_waiting_seconds_total",
     "Total time in seconds that processes have waited due to IO congestion", "seconds"},
    {MetricType::kCounter, "node_pressure_io_stalled_seconds_total",
     "Total time in seconds no process could make progress due to IO congestion", "seconds"},
    {MetricType::kCounter, "node_pressure_memory_waiting_seconds_total",
     "Total time in seconds that processes have waited for memory", "seconds"},
    {MetricType::kCounter, "node_pressure_memory_stalled_seconds_total",
     "Total time in seconds no process could make progress due to memory congestion", "seconds"},

    {MetricType::kGauge, "node_scrape_collector_success",
     "node_exporter: Whether a collector succeeded.", "", "collector"},
};

namespace host {

static_assert(std::size(kHostFamilies) == kHostRows);
static_assert(kHostFamilies[kMemoryBytes].name == "node_memory_<field>_bytes");
static_assert(kHostFamilies[kDiskInfo].name == "node_disk_info");
static_assert(kHostFamilies[kFilesystemDeviceError].name == "node_filesystem_device_error");
static_assert(kHostFamilies[kNetworkReceiveNohandler].name ==
              "node_network_receive_nohandler_total");
static_assert(kHostFamilies[kPressureCpuWaiting].name == "node_pressure_cpu_waiting_seconds_total");

// A family of the sink that is there once it has a point.
class FamilyWriter {
 public:
  FamilyWriter(FamilySink& sink, std::size_t row) : sink_(sink), row_(kHostFamilies[row]) {}

  // What goes into it now belongs to the family.
  FamilySink& sink() {
    if (!begun_) sink_.BeginFamily(row_.type, row_.name, row_.help, OptionsOf(row_));
    begun_ = true;
    return sink_;
  }

 private:
  FamilySink& sink_;
  const FamilyRow& row_;
  bool begun_ = false;
};

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
