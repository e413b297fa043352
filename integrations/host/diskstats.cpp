#include "integrations/host/diskstats.h"

#include <utility>

#include "integrations/host/fields.h"
#include "integrations/host/host_families.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace host {
namespace {

constexpr std::size_t kFewestValues = 11;
constexpr std::uint64_t kSectorBytes = 512;

// What a value of a line is.
enum class Is { kCount, kSectors, kMilliseconds, kNow };
constexpr Is kMeaning[kDiskValues] = {
    Is::kCount,        Is::kCount,        Is::kSectors,
    Is::kMilliseconds,  // reads
    Is::kCount,        Is::kCount,        Is::kSectors,
    Is::kMilliseconds,                                        // writes
    Is::kNow,          Is::kMilliseconds, Is::kMilliseconds,  // in progress
    Is::kCount,        Is::kCount,        Is::kCount,
    Is::kMilliseconds,                     // discards; sectors as such
    Is::kCount,        Is::kMilliseconds,  // flushes
};

void WriteValue(FamilySink& sink, FamilySink::Labels labels, Is meaning, std::uint64_t value) {
  switch (meaning) {
    case Is::kCount:
      return sink.Counter(labels, value);
    case Is::kSectors:
      return sink.Counter(labels, value * kSectorBytes);
    case Is::kMilliseconds:
      return sink.Counter(labels, static_cast<double>(value) / 1000);
    case Is::kNow:
      return sink.Gauge(labels, static_cast<double>(value));
  }
}

void WriteUdev(const std::vector<Disk>& disks, FamilySink& sink) {
  FamilyWriter info(sink, kDiskInfo);
  for (const Disk& disk : disks) {
    const UdevProperties& udev = disk.udev;
    const std::string_view serial = udev["SCSI_IDENT_SERIAL"];
    info.sink().Gauge({{"device", disk.name},
                       {"major", std::to_string(disk.major)},
                       {"minor", std::to_string(disk.minor)},
                       {"path", udev["ID_PATH"]},
                       {"wwn", udev["ID_WWN"]},
                       {"model", udev["ID_MODEL"]},
                       {"serial", serial.empty() ? udev["ID_SERIAL_SHORT"] : serial},
                       {"revision", udev["ID_REVISION"]}},
                      1);
  }
  FamilyWriter filesystem(sink, kDiskFilesystemInfo);
  for (const Disk& disk : disks) {
    const UdevProperties& udev = disk.udev;
    if (udev["ID_FS_TYPE"].empty()) continue;
    filesystem.sink().Gauge({{"device", disk.name},
                             {"type", udev["ID_FS_TYPE"]},
                             {"usage", udev["ID_FS_USAGE"]},
                             {"uuid", udev["ID_FS_UUID"]},
                             {"version", udev["ID_FS_VERSION"]}},
                            1);
  }
  FamilyWriter mapper(sink, kDiskMapperInfo);
  for (const Disk& disk : disks) {
    const UdevProperties& udev = disk.udev;
    if (udev["DM_NAME"].empty()) continue;
    mapper.sink().Gauge({{"device", disk.name},
                         {"name", udev["DM_NAME"]},
                         {"uuid", udev["DM_UUID"]},
                         {"vg_name", udev["DM_VG_NAME"]},
                         {"lv_name", udev["DM_LV_NAME"]},
                         {"lv_layer", udev["DM_LV_LAYER"]}},
                        1);
  }
  constexpr std::pair<std::size_t, const char*> kAta[] = {
      {kDiskAtaWriteCache, "ID_ATA_WRITE_CACHE"},
      {kDiskAtaWriteCacheEnabled, "ID_ATA_WRITE_CACHE_ENABLED"},
      {kDiskAtaRotationRate, "ID_ATA_ROTATION_RATE_RPM"}};
  for (const auto& [row, property] : kAta) {
    FamilyWriter family(sink, row);
    for (const Disk& disk : disks) {
      if (disk.udev["ID_ATA"].empty()) continue;
      if (const auto value = NumberOf<double>(disk.udev[property])) {
        family.sink().Gauge({{"device", disk.name}}, *value);
      }
    }
  }
}

}  // namespace

std::vector<Disk> ParseDiskStats(std::string_view text) {
  std::vector<Disk> disks;
  while (!text.empty()) {
    std::string_view line = NextLine(text);
    const auto major = NumberOf<std::uint32_t>(NextField(line));
    const auto minor = NumberOf<std::uint32_t>(NextField(line));
    Disk disk;
    disk.name = NextField(line);
    if (!major || !minor || disk.name.empty()) continue;
    disk.major = *major;
    disk.minor = *minor;
    bool torn = false;
    while (disk.count < kDiskValues) {
      const std::string_view field = NextField(line);
      if (field.empty()) break;
      const auto number = NumberOf<std::uint64_t>(field);
      torn = !number;
      if (torn) break;
      disk.values[disk.count++] = *number;
    }
    if (!torn && disk.count >= kFewestValues) disks.push_back(std::move(disk));
  }
  return disks;
}

void Write(const std::vector<Disk>& disks, FamilySink& sink) {
  for (std::size_t i = 0; i < kDiskValues; ++i) {
    FamilyWriter family(sink, kDiskStats + i);
    for (const Disk& disk : disks) {
      if (i < disk.count) {
        WriteValue(family.sink(), {{"device", disk.name}}, kMeaning[i], disk.values[i]);
      }
    }
  }
  WriteUdev(disks, sink);
}

}  // namespace host
}  // namespace detail
POLYMETER_END_NAMESPACE
