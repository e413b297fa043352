#include "integrations/runtime/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integrations/runtime/tree_for_test.h"

namespace polymeter::detail {
namespace {

using ::polymeter::testing::CapturedRoot;
using ::polymeter::testing::Tree;
using ::testing::Eq;
using ::testing::Optional;

constexpr std::string_view kV2Mount =
    "25 1 0:22 / / rw - ext4 /dev/vda rw\n"
    "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

Tree& MountV2(Tree& tree, std::string_view group) {
  tree.Write("proc/self/mountinfo", kV2Mount);
  tree.Write("proc/self/cgroup", "0::" + std::string(group) + "\n");
  return tree;
}

CgroupSample Read(const std::string& root) {
  CgroupReader reader(root, root + "/proc/self");
  CgroupSample sample;
  reader.Read(sample);
  return sample;
}

// --- where ------------------------------------------------------------------------------------

TEST(FindCgroup, FindsEachControllerOfVersion1) {
  const CgroupFolders folders =
      FindCgroup("9:memory:/system.slice/a.service\n3:cpu,cpuacct:/b\n",
                 "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                 "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
                 "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                 "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  EXPECT_THAT(folders.memory,
              Optional(CgroupFolder{"/sys/fs/cgroup/memory/system.slice/a.service", 21, false}));
  EXPECT_THAT(folders.cpu, Optional(CgroupFolder{"/sys/fs/cgroup/cpu,cpuacct/b", 26, false}));
}

TEST(FindCgroup, FindsVersion2) {
  const CgroupFolders folders = FindCgroup("0::/user.slice/x\n", kV2Mount);
  EXPECT_THAT(folders.memory, Optional(CgroupFolder{"/sys/fs/cgroup/user.slice/x", 14, true}));
  EXPECT_EQ(folders.cpu, folders.memory);
}

TEST(FindCgroup, TakesEachControllerFromWhereItIsInAHybrid) {
  const CgroupFolders folders =
      FindCgroup("4:memory:/m\n0::/u\n",
                 "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                 "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  EXPECT_THAT(folders.memory, Optional(CgroupFolder{"/sys/fs/cgroup/memory/m", 21, false}));
  EXPECT_THAT(folders.cpu, Optional(CgroupFolder{"/sys/fs/cgroup/unified/u", 22, true}));
}

TEST(FindCgroup, FollowsAContainerThatSeesOnlyItsPartOfTheTree) {
  // The group's path is the host's; the mount begins at that group.
  const CgroupFolders docker =
      FindCgroup("4:memory:/docker/0a1b/inner\n",
                 "35 31 0:32 /docker/0a1b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  EXPECT_THAT(docker.memory, Optional(CgroupFolder{"/sys/fs/cgroup/memory/inner", 21, false}));
  EXPECT_EQ(docker.cpu, std::nullopt);
  // "/docker/0a1b2c" is not below "/docker/0a1b"; a group outside of the namespace is "/..".
  for (const std::string_view group : {"/docker/0a1b2c", "/../outside", "/elsewhere"}) {
    const CgroupFolders other =
        FindCgroup("4:memory:" + std::string(group) + "\n",
                   "35 31 0:32 /docker/0a1b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
    EXPECT_THAT(other.memory, Optional(CgroupFolder{"/sys/fs/cgroup/memory", 21, false})) << group;
  }
}

TEST(FindCgroup, ReadsEscapesAndSurvivesNonsense) {
  EXPECT_THAT(FindCgroup("0::/\n", "30 25 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n").memory,
              Optional(CgroupFolder{"/my groups", 10, true}));
  for (const std::string_view text : {"", "\n\n", "0", "0:", "a - b", "1 2 3 - cgroup2"}) {
    EXPECT_EQ(FindCgroup(text, kV2Mount).cpu, std::nullopt) << text;
    FindCgroup("0::/a\n", text);
  }
}

// --- values -----------------------------------------------------------------------------------

TEST(CgroupValues, SayNothingWhereThereIsNoLimit) {
  EXPECT_THAT(ParseMemoryLimit("536870912\n"), Optional(536870912u));
  EXPECT_EQ(ParseMemoryLimit("max\n"), std::nullopt);
  EXPECT_EQ(ParseMemoryLimit("9223372036854771712\n"), std::nullopt);  // pages of 4 KiB
  EXPECT_EQ(ParseMemoryLimit("9223372036854710272\n"), std::nullopt);  // of 64 KiB
  EXPECT_THAT(ParseCpuMax("150000 100000\n"), Optional(1.5));
  EXPECT_EQ(ParseCpuMax("max 100000\n"), std::nullopt);
  EXPECT_EQ(ParseCpuMax("1 0\n"), std::nullopt);
  EXPECT_EQ(ParseCpuMax(""), std::nullopt);
  EXPECT_THAT(CoresOfQuota("50000\n", "100000\n"), Optional(0.5));
  EXPECT_EQ(CoresOfQuota("-1\n", "100000\n"), std::nullopt);
}

// --- files ------------------------------------------------------------------------------------

TEST(CgroupReader, ReadsTheCapturedHybrid) {
  // Memory and CPU are in version 1, without limits; `0::/` is empty.
  const CgroupSample sample = Read(CapturedRoot("hybrid"));
  EXPECT_EQ(sample.memory_limit_bytes, std::nullopt);
  EXPECT_THAT(sample.memory_usage_bytes, Optional(::testing::Gt(0u)));
  EXPECT_THAT(sample.oom_kills, Optional(0u));
  EXPECT_EQ(sample.cpu_limit_cores, std::nullopt);
  EXPECT_THAT(sample.cpu_throttled_seconds, Optional(0.0));
}

TEST(CgroupReader, ReadsVersion1WithLimits) {
  const Tree tree("hybrid");
  const std::string memory = "sys/fs/cgroup/memory/process_api/a35311ddb5e1334325471a7f49a92919/";
  tree.Write(memory + "memory.limit_in_bytes", "1073741824\n");
  tree.Write("sys/fs/cgroup/memory/process_api/memory.limit_in_bytes", "268435456\n");
  tree.Write(memory + "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  tree.Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000\n");
  tree.Write("sys/fs/cgroup/cpu/cpu.stat",
             "nr_periods 9\nnr_throttled 3\nthrottled_time 1500000000\n");
  const CgroupSample sample = Read(tree.path());
  EXPECT_THAT(sample.memory_limit_bytes, Optional(268435456u));
  EXPECT_THAT(sample.oom_kills, Optional(2u));
  EXPECT_THAT(sample.cpu_limit_cores, Optional(2.5));
  EXPECT_THAT(sample.cpu_throttled_seconds, Optional(1.5));
}

TEST(CgroupReader, TakesTheLowestLimitOfTheVisibleAncestorsInVersion2) {
  Tree tree;
  MountV2(tree, "/a/b/c");
  const std::string top = "sys/fs/cgroup/";  // the topmost has no limits at all
  tree.Write(top + "a/memory.max", "1000000000\n");
  tree.Write(top + "a/b/memory.max", "500000000\n");
  tree.Write(top + "a/b/c/memory.max", "max\n");
  tree.Write(top + "a/cpu.max", "200000 100000\n");
  tree.Write(top + "a/b/cpu.max", "max 100000\n");
  tree.Write(top + "a/b/c/cpu.max", "300000 100000\n");
  tree.Write(top + "a/b/c/memory.current", "123456\n");
  tree.Write(top + "a/b/c/memory.events",
             "low 0\nhigh 0\nmax 7\noom 5\noom_kill 4\n"
             "oom_group_kill 1\n");
  tree.Write(top + "a/b/c/cpu.stat", "usage_usec 5\nnr_throttled 1\nthrottled_usec 2500000\n");
  tree.Write("sys/fs/memory.max", "1\n");  // above the mount point: none of ours
  const CgroupSample sample = Read(tree.path());
  EXPECT_THAT(sample.memory_limit_bytes, Optional(500000000u));
  EXPECT_THAT(sample.cpu_limit_cores, Optional(2.0));
  EXPECT_THAT(sample.memory_usage_bytes, Optional(123456u));
  EXPECT_THAT(sample.oom_kills, Optional(4u));
  EXPECT_THAT(sample.cpu_throttled_seconds, Optional(2.5));
}

TEST(CgroupReader, AFileThatCannotBeReadCostsItsOwnValue) {
  Tree tree;
  MountV2(tree, "/");  // of a cgroup namespace
  tree.Write("sys/fs/cgroup/memory.max", "1048576\n");
  tree.Write("sys/fs/cgroup/memory.events/a", "");  // a folder in its place
  tree.Write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  const CgroupSample sample = Read(tree.path());
  EXPECT_THAT(sample.memory_limit_bytes, Optional(1048576u));
  EXPECT_THAT(sample.cpu_limit_cores, Optional(0.5));
  EXPECT_EQ(sample.memory_usage_bytes, std::nullopt);
  EXPECT_EQ(sample.oom_kills, std::nullopt);
  EXPECT_EQ(sample.cpu_throttled_seconds, std::nullopt);
}

TEST(CgroupReader, FollowsAProcessThatMoves) {
  Tree tree;
  MountV2(tree, "/a");
  tree.Write("sys/fs/cgroup/a/memory.current", "1\n");
  tree.Write("sys/fs/cgroup/b/memory.current", "2\n");
  CgroupReader reader(tree.path(), tree.path() + "/proc/self");
  CgroupSample sample;
  reader.Read(sample);
  EXPECT_THAT(sample.memory_usage_bytes, Optional(1u));
  MountV2(tree, "/b");
  reader.Read(sample);
  EXPECT_THAT(sample.memory_usage_bytes, Optional(2u));
  tree.Remove("proc/self/cgroup");
  reader.Read(sample);
  EXPECT_EQ(sample.memory_usage_bytes, std::nullopt);
}

TEST(CgroupReader, SaysNothingWithoutControlGroups) {
  const Tree tree;
  const CgroupSample sample = Read(tree.path());
  EXPECT_EQ(sample.memory_usage_bytes, std::nullopt);
  EXPECT_EQ(sample.cpu_limit_cores, std::nullopt);
}

}  // namespace
}  // namespace polymeter::detail
