// The mounts of cgroup v2, as /proc/PID/mountinfo tells them.
#include "source/cgroup_root.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace wsbpf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> found(std::string_view mountinfo) {
  return mount_points(mountinfo, "cgroup2");
}

TEST(MountPoints, AUnifiedHost) {
  EXPECT_THAT(found("22 27 0:21 / /proc rw,relatime shared:12 - proc proc rw\n"
                    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 "
                    "rw,nsdelegate,memory_recursiveprot\n"),
              ElementsAre("/sys/fs/cgroup"));
}

TEST(MountPoints, AHybridHost) {
  EXPECT_THAT(found("31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
                    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
                    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"),
              ElementsAre("/sys/fs/cgroup/unified"));
}

TEST(MountPoints, AnyNumberOfOptionalFields) {
  EXPECT_THAT(found("1 2 0:38 / /a rw - cgroup2 none rw\n"
                    "1 2 0:38 /../.. /b rw shared:1 master:2 propagate_from:3 - cgroup2 none rw"),
              ElementsAre("/a", "/b"));
}

TEST(MountPoints, NamesAreUnescaped) {
  EXPECT_THAT(found(R"(1 2 0:38 / /a\040b\134c\011 rw - cgroup2 none rw)"),
              ElementsAre("/a b\\c\t"));
  EXPECT_THAT(found(R"(1 2 0:38 / /a\9\04 rw - cgroup2 none rw)"), ElementsAre(R"(/a\9\04)"));
}

// The type is a field of its own, and not a word anywhere in the line.
TEST(MountPoints, OnlyOfThatType) {
  EXPECT_THAT(found("1 2 0:38 / /cgroup2 rw - cgroup cgroup2 rw,cgroup2\n"
                    "1 2 0:39 / /x rw - cgroup22 cgroup2 rw\n"),
              IsEmpty());
}

TEST(MountPoints, NonsenseIsLeftOut) {
  for (const char* const text : {"", "\n\n", " - cgroup2", "- cgroup2 x y", "1 2 3 - cgroup2 none",
                                 "1 2 3 4  - cgroup2 none rw", "1 2 0:3 / relative rw - cgroup2"}) {
    EXPECT_THAT(found(text), IsEmpty()) << text;
  }
}

class CgroupRootTest : public testing::Test {
 protected:
  CgroupRootTest() { std::filesystem::create_directories(proc_ + "/1/root"); }
  ~CgroupRootTest() override { std::filesystem::remove_all(proc_); }

  std::string error() {
    const auto root = open_cgroup_root(proc_);
    if (root) close(*root);
    return root ? "none" : root.error().message;
  }

  void mounts(const std::string& text) { std::ofstream(proc_ + "/1/mountinfo") << text; }

  const std::string proc_ = testing::TempDir() + "wsbpf_cgroup_root." + std::to_string(getpid());
};

TEST_F(CgroupRootTest, WithoutAMountSaysWhatToDo) {
  EXPECT_THAT(error(), HasSubstr("mount -t cgroup2"));
  EXPECT_EQ(open_cgroup_root(proc_).error().exit_code, ExitCode::kUnsupported);
}

// Another file system may be mounted over it.
TEST_F(CgroupRootTest, AFolderOfAnotherFileSystemIsNoRoot) {
  std::filesystem::create_directories(proc_ + "/1/root/hidden");
  mounts("1 2 0:38 / /hidden rw - cgroup2 none rw\n");
  EXPECT_THAT(error(), HasSubstr("mount -t cgroup2"));
}

}  // namespace
}  // namespace wsbpf
