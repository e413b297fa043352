#include "integrations/host/name_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polymeter/host.h"

namespace polymeter::detail::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::nullopt_t kNone = std::nullopt;

NameFilter Make(const std::optional<std::string>& include,
                const std::optional<std::string>& exclude, const char* fallback,
                std::vector<std::string>* problems = nullptr) {
  return NameFilter("Disks", include, exclude, fallback, [problems](const std::string& message) {
    if (problems != nullptr) problems->push_back(message);
  });
}

TEST(NameFilter, LeavesOutRamLoopAndPartitionsByDefault) {
  const NameFilter disks = Make(kNone, kNone, HostOptions::kExcludedDisks);
  for (const char* name : {"vda", "sda", "nvme0n1", "dm-0", "md127", "zram0", "mmcblk0"}) {
    EXPECT_TRUE(disks.Admits(name)) << name;
  }
  for (const char* name : {"loop0", "loop17", "ram0", "sda1", "vda15", "xvda1", "nvme0n1p1"}) {
    EXPECT_FALSE(disks.Admits(name)) << name;
  }
}

TEST(NameFilter, LeavesOutTheSystemsMountsByDefault) {
  const NameFilter points = Make(kNone, kNone, HostOptions::kExcludedMountPoints);
  for (const char* name : {"/", "/home", "/boot/efi", "/device", "/var/lib/docker"}) {
    EXPECT_TRUE(points.Admits(name)) << name;
  }
  for (const char* name :
       {"/dev", "/dev/shm", "/run/user/0", "/sys/fs/cgroup", "/var/lib/docker/overlay2/x/merged"}) {
    EXPECT_FALSE(points.Admits(name)) << name;
  }
  const NameFilter types = Make(kNone, kNone, HostOptions::kExcludedFilesystemTypes);
  EXPECT_TRUE(types.Admits("ext4") && types.Admits("tmpfs") && types.Admits("nfs4"));
  EXPECT_FALSE(types.Admits("overlay") || types.Admits("cgroup2") || types.Admits("proc"));
}

TEST(NameFilter, TakesPatternsInsteadOfTheDefault) {
  const NameFilter included = Make("^(sda|loop0)", kNone, HostOptions::kExcludedDisks);
  EXPECT_TRUE(included.Admits("sda1") && included.Admits("loop0"));
  EXPECT_FALSE(included.Admits("vda"));
  const NameFilter both = Make("^sda", "1$", HostOptions::kExcludedDisks);
  EXPECT_TRUE(both.Admits("sda2"));
  EXPECT_FALSE(both.Admits("sda1"));
  EXPECT_TRUE(Make(kNone, "", HostOptions::kExcludedDisks).Admits("loop0"));
}

TEST(NameFilter, IgnoresAMalformedPatternWithOneMessage) {
  std::vector<std::string> problems;
  const NameFilter disks = Make(kNone, "(", HostOptions::kExcludedDisks, &problems);
  EXPECT_THAT(problems, ElementsAre(HasSubstr("ExcludeDisks(\"(\")")));
  EXPECT_TRUE(disks.Admits("sda"));
  EXPECT_FALSE(disks.Admits("loop0"));  // the default is used
}

TEST(NameFilter, SurvivesHostileNames) {
  const NameFilter points = Make(kNone, "(/a+)+$", "");
  EXPECT_TRUE(points.Admits(std::string(1 << 20, '/')));
  EXPECT_FALSE(points.Admits("/a/a"));
}

}  // namespace
}  // namespace polymeter::detail::host
