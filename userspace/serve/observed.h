// Everything that the outputs show, as the loop has it at one moment.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "alert/alert.h"
#include "core/connection_table.h"
#include "core/history.h"

namespace wsbpf {

struct ProgramStats {
  std::string name;
  uint64_t runs = 0;
  uint64_t run_ns = 0;
};

// Records that never arrived.
struct LostEvents {
  std::map<std::string, uint64_t> ring_buffer;  // by program
  uint64_t recursion = 0;                       // executions skipped by the kernel
  uint64_t iterator = 0;                        // sweeps that could not be read to the end
  uint64_t unseen = 0;  // what sweeps had to repair, counted elsewhere or not

  std::map<std::string, uint64_t> by_reason() const {
    uint64_t dropped = 0;
    for (const auto& [program, count] : ring_buffer) dropped += count;
    return {{"ring_buffer", dropped},
            {"recursion", recursion},
            {"iterator", iterator},
            {"unseen", unseen}};
  }

  uint64_t total() const {
    uint64_t sum = 0;
    for (const auto& [reason, count] : by_reason()) sum += count;
    return sum;
  }
};

// What the daemon itself uses; the process_* metrics.
struct ProcessUsage {
  double cpu_seconds = 0;
  double start_time_seconds = 0;  // since the epoch
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_fds = 0;
};

struct Status {
  std::string version;
  std::string node;
  std::string kernel;
  uint32_t pid = 0;
  uint64_t started_ns = 0;                 // CLOCK_BOOTTIME
  std::vector<std::string> reasons;        // why it is degraded; empty: it is not
  bool full_coverage = true;               // every network namespace is swept
  std::map<std::string, uint64_t> events;  // by type
  LostEvents lost;
  uint64_t sweeps = 0;
  double sweep_interval_seconds = 0;
  double last_sweep_seconds = 0;
  size_t namespaces = 0;
  uint32_t close_wait_threshold = 0;
  double close_wait_for_seconds = 0;
  std::string websocket_trouble;  // why they are not read; "": they are, or are off
  bool discovery = false;         // ports are to be discovered
  PortSet discovered_ports;
  std::vector<ProgramStats> programs;        // only with --bpf-stats
  std::map<int, std::string> reset_reasons;  // the kernel's names
  ProcessUsage usage;
};

// Opens and closes a second, over the last ten.
struct Rates {
  double opens = 0;
  double closes = 0;
};

struct Observed {
  const ConnectionTable* table = nullptr;
  uint64_t now_ns = 0;                     // CLOCK_BOOTTIME
  int64_t wall_clock_offset_ns = 0;        // from CLOCK_BOOTTIME to the time since the epoch
  std::vector<ListenerSummary> listeners;  // sorted by key, with those retained
  std::map<ListenerKey, Rates> rates;
  std::map<uint32_t, uint64_t> owner_rss_bytes;  // by pid
  std::vector<Alert> alerts;
  History history;
  Status status;
};

}  // namespace wsbpf
