// What /proc knows of processes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/process_table.h"
#include "source/pod_names.h"

namespace wsbpf {

// Looks processes up in /proc, each once until forget(), and their pods in the container logs.
class ProcFs : public ProcessLookup {
 public:
  // `container_logs`: the folder of the kubelet's links, "" for none. `proc`: where /proc is.
  explicit ProcFs(std::string container_logs = "", std::string proc = "/proc");

  // Nothing also for the kernel's own threads: they end sockets on behalf of others.
  std::optional<Process> find(uint32_t pid) override;

  // The kernel tells the pids of the host's namespace. In another one these are other processes, or
  // none: there, nothing is ever found.
  bool sees_host_pids() const { return sees_host_pids_; }

  // Pids are reused and processes change their names: call this before each sweep.
  void forget() { known_.clear(); }

 private:
  std::optional<Process> read(uint32_t pid);

  std::string proc_;
  bool sees_host_pids_ = true;
  PodNames pod_names_;
  std::unordered_map<uint32_t, std::optional<Process>> known_;
};

// The process's resident memory in bytes; nothing when it is gone.
std::optional<uint64_t> resident_bytes(uint32_t pid);

// Tells one boot of this kernel from another; "" where /proc does not say.
std::string boot_id();

// CPU time, memory and descriptors of this process.
struct SelfUsage {
  double cpu_seconds = 0;
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_fds = 0;
};
SelfUsage self_usage();

// A network namespace, by a path that setns() can open.
struct NetworkNamespace {
  uint32_t inode = 0;
  std::string path;
};

// Every network namespace that has a process or is mounted somewhere (as `ip netns` does), each
// once. Those of processes are only found in the host's pid namespace.
std::vector<NetworkNamespace> network_namespaces();

}  // namespace wsbpf
