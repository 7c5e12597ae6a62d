// Containers by the names they leave: in cgroup paths and in /var/log/containers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wsbpf {

// The id of the innermost container that a cgroup path names, as docker, containerd, CRI-O, podman
// and the kubelet write it with either cgroup driver; "" where it names none. The monitors that
// CRI-O and podman put beside a container (conmon) are not in it.
std::string_view container_id_in(std::string_view cgroup_path);

// What a whole /proc/PID/cgroup says (cgroups(7)): one path with cgroup v2, one a hierarchy with v1
// and both on hybrid hosts. Where they differ, the one that names the most containers counts.
struct CgroupMembership {
  std::string path;
  std::string container_id;  // "": in no container
};
CgroupMembership cgroup_membership(std::string_view proc_cgroup);

// "POD_NAMESPACE_CONTAINER-ID.log", as the kubelet names the links in /var/log/containers. The
// views are into the name. Nothing for any other name, also for one that the kubelet cut at 255
// bytes.
struct ContainerLogName {
  std::string_view pod;
  std::string_view namespace_name;
  std::string_view container;
  std::string_view container_id;
};
std::optional<ContainerLogName> parse_container_log_name(std::string_view file_name);

}  // namespace wsbpf
