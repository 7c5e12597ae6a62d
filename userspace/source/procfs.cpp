#include "source/procfs.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>

namespace wsbpf {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

template <typename Visit>
void each_entry(const char* folder, Visit visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder), closedir);
  if (!entries) return;
  while (const dirent* entry = readdir(entries.get())) visit(entry->d_name);
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

std::optional<Process> ProcFs::find(uint32_t pid) {
  if (const auto known = known_.find(pid); known != known_.end()) return known->second;
  std::optional<Process>& found = known_[pid];
  // "PID (comm) S ppid …": comm may hold anything, also parentheses, so count from the last one.
  const std::string stat = read_file(fmt::format("/proc/{}/stat", pid));
  const size_t open = stat.find('(');
  const size_t close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return found;
  std::istringstream fields(stat.substr(close + 1));
  std::string field;
  for (int number = 3; number <= 22 && fields >> field; ++number) {
  }
  Process process;
  process.pid = pid;
  process.comm = stat.substr(open + 1, close - open - 1);
  std::from_chars(field.data(), field.data() + field.size(), process.start_time);
  found = std::move(process);
  return found;
}

std::optional<uint64_t> resident_bytes(uint32_t pid) {
  const auto memory = memory_of(std::to_string(pid));
  if (!memory) return std::nullopt;
  return memory->resident_bytes;
}

std::string boot_id() {
  std::string id = read_file("/proc/sys/kernel/random/boot_id");
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
