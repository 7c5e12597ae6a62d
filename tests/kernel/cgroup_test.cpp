// The programs that read WebSockets, and the root of the cgroups that they share with others.
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cerrno>
#include <set>

#include "harness.h"
#include "model/scenario.h"
#include "source/cgroup_root.h"

namespace wsbpf::kernel_test {
namespace {

// The ids of the programs there.
std::set<uint32_t> attached(int cgroup, bpf_attach_type type) {
  uint32_t ids[64] = {};
  uint32_t count = std::size(ids);
  if (bpf_prog_query(cgroup, type, 0, nullptr, ids, &count) != 0) {
    throw std::system_error(errno, std::generic_category(), "bpf_prog_query");
  }
  return {ids, ids + count};
}

uint32_t id_of(int program) {
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(program, &info, &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "bpf_obj_get_info_by_fd");
  }
  return info.id;
}

// A program that lets every packet pass.
Fd load_other() {
  const bpf_insn instructions[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 1},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  };
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_CGROUP_INET_INGRESS);
  return Fd(bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "other", "GPL", instructions,
                          std::size(instructions), &options));
}

class Cgroup : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    auto root = open_cgroup_root();
    if (!root) GTEST_SKIP() << root.error().message;
    root_ = Fd(*root);
  }

  bool is_attached(const Fd& program) const {
    return attached(root_.get(), BPF_CGROUP_INET_INGRESS).contains(id_of(program.get()));
  }

  void expect_others_to_stay(const Fd& other) {
    EXPECT_TRUE(is_attached(other));
    const uint16_t port = free_port();
    {
      Observer own(Watch{.ports = port_set({port})}, netns());
      ASSERT_EQ(own.source().websocket_trouble(), "");
      EXPECT_TRUE(is_attached(other));
      const Socket listener = listen_on(ipv4("127.0.0.1", port));
      Pair pair = connect_pair(listener);
      pair.client.send(model::request());
      pair.server.receive(model::request().size());
      pair.server.send(model::response());
      own.wait_for<wsbpf_websocket>(pair.server.cookie());
    }
    EXPECT_TRUE(is_attached(other));
  }

  Fd root_{-1};
};

TEST_F(Cgroup, LinksOfOthersStay) {
  const Fd other = load_other();
  ASSERT_GE(other.get(), 0) << strerror(errno);
  const Fd link(bpf_link_create(other.get(), root_.get(), BPF_CGROUP_INET_INGRESS, nullptr));
  ASSERT_GE(link.get(), 0) << strerror(errno);
  expect_others_to_stay(other);
}

TEST_F(Cgroup, ProgramsOfOthersStay) {
  const Fd other = load_other();
  ASSERT_GE(other.get(), 0) << strerror(errno);
  ASSERT_EQ(bpf_prog_attach(other.get(), root_.get(), BPF_CGROUP_INET_INGRESS, BPF_F_ALLOW_MULTI),
            0)
      << strerror(errno);
  expect_others_to_stay(other);
  EXPECT_EQ(bpf_prog_detach2(other.get(), root_.get(), BPF_CGROUP_INET_INGRESS), 0);
}

TEST_F(Cgroup, WhereWebSocketsAreNotReadNothingIsThereAndNothingIsTold) {
  const uint16_t port = free_port();
  Observer own(Watch{.ports = port_set({port}), .websocket = false}, netns());
  for (const auto& each : own.source().program_runs()) {
    EXPECT_THAT(each.program, testing::Not(testing::StartsWith("websocket")));
  }
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  Pair pair = connect_pair(listener);
  pair.client.send(model::request());
  pair.server.receive(model::request().size());
  pair.server.send(model::response());
  pair.client.receive(model::response().size());
  EXPECT_TRUE(records_of<wsbpf_websocket>(own.dump_sockets(), pair.server.cookie()).empty());
  const uint64_t cookie = pair.server.cookie();
  pair.server.close();
  ASSERT_TRUE(pair.client.receives_end());
  pair.client.close();
  own.wait_for<wsbpf_closed>(cookie);
  EXPECT_TRUE(own.all<wsbpf_websocket>(cookie).empty());
}

}  // namespace
}  // namespace wsbpf::kernel_test
