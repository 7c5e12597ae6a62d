// The processes that own sockets, interned: each is stored once however many sockets it holds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/connection.h"
#include "core/slab.h"

namespace wsbpf {

// Who a pid is now. Abstract so that the table can be tested without /proc; source/procfs.h has
// the real one.
class ProcessLookup {
 public:
  virtual ~ProcessLookup() = default;
  // Returns nothing when the process is gone or cannot be seen.
  virtual std::optional<Process> find(uint32_t pid) = 0;
};

class ProcessTable {
 public:
  explicit ProcessTable(ProcessLookup& lookup) : lookup_(lookup) {}

  // Returns the index of the process that `pid` is now, or kNone when it cannot be known.
  uint32_t intern(uint32_t pid) {
    if (pid == 0) return kNone;
    auto process = lookup_.find(pid);
    if (!process) return kNone;
    const auto key = std::pair(process->pid, process->start_time);
    if (const auto known = index_.find(key); known != index_.end()) {
      // It may have been renamed, or moved; or its pod has only now become known.
      processes_[known->second] = std::move(*process);
      return known->second;
    }
    const uint32_t index = processes_.insert(std::move(*process));
    index_.emplace(key, index);
    return index;
  }

  const Process& operator[](uint32_t index) const { return processes_[index]; }

  // Returns nullptr for kNone.
  const Process* find(uint32_t index) const {
    return index == kNone ? nullptr : &processes_[index];
  }

  // Forgets every process whose index is not marked in `used`.
  void keep_only(const std::vector<bool>& used) {
    processes_.each([&](uint32_t index, const Process& process) {
      if (index < used.size() && used[index]) return;
      index_.erase({process.pid, process.start_time});
      processes_.erase(index);
    });
  }

  uint32_t end() const { return processes_.end(); }

 private:
  ProcessLookup& lookup_;
  Slab<Process> processes_;
  std::map<std::pair<uint32_t, uint64_t>, uint32_t> index_;
};

}  // namespace wsbpf
