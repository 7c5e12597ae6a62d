#include "source/host_probes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "core/text.h"
#include "source/bpf_features.h"
#include "source/cgroup_root.h"
#include "source/files.h"
#include "source/procfs.h"

namespace wsbpf {
namespace {

std::string trimmed_file(const std::string& path) {
  const auto read = read_file(path);
  std::string text = read ? read->value_or("") : "";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return printable(text);
}

Probe probe_release() {
  utsname name{};
  uname(&name);
  return ok("kernel", fmt::format("Linux {} {}", printable(name.release), printable(name.machine)));
}

Probe probe_types() {
  constexpr char kName[] = "BTF";
  constexpr char kAdvice[] =
      "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (5.15 or newer), and mount /sys";
  if (access(kKernelTypes, R_OK) != 0) {
    return missing(kName, fmt::format("{}: {}", kKernelTypes, std::strerror(errno)), kAdvice);
  }
  if (!has_kernel_types())
    return missing(kName, fmt::format("{} is damaged", kKernelTypes), kAdvice);
  return ok(kName, fmt::format("{} is there", kKernelTypes));
}

// "[none] integrity confidentiality": the mode in brackets holds.
Probe probe_lockdown() {
  constexpr char kName[] = "lockdown";
  const std::string modes = trimmed_file("/sys/kernel/security/lockdown");
  if (modes.empty()) return ok(kName, "none, or not to be seen (no securityfs here)");
  const size_t open = modes.find('[');
  const size_t close = modes.find(']');
  if (open == std::string::npos || close == std::string::npos) return ok(kName, modes);
  const std::string mode = modes.substr(open + 1, close - open - 1);
  if (mode != "confidentiality") return ok(kName, mode);
  return missing(kName, mode + ": programs may not read the kernel's memory",
                 "boot with lockdown=integrity, or without it");
}

Probe probe_unprivileged_bpf() {
  const std::string value = trimmed_file("/proc/sys/kernel/unprivileged_bpf_disabled");
  return ok("unprivileged BPF", fmt::format("{}; not needed", value.empty()  ? "not to be seen"
                                                              : value == "0" ? "allowed"
                                                                             : "forbidden"));
}

Probe probe_proc() {
  constexpr char kName[] = "/proc";
  constexpr char kLost[] = "who owns connections: process, cgroup, container, pod";
  if (access("/proc/self/stat", R_OK) != 0) {
    return degraded(kName, fmt::format("not mounted: {}", std::strerror(errno)), kLost,
                    "mount -t proc proc /proc");
  }
  if (access("/proc/1/stat", R_OK) != 0) {
    return degraded(kName, "processes of others are hidden (hidepid)", kLost,
                    "run as root, or mount /proc without hidepid");
  }
  return ok(kName, "mounted, and shows the processes of others");
}

Probe probe_pid_namespace() {
  constexpr char kName[] = "pid namespace";
  if (ProcFs().sees_host_pids()) return ok(kName, "the host's");
  return degraded(kName, "not the host's: the kernel's pids are those of other processes here",
                  "who owns connections, and network namespaces that only processes show",
                  "run outside of the container, or in one with the host's pids (Kubernetes: "
                  "hostPID: true; docker and podman: --pid=host)");
}

// In a thread of its own, which alone changes its namespace.
size_t count_entered(const std::vector<NetworkNamespace>& namespaces) {
  size_t entered = 0;
  std::thread([&] {
    for (const NetworkNamespace& netns : namespaces) {
      const int fd = open(netns.path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) continue;
      entered += setns(fd, CLONE_NEWNET) == 0;
      close(fd);
    }
  }).join();
  return entered;
}

Probe probe_network_namespaces() {
  constexpr char kName[] = "network namespaces";
  const auto namespaces = network_namespaces();
  const size_t entered = count_entered(namespaces);
  const std::string found = fmt::format("{} of {} could be entered", entered, namespaces.size());
  if (entered == 0) {
    return missing(kName, found, "run as root (CAP_SYS_ADMIN, CAP_SYS_PTRACE), and mount /proc");
  }
  if (entered == namespaces.size()) return ok(kName, found);
  return degraded(kName, found,
                  "in the others: connections that are older than wsbpf, and the repair of what "
                  "events were lost of",
                  "run as root (CAP_SYS_ADMIN, CAP_SYS_PTRACE)");
}

// Only the paths in /proc/PID/cgroup are read: any hierarchy will do.
Probe probe_cgroups() {
  constexpr char kName[] = "cgroup";
  const std::string paths = trimmed_file("/proc/self/cgroup");
  if (paths.empty()) {
    return degraded(kName, "/proc/self/cgroup says nothing", "the containers and pods of owners",
                    "use a kernel with CONFIG_CGROUPS=y");
  }
  const bool unified = paths.starts_with("0::") || paths.find("\\n0::") != std::string::npos;
  const bool legacy = !paths.starts_with("0::");
  return ok(kName, unified && legacy ? "v1 and v2 (hybrid)" : unified ? "v2" : "v1");
}

Probe probe_cgroup_root() {
  constexpr char kName[] = "cgroup v2 root";
  const auto root = open_cgroup_root();
  if (!root) return degraded(kName, root.error().message, kLostWithoutWebSockets);
  close(*root);
  return ok(kName, "the host's");
}

Probe probe_container_logs(const std::string& folder) {
  constexpr char kName[] = "pod names";
  std::error_code error;
  size_t names = 0;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++names;
  }
  if (!error) return ok(kName, fmt::format("{} in {}", names, printable(folder)));
  const bool in_kubernetes = std::getenv("KUBERNETES_SERVICE_HOST") != nullptr;
  const std::string found = fmt::format("{}: {}", printable(folder), error.message());
  if (!in_kubernetes) return ok(kName, found + "; there are none outside of Kubernetes");
  return degraded(kName, found, "the names of pods",
                  "mount the node's " + printable(folder) + " read-only, by hostPath");
}

Probe probe_descriptors() {
  constexpr char kName[] = "open files";
  constexpr rlim_t kEnough = 1024;  // what HTTP takes at most, and then some
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return ok(kName, "as many as it likes");
  const std::string found = fmt::format("{} at once", limit.rlim_cur);
  if (limit.rlim_cur >= kEnough) return ok(kName, found);
  return degraded(kName, found, "HTTP clients beyond that number",
                  "raise RLIMIT_NOFILE to 1024 (ulimit -n; systemd: LimitNOFILE=)");
}

}  // namespace

std::vector<Probe> probe_kernel() {
  return {probe_release(), probe_types(), probe_lockdown(), probe_unprivileged_bpf()};
}

std::vector<Probe> probe_capabilities() {
  std::vector<Probe> probes;
  for (const NeededCapability& needed : needed_capabilities()) {
    std::string name(needed.name);
    if (has_capability(needed.number)) {
      probes.push_back(ok(std::move(name), fmt::format("effective: may {}", needed.use)));
    } else {
      probes.push_back(missing(std::move(name), fmt::format("missing: may not {}", needed.use),
                               "run as root, for example with sudo, or in a privileged container"));
    }
  }
  return probes;
}

std::vector<Probe> probe_surroundings(const std::string& container_logs) {
  return {probe_proc(),       probe_pid_namespace(), probe_network_namespaces(),
          probe_cgroups(),    probe_cgroup_root(),   probe_container_logs(container_logs),
          probe_descriptors()};
}

}  // namespace wsbpf
