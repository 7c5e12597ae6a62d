// Processes as a folder like /proc shows them.
#include "source/procfs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace wsbpf {
namespace {

const std::string kId(64, 'a');

class ProcFsTest : public testing::Test {
 protected:
  ProcFsTest() { std::filesystem::create_directories(logs_); }
  ~ProcFsTest() override { std::filesystem::remove_all(root_); }

  // A process of /proc, with the flags of proc_pid_stat(5) and what its cgroup file says.
  void run(uint32_t pid, const std::string& comm, const std::string& cgroup,
           uint64_t start_time = 777, uint64_t flags = 4194304) {
    const std::string folder = root_ + "/" + std::to_string(pid);
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/stat")
        << pid << " (" << comm << ") S 1 1 1 0 -1 " << flags << " 10 0 0 0 1 2 0 0 20 0 1 0 "
        << start_time << " 1000 10 18446744073709551615\n";
    std::ofstream(folder + "/cgroup") << cgroup;
  }

  void add_log(const std::string& name) { std::ofstream(logs_ + "/" + name); }

  const std::string root_ = testing::TempDir() + "wsbpf_procfs_test." + std::to_string(getpid());
  const std::string logs_ = root_ + "/containers";
  ProcFs procfs_{logs_, root_};
};

TEST_F(ProcFsTest, FindsProcessAndPlace) {
  run(4121, "node", "0::/kubepods/burstable/pod1/" + kId + "\n");
  add_log("chat-7f_shop_server-" + kId + ".log");
  const auto process = procfs_.find(4121);
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(process->pid, 4121u);
  EXPECT_EQ(process->start_time, 777u);
  EXPECT_EQ(process->comm, "node");
  EXPECT_EQ(process->place,
            (Place{"/kubepods/burstable/pod1/" + kId, kId, "shop", "chat-7f", "server"}));
}

TEST_F(ProcFsTest, OutsideContainersThereIsNoPod) {
  run(1, "nginx", "0::/system.slice/nginx.service\n");
  add_log("chat-7f_shop_server-" + kId + ".log");
  EXPECT_EQ(procfs_.find(1)->place, (Place{.cgroup = "/system.slice/nginx.service"}));
}

TEST_F(ProcFsTest, ACommMayHoldAnything) {
  for (const char* const comm : {"a) S 2 (b", "", " ", "))", "a\nb"}) {
    procfs_.forget();
    run(7, comm, "");
    ASSERT_TRUE(procfs_.find(7).has_value()) << comm;
    EXPECT_EQ(procfs_.find(7)->comm, comm);
    EXPECT_EQ(procfs_.find(7)->start_time, 777u) << comm;
  }
}

TEST_F(ProcFsTest, WhoIsGoneIsNobody) {
  EXPECT_FALSE(procfs_.find(4121).has_value());
  run(4121, "node", "");
  EXPECT_FALSE(procfs_.find(4121).has_value());  // until it forgets
  procfs_.forget();
  EXPECT_TRUE(procfs_.find(4121).has_value());
}

TEST_F(ProcFsTest, AThreadOfTheKernelIsNobody) {
  run(42, "kworker/0:1", "0::/\n", 5, 69238880);  // as on 6.18: PF_KTHREAD and others
  EXPECT_FALSE(procfs_.find(42).has_value());
}

TEST_F(ProcFsTest, ALogThatComesLaterIsFound) {
  run(4121, "node", "0::/docker/" + kId + "\n");
  EXPECT_EQ(procfs_.find(4121)->place.pod, "");
  EXPECT_EQ(procfs_.find(4121)->place.container_id, kId);
  ProcFs later(logs_, root_);
  add_log("chat-7f_shop_server-" + kId + ".log");
  EXPECT_EQ(later.find(4121)->place.pod, "chat-7f");
}

TEST_F(ProcFsTest, InAnotherPidNamespaceNobodyIsKnown) {
  run(4121, "node", "0::/\n");
  std::filesystem::create_directories(root_ + "/self/ns");
  std::ofstream(root_ + "/self/ns/pid");  // its inode is not that of the host's namespace
  ProcFs inside("", root_);
  EXPECT_FALSE(inside.sees_host_pids());
  EXPECT_FALSE(inside.find(4121).has_value());
}

TEST(ProcFs, FindsThisProcess) {
  ProcFs procfs;
  if (!procfs.sees_host_pids()) GTEST_SKIP() << "not in the host's pid namespace";
  const auto self = procfs.find(static_cast<uint32_t>(getpid()));
  ASSERT_TRUE(self.has_value());
  EXPECT_GT(self->start_time, 0u);
  EXPECT_EQ(self->place.cgroup.substr(0, 1), "/");
}

}  // namespace
}  // namespace wsbpf
