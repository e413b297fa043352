#include "polymeter/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "integrations/host/host_for_test.h"
#include "integrations/host/host_producer.h"
#include "sdk/testing/log_capture.h"
#include "sdk/testing/values.h"

namespace polymeter::detail::host {
namespace {

using ::polymeter::testing::FindFamily;
using ::polymeter::testing::FindPoint;
using ::polymeter::testing::LogCapture;
using ::polymeter::testing::ValueOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;
using ::testing::Optional;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

Options Patient(const LogCapture& log = LogCapture()) {
  return Options().Consumer().ProducerBudget(60s).Log(log.callback());
}

HostOptions In(const std::string& root) { return HostOptions().Root(root).MountTimeout(30s); }

std::set<std::string> Names(const Snapshot& snapshot) {
  std::set<std::string> names;
  for (const FamilyView& family : snapshot.families()) {
    if (family.name.substr(0, 5) == "node_") names.emplace(family.name);
  }
  return names;
}

// The values of one label of a family.
std::set<std::string> LabelValues(const Snapshot& snapshot, std::string_view name,
                                  std::string_view label) {
  std::set<std::string> values;
  const FamilyView* const family = FindFamily(snapshot, name);
  if (family == nullptr) return values;
  std::visit(
      [&](const auto& points) {
        for (const auto& point : points) {
          VisitLabels(*family, point.series, [&](std::string_view n, std::string_view value) {
            if (n == label) values.emplace(value);
          });
        }
      },
      family->points);
  return values;
}

TEST(Host, HasNodeExportersFamiliesTypesAndHelp) {
  const Tree tree;
  tree.Write("sys/class/net/eth0/statistics/rx_nohandler", "7\n");
  const Metrics metrics(Patient());
  const HostMetrics host(metrics, In(tree.path()));
  const Snapshot snapshot = metrics.TakeSnapshot();

  std::set<std::string> expected;
  std::istringstream capture(ReadTestData("node_exporter_1.5.0.prom"));
  for (std::string hash, what, name, rest;
       capture >> hash && capture.ignore() && std::getline(capture, rest);) {
    if (hash != "#") continue;
    std::istringstream line(rest);
    line >> what >> name >> std::ws;
    std::getline(line, rest);
    expected.insert(name);
    const FamilyView* const family = FindFamily(snapshot, name);
    ASSERT_NE(family, nullptr) << name;
    if (what == "HELP") {
      EXPECT_EQ(family->help, rest) << name;
    } else {
      EXPECT_EQ(ToString(family->type()), rest) << name;
    }
  }
  EXPECT_GT(expected.size(), 100u);
  EXPECT_EQ(Names(snapshot), expected);
}

TEST(Host, ReadsACapturedMachine) {
  const Tree tree;
  tree.Write("sys/class/net/eth0/statistics/rx_nohandler", "7\n");
  const Metrics metrics(Patient());
  const HostMetrics host(metrics, In(tree.path()));
  const Snapshot s = metrics.TakeSnapshot();

  EXPECT_THAT(ValueOf(s, "node_cpu_seconds_total", {{"cpu", "1"}, {"mode", "idle"}}),
              Optional(911.01));
  EXPECT_THAT(ValueOf(s, "node_cpu_seconds_total", {{"cpu", "0"}, {"mode", "steal"}}),
              Optional(7.49));
  EXPECT_THAT(ValueOf(s, "node_cpu_guest_seconds_total", {{"cpu", "0"}, {"mode", "nice"}}),
              Optional(0.0));
  EXPECT_THAT(ValueOf(s, "node_load5"), Optional(1.61));
  EXPECT_THAT(ValueOf(s, "node_memory_MemAvailable_bytes"), Optional(24258444.0 * 1024));
  EXPECT_THAT(ValueOf(s, "node_memory_HugePages_Total"), Optional(0.0));
  EXPECT_THAT(ValueOf(s, "node_disk_read_bytes_total", {{"device", "vda"}}),
              Optional(9305138.0 * 512));
  EXPECT_THAT(ValueOf(s, "node_disk_io_time_seconds_total", {{"device", "vda"}}), Optional(19.184));
  EXPECT_THAT(ValueOf(s, "node_disk_discarded_sectors_total", {{"device", "vda"}}),
              Optional(644216.0));
  EXPECT_THAT(ValueOf(s, "node_network_transmit_packets_total", {{"device", "eth0"}}),
              Optional(2110.0));
  EXPECT_THAT(ValueOf(s, "node_network_receive_nohandler_total", {{"device", "eth0"}}),
              Optional(7.0));
  EXPECT_THAT(ValueOf(s, "node_pressure_io_stalled_seconds_total"), Optional(7.087345));
  EXPECT_THAT(ValueOf(s, "node_filesystem_device_error",
                      {{"device", "/dev/vda"}, {"fstype", "ext4"}, {"mountpoint", "/"}}),
              Optional(0.0));
  // Counts stay whole numbers.
  const auto* const bytes =
      FindPoint<CounterPoint>(s, "node_disk_read_bytes_total", {{"device", "vda"}});
  ASSERT_NE(bytes, nullptr);
  EXPECT_TRUE(bytes->is_integer());
  for (const char* collector :
       {"cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "pressure"}) {
    EXPECT_THAT(ValueOf(s, "node_scrape_collector_success", {{"collector", collector}}),
                Optional(1.0))
        << collector;
  }
}

TEST(Host, HasUnitsWhereTheNameHasThem) {
  const Tree tree;
  const Metrics metrics(Patient());
  const HostMetrics host(metrics, In(tree.path()));
  const Snapshot s = metrics.TakeSnapshot();
  for (const FamilyView& family : s.families()) {
    if (family.name.substr(0, 5) != "node_") continue;
    std::string name(family.name);
    if (name.size() > 6 && name.substr(name.size() - 6) == "_total") name.resize(name.size() - 6);
    const auto ends = [&](const std::string& word) {
      return name.size() > word.size() && name.substr(name.size() - word.size()) == word;
    };
    EXPECT_EQ(family.unit, ends("_bytes") ? "bytes" : ends("_seconds") ? "seconds" : "") << name;
  }
}

TEST(Host, ShowsWhatNodeExporterShows) {
  const Tree tree;
  const Metrics metrics(Patient());
  const HostMetrics host(metrics, In(tree.path()));
  const Snapshot s = metrics.TakeSnapshot();
  EXPECT_THAT(LabelValues(s, "node_disk_io_now", "device"), ElementsAre("vda", "zram0"));
  EXPECT_THAT(LabelValues(s, "node_network_receive_bytes_total", "device"),
              ElementsAre("eth0", "ifb0", "ifb1"));
  EXPECT_THAT(LabelValues(s, "node_filesystem_size_bytes", "mountpoint"), ElementsAre("/"));
}

TEST(Host, ShowsDevicesAsAsked) {
  const Metrics metrics(Patient());
  const HostMetrics host(metrics, In(TestData("traps"))
                                      .ExcludeDisks("^(zram|loop|ram)")
                                      .ExcludeNetworkDevices("^(lo|veth)")
                                      .ExcludeMountPoints("^/(dev|gone|srv|nameless)")
                                      .ExcludeFilesystemTypes("^xfs$"));
  const Snapshot s = metrics.TakeSnapshot();
  EXPECT_THAT(LabelValues(s, "node_disk_io_now", "device"),
              ElementsAre("dm-0", "nvme0n1", "nvme0n1p1", "sda", "sdb", "sdc"));
  EXPECT_THAT(LabelValues(s, "node_network_receive_bytes_total", "device"), ElementsAre("eth0:1"));
  EXPECT_THAT(LabelValues(s, "node_filesystem_device_error", "mountpoint"),
              ElementsAre("/", "/data/with space\\", "/my disk", "/overlay"));
}

TEST(Host, ShowsWhatAKernelOfThatAgeHas) {
  const Metrics metrics(Patient());
  const HostMetrics host(metrics, In(TestData("traps")));
  const Snapshot s = metrics.TakeSnapshot();
  EXPECT_THAT(LabelValues(s, "node_disk_io_now", "device"),
              ElementsAre("dm-0", "nvme0n1", "sda", "sdb", "sdc", "zram0"));
  EXPECT_THAT(LabelValues(s, "node_disk_discards_completed_total", "device"),
              ElementsAre("sdb", "sdc", "zram0"));
  EXPECT_THAT(LabelValues(s, "node_disk_flush_requests_total", "device"),
              ElementsAre("sdc", "zram0"));
}

TEST(Host, TellsWhatUdevKnows) {
  const Metrics metrics(Patient());
  const HostMetrics host(metrics, In(TestData("traps")));
  const Snapshot s = metrics.TakeSnapshot();
  EXPECT_THAT(ValueOf(s, "node_disk_info",
                      {{"device", "sda"},
                       {"major", "8"},
                       {"minor", "0"},
                       {"path", "pci-1"},
                       {"wwn", "0x5000"},
                       {"model", "QEMU"},
                       {"serial", ""},
                       {"revision", "2.5+"}}),
              Optional(1.0));
  EXPECT_THAT(LabelValues(s, "node_disk_info", "serial"), ElementsAre("", "short"));
  EXPECT_THAT(LabelValues(s, "node_disk_filesystem_info", "uuid"), ElementsAre("uuuu"));
  EXPECT_THAT(LabelValues(s, "node_disk_device_mapper_info", "vg_name"), ElementsAre("vg"));
  EXPECT_THAT(ValueOf(s, "node_disk_ata_rotation_rate_rpm", {{"device", "sda"}}), Optional(7200.0));
}

TEST(Host, LeavesAContainersRootOutUnlessAsked) {
  const Tree tree;
  tree.Write("proc/self/mountinfo", "27 1 0:9 / / rw - overlay overlay rw,lowerdir=/x\n");
  const LogCapture log;
  const Metrics metrics(Patient(log));
  {
    const HostMetrics host(metrics, In(tree.path()));
    EXPECT_THAT(LabelValues(metrics.TakeSnapshot(), "node_filesystem_size_bytes", "mountpoint"),
                IsEmpty());
    EXPECT_EQ(log.Count("AlwaysShowRootFilesystem"), 1);
  }
  const HostMetrics host(metrics, In(tree.path()).AlwaysShowRootFilesystem());
  EXPECT_THAT(LabelValues(metrics.TakeSnapshot(), "node_filesystem_size_bytes", "mountpoint"),
              ElementsAre("/"));
}

TEST(Host, NoticesMountsThatComeAndGo) {
  const Tree tree;
  const Metrics metrics(Patient());
  const HostMetrics host(metrics, In(tree.path()));
  EXPECT_THAT(LabelValues(metrics.TakeSnapshot(), "node_filesystem_device_error", "mountpoint"),
              ElementsAre("/"));
  tree.Write("proc/self/mountinfo", "27 1 254:0 / /new rw - ext4 /dev/vdb rw\n");
  EXPECT_THAT(LabelValues(metrics.TakeSnapshot(), "node_filesystem_device_error", "mountpoint"),
              ElementsAre("/new"));
}

TEST(Host, PrefersTheMountsOfProcessOne) {
  const Tree tree;
  tree.Write("proc/1/mountinfo", "27 1 254:0 / " + tree.path() + "/new rw - ext4 /dev/vdb rw\n");
  const Metrics metrics(Patient());
  const HostMetrics host(metrics, In(tree.path() + "/"));
  EXPECT_THAT(LabelValues(metrics.TakeSnapshot(), "node_filesystem_device_error", "mountpoint"),
              ElementsAre("/new"));
}

TEST(Host, LosesOneCollectorWithAnUnreadableFile) {
  const std::map<std::string, std::string> files{{"proc/stat", "cpu"},
                                                 {"proc/loadavg", "loadavg"},
                                                 {"proc/meminfo", "meminfo"},
                                                 {"proc/diskstats", "diskstats"},
                                                 {"proc/net/dev", "netdev"},
                                                 {"proc/pressure/io", "pressure"},
                                                 {"proc/self/mountinfo", "filesystem"}};
  for (const auto& [file, lost] : files) {
    const Tree tree;
    tree.MakeUnreadable(file);
    const Metrics metrics(Patient());
    const HostMetrics host(metrics, In(tree.path()));
    const Snapshot s = metrics.TakeSnapshot();
    for (const auto& [other, collector] : files) {
      EXPECT_THAT(ValueOf(s, "node_scrape_collector_success", {{"collector", collector}}),
                  Optional(collector == lost ? 0.0 : 1.0))
          << file << " " << collector;
    }
    EXPECT_EQ(FindFamily(s, "node_load1") == nullptr, lost == "loadavg");
    EXPECT_EQ(FindFamily(s, "node_filesystem_device_error") == nullptr, lost == "filesystem");
    EXPECT_EQ(FindFamily(s, "node_pressure_io_waiting_seconds_total") == nullptr,
              lost == "pressure");
    EXPECT_NE(FindFamily(s, "node_pressure_cpu_waiting_seconds_total"), nullptr);
  }
}

TEST(Host, SurvivesAHalfMissingAndAnEmptyRoot) {
  const Tree tree;
  tree.Remove("proc/net");
  tree.Remove("proc/pressure");
  tree.Write("proc/stat", "");
  tree.Write("proc/meminfo", std::string(100, '\0') + "\n:::\nMemTotal: 99999999999999999999 kB\n");
  const Metrics metrics(Patient());
  const HostMetrics half(metrics, In(tree.path()));
  Snapshot s = metrics.TakeSnapshot();
  EXPECT_THAT(ValueOf(s, "node_load1"), Optional(2.74));
  EXPECT_THAT(ValueOf(s, "node_scrape_collector_success", {{"collector", "cpu"}}), Optional(0.0));
  EXPECT_THAT(ValueOf(s, "node_scrape_collector_success", {{"collector", "meminfo"}}),
              Optional(0.0));

  const Metrics nowhere(Patient());
  const HostMetrics none(nowhere, In(tree.path() + "/no such folder"));
  s = nowhere.TakeSnapshot();
  EXPECT_THAT(Names(s), ElementsAre("node_scrape_collector_success"));
}

TEST(Host, LosesAHangingFilesystemOnly) {
  const Tree tree;
  tree.Write("proc/self/mountinfo",
             "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
             "28 27 0:40 / /gone rw - nfs4 server:/export rw\n"
             "29 27 254:1 / /home rw - ext4 /dev/vdb rw\n");
  const FakeMounts mounts;
  mounts.Kill(tree.path() + "/gone");
  const LogCapture log;
  const Metrics metrics(Patient(log));
  {
    const Attachment attached = metrics.AddProducer(std::make_shared<HostProducer>(MakeHostConfig(
        HostOptions().Root(tree.path()).MountTimeout(2s), [](const std::string&) {}, mounts.ask(),
        [&log](LogLevel level, const std::string& text) { log.callback()(level, text); })));
    for (int scrape = 0; scrape < 3; ++scrape) {
      const Snapshot s = metrics.TakeSnapshot();
      EXPECT_THAT(LabelValues(s, "node_filesystem_size_bytes", "mountpoint"),
                  ElementsAre("/", "/home"));
      EXPECT_THAT(
          ValueOf(s, "node_filesystem_device_error",
                  {{"device", "server:/export"}, {"fstype", "nfs4"}, {"mountpoint", "/gone"}}),
          Optional(1.0));
      EXPECT_THAT(ValueOf(s, "node_filesystem_device_error",
                          {{"device", "/dev/vda"}, {"fstype", "ext4"}, {"mountpoint", "/"}}),
                  Optional(0.0));
      EXPECT_NE(FindFamily(s, "node_cpu_seconds_total"), nullptr);
    }
    EXPECT_EQ(mounts.calls(), 3 * 2 + 1);
    EXPECT_EQ(log.Count("/gone does not answer"), 1);
    EXPECT_EQ(log.Count("a producer took longer"), 0);
    mounts.Recover();
    // Asked again once the call has come back.
    const auto end = std::chrono::steady_clock::now() + 60s;
    bool back = false;
    while (!back && std::chrono::steady_clock::now() < end) {
      back =
          LabelValues(metrics.TakeSnapshot(), "node_filesystem_size_bytes", "mountpoint").size() ==
          3;
    }
    EXPECT_TRUE(back);
    mounts.Kill(tree.path() + "/gone");
    EXPECT_EQ(
        LabelValues(metrics.TakeSnapshot(), "node_filesystem_size_bytes", "mountpoint").size(), 2u);
  }  // does not wait for the call that hangs again
  mounts.Recover();
}

TEST(Host, ShowsThisMachinesFilesystemsHoweverManyOthersHang) {
  const Tree tree;
  const FakeMounts mounts;
  std::string text;
  for (int i = 0; i < 20; ++i) {
    const std::string point = "/nfs" + std::to_string(i);
    mounts.Kill(tree.path() + point);
    text += "28 27 0:40 / " + point + " rw - nfs4 server:/export rw\n";
  }
  tree.Write("proc/self/mountinfo", text + "29 27 254:1 / /home rw - ext4 /dev/vdb rw\n");
  const Metrics metrics(Patient());
  const Attachment attached = metrics.AddProducer(std::make_shared<HostProducer>(MakeHostConfig(
      HostOptions().Root(tree.path()).MountTimeout(4s), [](const std::string&) {}, mounts.ask(),
      [](LogLevel, const std::string&) {})));
  for (int scrape = 0; scrape < 2; ++scrape) {
    const Snapshot s = metrics.TakeSnapshot();
    EXPECT_THAT(LabelValues(s, "node_filesystem_size_bytes", "mountpoint"), ElementsAre("/home"));
    EXPECT_EQ(LabelValues(s, "node_filesystem_device_error", "mountpoint").size(), 21u);
  }
  EXPECT_LE(mounts.calls(), 4 + 2);
  mounts.Recover();
}

TEST(Host, IgnoresAMalformedPatternWithOneMessage) {
  const Tree tree;
  const LogCapture log;
  const Metrics metrics(Patient(log));
  const HostMetrics host(metrics, In(tree.path()).ExcludeNetworkDevices("[").IncludeDisks("*"));
  const Snapshot s = metrics.TakeSnapshot();
  EXPECT_THAT(LabelValues(s, "node_network_receive_bytes_total", "device"),
              ElementsAre("eth0", "ifb0", "ifb1"));
  EXPECT_THAT(LabelValues(s, "node_disk_io_now", "device"), ElementsAre("vda", "zram0"));
  EXPECT_EQ(log.Count("ExcludeNetworkDevices(\"[\")"), 1);
  EXPECT_EQ(log.Count("IncludeDisks(\"*\")"), 1);
  EXPECT_EQ(log.messages().size(), 2u);
}

TEST(Host, NeverRunsBackwardsOnThisMachine) {
  const Metrics metrics(Patient());
  const HostMetrics host(metrics, HostOptions().MountTimeout(30s));
  std::map<std::string, double> before;
  for (int scrape = 0; scrape < 3; ++scrape) {
    const Snapshot s = metrics.TakeSnapshot();
    const FamilyView* const family = FindFamily(s, "node_cpu_seconds_total");
    ASSERT_NE(family, nullptr);
    for (const CounterPoint& point : std::get<CounterPoints>(family->points)) {
      const LabelsView labels = point.series.labels();
      double& last = before[std::string(labels[0].value) + " " + std::string(labels[1].value)];
      EXPECT_GE(point.value(), last);
      last = point.value();
    }
    EXPECT_THAT(ValueOf(s, "node_scrape_collector_success", {{"collector", "filesystem"}}),
                Optional(1.0));
  }
  EXPECT_GE(before.size(), 8u);
}

TEST(Host, DoesNothingWhereNothingIsRecorded) {
  const Metrics off;
  const HostMetrics host(off);
  const Metrics also_off{Options()};
  const HostMetrics other(also_off, HostOptions().ExcludeDisks("("));  // not even compiled
  EXPECT_THAT(off.TakeSnapshot().families(), IsEmpty());
}

}  // namespace
}  // namespace polymeter::detail::host
