#include "source/procfs.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/container.h"
#include "source/files.h"
#include "source/kernel_clock.h"

namespace wsbpf {
namespace {

// What a file of /proc says; "" where it is not there, or where its process ends meanwhile.
std::string text_of(const std::string& path) {
  const auto text = read_file(path);
  return text ? text->value_or("") : "";
}

template <typename Visit>
void each_entry(const char* folder, Visit visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder), closedir);
  if (!entries) return;
  while (const dirent* entry = readdir(entries.get())) visit(entry->d_name);
}

// 0 for what is no number.
uint64_t number_in(const std::string& text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

struct Memory {
  uint64_t virtual_bytes = 0;
  uint64_t resident_bytes = 0;
};

std::optional<Memory> memory_of(const std::string& process) {
  std::ifstream statm(fmt::format("/proc/{}/statm", process));
  Memory pages;
  if (!(statm >> pages.virtual_bytes >> pages.resident_bytes)) return std::nullopt;
  const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return Memory{pages.virtual_bytes * page_bytes, pages.resident_bytes * page_bytes};
}

}  // namespace

ProcFs::ProcFs(std::string container_logs, std::string proc)
    : proc_(std::move(proc)), pod_names_(std::move(container_logs)) {
  constexpr ino_t kInitialPidNamespace = 0xEFFFFFFC;  // PROC_PID_INIT_INO, linux/proc_ns.h
  struct stat status {};
  if (stat((proc_ + "/self/ns/pid").c_str(), &status) == 0) {
    sees_host_pids_ = status.st_ino == kInitialPidNamespace;
  }
}

std::optional<Process> ProcFs::find(uint32_t pid) {
  if (!sees_host_pids_) return std::nullopt;
  const auto [known, is_new] = known_.try_emplace(pid);
  if (is_new) known->second = read(pid);
  return known->second;
}

std::optional<Process> ProcFs::read(uint32_t pid) {
  constexpr uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD, linux/sched.h
  // "PID (comm) S ppid …": comm may hold anything, also parentheses, so count from the last one.
  const std::string stat = text_of(fmt::format("{}/{}/stat", proc_, pid));
  const size_t open = stat.find('(');
  const size_t close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  std::istringstream text(stat.substr(close + 1));
  std::array<std::string, 23> fields;  // by their number in proc_pid_stat(5)
  for (size_t number = 3; number < fields.size(); ++number) text >> fields[number];
  if ((number_in(fields[9]) & kKernelThread) != 0) return std::nullopt;

  Process process;
  process.pid = pid;
  process.start_time = number_in(fields[22]);
  process.comm = stat.substr(open + 1, close - open - 1);
  auto membership = cgroup_membership(text_of(fmt::format("{}/{}/cgroup", proc_, pid)));
  process.place.cgroup = std::move(membership.path);
  process.place.container_id = std::move(membership.container_id);
  if (process.place.container_id.empty()) return process;
  if (const PodName* name = pod_names_.find(process.place.container_id, boot_time_ns())) {
    process.place.namespace_name = name->namespace_name;
    process.place.pod = name->pod;
    process.place.container = name->container;
  }
  return process;
}

std::optional<uint64_t> resident_bytes(uint32_t pid) {
  const auto memory = memory_of(std::to_string(pid));
  if (!memory) return std::nullopt;
  return memory->resident_bytes;
}

std::string boot_id() {
  std::string id = text_of("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

SelfUsage self_usage() {
  SelfUsage usage;
  rusage times{};
  getrusage(RUSAGE_SELF, &times);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  usage.cpu_seconds = seconds(times.ru_utime) + seconds(times.ru_stime);
  if (const auto memory = memory_of("self")) {
    usage.resident_bytes = memory->resident_bytes;
    usage.virtual_bytes = memory->virtual_bytes;
  }
  each_entry("/proc/self/fd", [&](const char* name) { usage.open_fds += name[0] != '.'; });
  return usage;
}

std::vector<NetworkNamespace> network_namespaces() {
  std::vector<NetworkNamespace> namespaces;
  std::unordered_set<uint64_t> seen;
  const auto add = [&](const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0 || !seen.insert(status.st_ino).second) return;
    namespaces.push_back({static_cast<uint32_t>(status.st_ino), path});
  };
  add("/proc/self/ns/net");
  each_entry("/proc", [&](const char* name) {
    if (name[0] >= '1' && name[0] <= '9') add(fmt::format("/proc/{}/ns/net", name));
  });

  // "… net:[4026532000] /run/netns/blue rw - nsfs nsfs rw" (proc_pid_mountinfo(5))
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, mount_point;
    fields >> id >> parent >> device >> root >> mount_point;
    if (root.starts_with("net:[")) add(mount_point);
  }
  return namespaces;
}

}  // namespace wsbpf
