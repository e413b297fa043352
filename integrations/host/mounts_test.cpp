#include "integrations/host/mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integrations/host/host_for_test.h"

namespace polymeter::detail::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Points(const std::vector<Mount>& mounts) {
  std::vector<std::string> points;
  for (const Mount& mount : mounts) points.push_back(mount.point);
  return points;
}

TEST(Mounts, AreReadWithEscapesOptionalFieldsAndEmptyDevices) {
  const auto mounts = ParseMountInfo(ReadTestData("traps/proc/self/mountinfo"));
  EXPECT_THAT(Points(mounts),
              ElementsAre("/", "/data", "/data/with space\\", "/my disk", "/gone", "/srv", "/srv",
                          "/srv", "/nameless", "/overlay", "/dev/shm"));
  EXPECT_EQ(mounts[0].device, "/dev/vda");
  EXPECT_FALSE(mounts[0].read_only);  // errors=remount-ro is another option
  EXPECT_TRUE(mounts[1].read_only);   // the mount
  EXPECT_TRUE(mounts[2].read_only);   // the filesystem
  EXPECT_EQ(mounts[1].type, "xfs");
  EXPECT_EQ(mounts[2].device, "/dev/disk a");
  EXPECT_EQ(mounts[8].device, "");
  EXPECT_EQ(mounts[8].type, "tmpfs");
}

TEST(Mounts, ThatRepeatAreShownOnce) {
  auto mounts = ParseMountInfo(ReadTestData("captured/proc/self/mountinfo"));
  EXPECT_EQ(mounts.size(), 20u);
  RemoveRepeated(mounts);
  EXPECT_EQ(mounts.size(), 18u);  // /dev/pts and /dev/shm were there twice
  mounts = ParseMountInfo(ReadTestData("traps/proc/self/mountinfo"));
  RemoveRepeated(mounts);  // another device at the same point stays
  EXPECT_THAT(Points(mounts), ElementsAre("/", "/data", "/data/with space\\", "/my disk", "/gone",
                                          "/srv", "/srv", "/nameless", "/overlay", "/dev/shm"));
}

TEST(Mounts, AreShownWithoutTheRoot) {
  std::vector<Mount> mounts{{"a", "/host", "ext4"},
                            {"b", "/host/var", "ext4"},
                            {"c", "/hostile", "ext4"},
                            {"d", "/", "overlay"}};
  StripRoot(mounts, "/host");
  EXPECT_THAT(Points(mounts), ElementsAre("/", "/var", "/hostile", "/"));
  StripRoot(mounts, "");
  EXPECT_THAT(Points(mounts), ElementsAre("/", "/var", "/hostile", "/"));
}

TEST(Mounts, OfGarbageAreNone) {
  EXPECT_THAT(ParseMountInfo("1 2 3 4 / rw - \n\n - - - \n1 2 3 4 / rw ext4 x y\n\\04"), IsEmpty());
}

}  // namespace
}  // namespace polymeter::detail::host
