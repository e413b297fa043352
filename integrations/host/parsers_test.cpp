// The small parsers: load, memory, pressure, network, disks, udev.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "integrations/host/diskstats.h"
#include "integrations/host/host_for_test.h"
#include "integrations/host/loadavg.h"
#include "integrations/host/meminfo.h"
#include "integrations/host/net_dev.h"
#include "integrations/host/pressure.h"

namespace polymeter::detail::host {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::Optional;

const MemoryField* Find(const std::vector<MemoryField>& fields, const std::string& name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const MemoryField& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

TEST(LoadAverage, ReadsThreeNumbersOrNone) {
  EXPECT_THAT(ParseLoadAverage(ReadTestData("captured/proc/loadavg")),
              Optional(ElementsAre(2.74, 1.61, 1.05)));
  EXPECT_EQ(ParseLoadAverage("1 2"), std::nullopt);
  EXPECT_EQ(ParseLoadAverage("1 2,5 3 1/2 3"), std::nullopt);
}

TEST(MemInfo, TurnsKilobytesIntoBytesAndLeavesCountsAlone) {
  const auto fields = ParseMemInfo(ReadTestData("captured/proc/meminfo"));
  EXPECT_EQ(fields.size(), 54u);
  ASSERT_NE(Find(fields, "MemTotal"), nullptr);
  EXPECT_EQ(Find(fields, "MemTotal")->value, 24684084.0 * 1024);
  EXPECT_TRUE(Find(fields, "MemTotal")->bytes);
  ASSERT_NE(Find(fields, "Active_anon"), nullptr);
  EXPECT_EQ(Find(fields, "Active_anon")->value, 1548.0 * 1024);
  ASSERT_NE(Find(fields, "HugePages_Total"), nullptr);
  EXPECT_FALSE(Find(fields, "HugePages_Total")->bytes);
}

TEST(MemInfo, MakesNamesOfWhateverAKernelWrites) {
  const auto fields = ParseMemInfo("Odd-Name(x y):  3 kB\nNothing:\nNoColon 3 kB\n:3 kB\nTorn: 1");
  ASSERT_EQ(fields.size(), 2u);
  EXPECT_EQ(fields[0].name, "Odd_Name_x_y");
  EXPECT_EQ(fields[0].value, 3072);
  EXPECT_EQ(fields[1].name, "Torn");
}

TEST(Pressure, ReadsTotals) {
  const Pressure io = ParsePressure(ReadTestData("captured/proc/pressure/io"));
  EXPECT_THAT(io.some, Optional(8483032u));
  EXPECT_THAT(io.full, Optional(7087345u));
  const Pressure old = ParsePressure("some avg10=1.00 total=5\n");  // cpu before Linux 5.13
  EXPECT_THAT(old.some, Optional(5u));
  EXPECT_EQ(old.full, std::nullopt);
  EXPECT_EQ(ParsePressure("some avg10=1.00").some, std::nullopt);
}

TEST(NetDev, ReadsEveryDevice) {
  const auto devices = ParseNetDev(ReadTestData("captured/proc/net/dev"));
  ASSERT_EQ(devices.size(), 4u);
  EXPECT_EQ(devices[3].name, "eth0");
  EXPECT_THAT(devices[3].values, ElementsAreArray({117713411, 3045, 0, 0, 0, 0, 0, 0, 223540, 2110,
                                                   0, 0, 0, 0, 0, 0}));
}

TEST(NetDev, TakesAliasesAndNumbersThatTouchTheColon) {
  const auto devices = ParseNetDev(ReadTestData("traps/proc/net/dev"));
  ASSERT_EQ(devices.size(), 3u);  // the torn one is none
  EXPECT_EQ(devices[1].name, "eth0:1");
  EXPECT_EQ(devices[1].values[0], 1u);
  EXPECT_EQ(devices[1].values[15], 16u);
}

TEST(DiskStats, TakesElevenToSeventeenValues) {
  const auto disks = ParseDiskStats(ReadTestData("traps/proc/diskstats"));
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (const Disk& disk : disks) counts.emplace_back(disk.name, disk.count);
  using Count = std::pair<std::string, std::size_t>;
  // A partition of old with four values and a torn line are left out.
  EXPECT_THAT(counts, ElementsAre(Count("sda", 11), Count("sdb", 15), Count("sdc", 17),
                                  Count("nvme0n1", 11), Count("nvme0n1p1", 11), Count("loop0", 11),
                                  Count("ram0", 11), Count("dm-0", 11), Count("zram0", 17)));
  EXPECT_EQ(disks[3].major, 259u);
}

TEST(Udev, ReadsPropertiesOnly) {
  const UdevProperties udev(ReadTestData("traps/run/udev/data/b8:0"));
  EXPECT_EQ(udev["ID_MODEL"], "QEMU");
  EXPECT_EQ(udev["ID_REVISION"], "2.5+");
  EXPECT_EQ(udev["disk/by-id/x"], "");
  EXPECT_EQ(UdevProperties("E:A=b=c\nE:B\nS:C=d")["A"], "b=c");
  EXPECT_THAT(UdevProperties("E:B")["B"], IsEmpty());
}

}  // namespace
}  // namespace polymeter::detail::host
