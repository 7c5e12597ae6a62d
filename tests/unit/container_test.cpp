// Containers by the names they leave: in cgroup paths and in /var/log/containers.
#include "core/container.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace wsbpf {
namespace {

const std::string kId = "3f4e8ae8a1b6d8f00e5c0de1f2c3b4a5968778695a4b3c2d1e0f1a2b3c4d5e6f";
const std::string kOuter = "b0c1d2e3f4a5968778695a4b3c2d1e0f1a2b3c4d5e6f3f4e8ae8a1b6d8f00e5c";
const std::string kPod = "pod6f3b7a52-0b5c-4c5e-9d0e-8a1c2f3e4d5b";
const std::string kPodSlice = "kubepods-burstable-pod6f3b7a52_0b5c_4c5e_9d0e_8a1c2f3e4d5b.slice";

TEST(ContainerIdIn, FindsIt) {
  const std::string kubepods = "/kubepods.slice/kubepods-burstable.slice/" + kPodSlice;
  const std::vector<std::string> paths = {
      "/docker/" + kId,
      "/system.slice/docker-" + kId + ".scope",
      "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + kId + ".scope",
      kubepods + "/cri-containerd-" + kId + ".scope",
      kubepods + "/docker-" + kId + ".scope",
      kubepods + "/crio-" + kId + ".scope",
      kubepods + "/crio-" + kId + ".scope/container",
      "/kubepods/burstable/" + kPod + "/" + kId,
      "/kubepods/besteffort/" + kPod + "/crio-" + kId,
      "/kubepods/" + kPod + "/" + kId,
      "/system.slice/containerd.service/" + kPodSlice + ":cri-containerd:" + kId,
      "/system.slice:docker:" + kId,
      "/libpod_parent/libpod-" + kId,
      "/machine.slice/libpod-" + kId + ".scope",
      "/machine.slice/libpod-" + kId + ".scope/container",
      "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId +
          ".scope/container/app.service",
      "/default/" + kId,                                            // nerdctl
      "/ecs/0c5e6d5b4a3f2e1d0c5e6d5b4a3f2e1d/" + kId,               // Amazon ECS
      "/k8s.io/" + kId,                                             // Talos
      "/../../" + kPodSlice + "/cri-containerd-" + kId + ".scope",  // from another cgroup namespace
      "/../libpod-" + kId,
  };
  for (const std::string& path : paths) EXPECT_EQ(container_id_in(path), kId) << path;
}

TEST(ContainerIdIn, OfNestedOnesFindsTheInnermost) {
  const std::vector<std::string> paths = {
      "/docker/" + kOuter + "/docker/" + kId,
      "/docker/" + kOuter + "/kubelet/kubepods/besteffort/" + kPod + "/" + kId,
      "/system.slice/docker-" + kOuter + ".scope/kubelet.slice/" + kPodSlice + "/cri-containerd-" +
          kId + ".scope",
      "/docker/" + kOuter + "/system.slice/docker-" + kId + ".scope/init",
      "/machine.slice/libpod-" + kId + ".scope/libpod-conmon-" + kOuter + ".scope",
  };
  for (const std::string& path : paths) EXPECT_EQ(container_id_in(path), kId) << path;
}

TEST(ContainerIdIn, StaysQuiet) {
  const std::vector<std::string> paths = {
      "",
      "/",
      "/init.scope",
      "/system.slice/nginx.service",
      "/user.slice/user-1000.slice/session-3.scope",
      "/system.slice/containerd.service",
      "/kubepods.slice/kubepods-burstable.slice/" + kPodSlice,
      "/machine.slice/libpod-conmon-" + kId + ".scope",
      "/libpod_parent/conmon",
      "/kubepods.slice/crio-conmon-" + kId + ".scope",
      "/crio-conmon-" + kId,
      "/lxc.payload.web",
      "/system.slice/var-lib-docker-overlay2-" + kId + "-merged.mount",
      "/docker/" + kId.substr(1),        // 63
      "/docker/" + kId + "0",            // 65
      "/docker/" + kId.substr(1) + "g",  // no digit
      "/docker/" + std::string(64, 'A'),
      "/docker/x" + kId,
      "/docker/" + kId + ".slice",
      "/process_api/9742950afe1e173af309ef389da1a175",
      std::string(70'000, '/'),
  };
  for (const std::string& path : paths) EXPECT_EQ(container_id_in(path), "") << path;
}

struct MembershipCase {
  const char* what;
  std::string text;
  std::string path;
  std::string container_id;
};

TEST(CgroupMembership, ChoosesAmongTheLines) {
  const std::string scope = "/system.slice/docker-" + kId + ".scope";
  const std::vector<MembershipCase> cases = {
      {"v2", "0::" + scope + "\n", scope, kId},
      {"v2, no container", "0::/system.slice/nginx.service\n", "/system.slice/nginx.service", ""},
      {"v2, the root", "0::/\n", "/", ""},
      {"v2, from another cgroup namespace", "0::/../docker-" + kId + ".scope\n",
       "/../docker-" + kId + ".scope", kId},
      {"v1",
       "12:pids:/docker/" + kId + "\n11:cpu,cpuacct:/docker/" + kId + "\n1:name=systemd:/docker/" +
           kId + "\n",
       "/docker/" + kId, kId},
      {"v1, no container",
       "12:pids:/user.slice\n11:cpu,cpuacct:/\n1:name=systemd:/user.slice/session-1.scope\n",
       "/user.slice/session-1.scope", ""},
      {"hybrid, all the same", "9:name=systemd:" + scope + "\n4:memory:" + scope + "\n0::" + scope,
       scope, kId},
      {"hybrid, v2 unused", "9:name=systemd:/\n4:memory:/libpod_parent/libpod-" + kId + "\n0::/\n",
       "/libpod_parent/libpod-" + kId, kId},
      {"hybrid, only a controller", "9:name=systemd:/\n4:memory:/process_api/97\n0::/\n",
       "/process_api/97", ""},
      {"nested, of which one hierarchy knows less",
       "4:memory:/docker/" + kOuter + "/docker/" + kId + "\n0::/docker/" + kOuter + "\n",
       "/docker/" + kOuter + "/docker/" + kId, kId},
      {"a path with colons", "0::/system.slice/a:b:c.service\n", "/system.slice/a:b:c.service", ""},
      {"a slice with colons", "7:devices:/" + kPodSlice + ":cri-containerd:" + kId + "\n",
       "/" + kPodSlice + ":cri-containerd:" + kId, kId},
      {"no cgroups", "", "", ""},
      {"no such lines", "\n:\n::\n0\n0:\n0::\n::/x\n0::x\nnonsense", "", ""},
      {"no line's end", "0::/docker/" + kId, "/docker/" + kId, kId},
  };
  for (const MembershipCase& c : cases) {
    const CgroupMembership membership = cgroup_membership(c.text);
    EXPECT_EQ(membership.path, c.path) << c.what;
    EXPECT_EQ(membership.container_id, c.container_id) << c.what;
  }
}

struct LogCase {
  std::string file;
  const char* pod;
  const char* namespace_name;
  const char* container;
};

TEST(ParseContainerLogName, FindsThePod) {
  const std::vector<LogCase> cases = {
      {"chat-7f_shop_server-" + kId + ".log", "chat-7f", "shop", "server"},
      {"chat-6d4cf56db6-x2x9k_default_web-socket-" + kId + ".log", "chat-6d4cf56db6-x2x9k",
       "default", "web-socket"},
      {"kube-apiserver-node1.example.com_kube-system_kube-apiserver-" + kId + ".log",
       "kube-apiserver-node1.example.com", "kube-system", "kube-apiserver"},
      {std::string(100, 'p') + "_n_c-" + kId + ".log", nullptr, "n", "c"},
  };
  for (const LogCase& c : cases) {
    const auto name = parse_container_log_name(c.file);
    ASSERT_TRUE(name.has_value()) << c.file;
    EXPECT_EQ(name->pod, c.pod != nullptr ? std::string_view(c.pod) : std::string(100, 'p'));
    EXPECT_EQ(name->namespace_name, c.namespace_name) << c.file;
    EXPECT_EQ(name->container, c.container) << c.file;
    EXPECT_EQ(name->container_id, kId) << c.file;
  }
}

TEST(ParseContainerLogName, StaysQuiet) {
  const std::vector<std::string> names = {
      "",
      ".",
      "..",
      ".log",
      "_.log",
      "__.log",
      "__-.log",
      "pod_ns.log",
      kId + ".log",
      "-" + kId + ".log",
      "__-" + kId + ".log",
      "_ns_c-" + kId + ".log",
      "pod__c-" + kId + ".log",
      "pod_ns_-" + kId + ".log",
      "pod_ns_c" + kId + ".log",
      "pod_ns_c-" + kId,
      "pod_ns_c-" + kId + ".log.gz",
      "pod_ns_c-" + kId + ".LOG",
      "pod_ns_c-" + kId.substr(1) + ".log",
      "pod_ns_c-" + kId + "0.log",
      "pod_ns_c_d-" + kId + ".log",
      "Pod_ns_c-" + kId + ".log",
      "pod_n.s_c-" + kId + ".log",
      "pod_ns_c.d-" + kId + ".log",
      "po/d_ns_c-" + kId + ".log",
      "pod\x1b[2J_ns_c-" + kId + ".log",
      "pod\n_ns_c-" + kId + ".log",
      "p\u202eod_ns_c-" + kId + ".log",
      "pod\"_ns_c-" + kId + ".log",
      "pod_ns_\xff\xfe-" + kId + ".log",
      std::string("pod\0_ns_c-", 10) + kId + ".log",
      std::string(254, 'p') + "_ns_c-" + kId + ".log",
      "pod_" + std::string(64, 'n') + "_c-" + kId + ".log",
      "pod_ns_" + std::string(64, 'c') + "-" + kId + ".log",
      std::string(100'000, '_'),
  };
  for (const std::string& name : names) {
    EXPECT_FALSE(parse_container_log_name(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace wsbpf
