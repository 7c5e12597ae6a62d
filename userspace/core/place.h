// Where a process runs, for those who know it by its pod rather than by its pid.
#pragma once

#include <string>

namespace wsbpf {

// Whatever is not known, or not so (no container, no Kubernetes), is "".
struct Place {
  std::string cgroup = {};  // as /proc/PID/cgroup shows it: below the reader's cgroup namespace
  std::string container_id = {};    // 64 hexadecimal digits, as the runtime and the kubelet use it
  std::string namespace_name = {};  // of Kubernetes, as are the next two
  std::string pod = {};
  std::string container = {};

  bool operator==(const Place&) const = default;
};

}  // namespace wsbpf
